namespace NanoGpt.Data.Tests;

public sealed class DataOrderTests : IDisposable
{
    readonly TempFolder folder = new();

    public void Dispose() => folder.Dispose();

    /// <summary>A data set of shards of these lengths; token n of the training stream is n.</summary>
    TokenDataset Ragged(params int[] lengths)
    {
        int next = 0;
        for (int i = 0; i < lengths.Length; next += lengths[i++])
            folder.WriteTokens($"x_train_{i:000000}.bin", [.. Enumerable.Range(next, lengths[i]).Select(n => (ushort)n)]);
        folder.WriteTokens("x_val_000000.bin", [.. Enumerable.Range(0, 100).Select(n => (ushort)n)]);
        return TokenDataset.Open(folder.Root);
    }

    /// <summary>The first inputs of rows of a run, row by row.</summary>
    static List<int> Starts(TokenDataset data, DataOrder order, int rows, int batch, int microBatches, int blockSize, ulong seed = 7)
    {
        var starts = new List<int>();
        int[] x = new int[batch * blockSize], y = new int[batch * blockSize];
        for (int micro = 0; starts.Count < rows; micro++)
        {
            data.Fill(new BatchKey(seed, Split.Train, micro / microBatches, micro % microBatches, microBatches), batch, blockSize, x, y, order);
            for (int row = 0; row < batch && starts.Count < rows; row++)
            {
                starts.Add(x[row * blockSize]);
                for (int i = 0; i < blockSize; i++) Assert.Equal((starts[^1] + i, starts[^1] + i + 1), (x[row * blockSize + i], y[row * blockSize + i]));
            }
        }
        return starts;
    }

    [Theory]
    [InlineData(5, 1, 1, 100)]
    [InlineData(5, 3, 4, 11, 6, 5, 100, 2)]
    [InlineData(16, 4, 2, 17, 33, 400, 16, 1)]
    [InlineData(1, 7, 3, 2, 30, 9)]
    [InlineData(64, 8, 5, 1000, 999, 1001, 65)]
    public void Sequential_gives_every_row_once_in_each_epoch(int blockSize, int batch, int microBatches, params int[] lengths)
    {
        using TokenDataset data = Ragged(lengths);
        var expected = new List<int>();
        int first = 0;
        foreach (int length in lengths)
        {
            for (int row = 0; row < (length - 1) / blockSize; row++) expected.Add(first + row * blockSize);
            first += length;
        }
        List<int> starts = Starts(data, DataOrder.Sequential, 3 * expected.Count, batch, microBatches, blockSize);
        var epochs = starts.Chunk(expected.Count).ToArray();
        foreach (int[] epoch in epochs) Assert.Equal(expected, epoch.Order());
        if (expected.Count > 10) Assert.NotEqual(epochs[0], epochs[1]);
    }

    [Theory]
    [InlineData(DataOrder.Sequential)]
    [InlineData(DataOrder.Document)]
    public void Batches_do_not_depend_on_what_was_drawn_before_nor_on_who_draws_them(DataOrder order)
    {
        const int B = 3, T = 8, Micro = 6;
        string[] files = Documents();
        int[] Draw(TokenDataset data, int micro)
        {
            int[] x = new int[B * T], y = new int[B * T];
            data.Fill(new BatchKey(1, Split.Train, micro / Micro, micro % Micro, Micro), B, T, x, y, order);
            return [.. x, .. y];
        }
        using var reference = TokenDataset.Open(folder.Root);
        int[][] expected = [.. Enumerable.Range(0, 60).Select(micro => Draw(reference, micro))];
        foreach (int ranks in (int[])[1, 2, 3, 6])
        {
            TokenDataset[] worlds = [.. Enumerable.Range(0, ranks).Select(_ => TokenDataset.Open(folder.Root))];
            foreach (int micro in Enumerable.Range(0, 60).OrderBy(m => m % ranks)) Assert.Equal(expected[micro], Draw(worlds[micro % ranks], micro));
            foreach (TokenDataset world in worlds) world.Dispose();
        }
        using var resumed = TokenDataset.Open(folder.Root);
        Assert.Equal(expected[47], Draw(resumed, 47));
        Assert.Equal(expected[3], Draw(resumed, 3));
        Assert.NotEmpty(files);
    }

    const ushort EndOfText = 50256;

    string[] Documents()
    {
        var random = new Random(5);
        for (int shard = 0; shard < 3; shard++)
        {
            var tokens = new List<ushort>();
            while (tokens.Count < 300 + 100 * shard)
                tokens.AddRange([EndOfText, .. Enumerable.Range(0, random.Next(1, 30)).Select(i => (ushort)(1000 * shard + tokens.Count + i))]);
            folder.WriteTokens($"x_train_{shard:000000}.bin", [.. tokens]);
        }
        folder.WriteTokens("x_val_000000.bin", [.. Enumerable.Range(0, 100).Select(n => (ushort)n)]);
        return ShardFiles.In(folder.Root, Split.Train).ToArray();
    }

    [Fact]
    public void Document_rows_start_with_documents_and_do_not_overlap()
    {
        const int T = 12;
        var expected = new List<(int Shard, int Offset)>();
        string[] files = Documents();
        ushort[][] shards = [.. files.Select(file => System.Runtime.InteropServices.MemoryMarshal.Cast<byte, ushort>(File.ReadAllBytes(file)).ToArray())];
        for (int s = 0; s < shards.Length; s++)
            for (int i = 0, free = 0; i + T < shards[s].Length; i++)
                if (i >= free && shards[s][i] == EndOfText)
                {
                    expected.Add((s, i));
                    free = i + T;
                }
        using var data = TokenDataset.Open(folder.Root);
        int[] x = new int[T * expected.Count], y = new int[T * expected.Count];
        for (int epoch = 0; epoch < 2; epoch++)
        {
            data.Fill(new BatchKey(3, Split.Train, epoch, 0), expected.Count, T, x, y, DataOrder.Document);
            Assert.Equal(
                expected.Select(e => string.Join(' ', shards[e.Shard][e.Offset..(e.Offset + T + 1)])).Order(StringComparer.Ordinal),
                Enumerable.Range(0, expected.Count).Select(r => string.Join(' ', x[(r * T)..((r + 1) * T)].Append(y[(r + 1) * T - 1]))).Order(StringComparer.Ordinal));
        }
    }

    [Fact]
    public void Without_documents_or_end_of_text_document_order_is_refused()
    {
        using TokenDataset data = Ragged(50, 60);
        Assert.Contains("No end-of-text token (50256)", Assert.Throws<InvalidDataException>(() => Starts(data, DataOrder.Document, 1, 1, 1, 8)).Message, StringComparison.Ordinal);
        Datasets.Prepare("text_char", [folder.Write("text.txt", string.Concat(Enumerable.Repeat("some text ", 50)))], folder["data"]);
        using var chars = TokenDataset.Open(folder["data"]);
        Assert.Contains("'char'", Assert.Throws<InvalidDataException>(() => Starts(chars, DataOrder.Document, 1, 1, 1, 8)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Random_windows_of_one_file_are_those_of_the_first_release_and_never_cross_shards()
    {
        using TokenDataset one = Ragged(900);
        var key = new BatchKey(1337, Split.Train, 10, 2);
        int[] x = new int[4 * 16], y = new int[4 * 16];
        one.Fill(key, 4, 16, x, y);
        Assert.Equal(Enumerable.Range(0, 4).Select(row => (int)BatchSampler.Offset(key, row, 900, 16)), x.Where((_, i) => i % 16 == 0));
        foreach (string file in ShardFiles.In(folder.Root, Split.Train)) File.Delete(file);

        using TokenDataset many = Ragged(20, 17, 5, 40);
        var seen = Starts(many, DataOrder.Random, 2000, 10, 1, 16).ToHashSet();
        Assert.Equal([0, 1, 2, 3, 20, .. Enumerable.Range(42, 24)], seen.Order());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(7)]
    [InlineData(64)]
    [InlineData(1000)]
    [InlineData(65_537)]
    public void A_permutation_is_one(int count)
    {
        var permutation = new Permutation(42, 3, 1, count);
        Assert.Equal(Enumerable.Range(0, count).Select(i => (long)i), Enumerable.Range(0, count).Select(i => permutation.At(i)).Order());
    }

    [Fact]
    public void Permutations_are_fair()
    {
        const int Count = 10, Draws = 20_000;
        var histogram = new int[Count, Count];
        for (int epoch = 0; epoch < Draws; epoch++)
        {
            var permutation = new Permutation(9, epoch, 1, Count);
            for (int i = 0; i < Count; i++) histogram[i, permutation.At(i)]++;
        }
        foreach (int n in histogram) Assert.InRange(n, Draws / Count * 0.88, Draws / Count * 1.12); // 2000 ± 5.6 sigma
    }

    [Fact]
    public void A_large_permutation_stays_inside()
    {
        var permutation = new Permutation(1, 0, 1, 5_000_000_000_000);
        Assert.All(Enumerable.Range(0, 1000), i => Assert.InRange(permutation.At(4_999_999_999_000 + i), 0, 4_999_999_999_999));
    }
}
