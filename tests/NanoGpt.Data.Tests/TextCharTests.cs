using System.Text;

namespace NanoGpt.Data.Tests;

public sealed class TextCharTests : IDisposable
{
    readonly TempFolder folder = new();

    public void Dispose() => folder.Dispose();

    string Data => folder["data"];

    PreparedDataset Prepare(params string[] inputs) => Datasets.Prepare("text_char", inputs, Data);

    string PreparedText()
    {
        using var dataset = TokenDataset.Open(Data);
        var text = new StringBuilder();
        foreach (Split split in Enum.GetValues<Split>())
        {
            var ids = new int[dataset[split].Count];
            dataset[split].Read(0, ids);
            text.Append(dataset.Tokenizer!.Decode(ids));
        }
        return text.ToString();
    }

    [Fact]
    public void Newlines_are_read_as_python_reads_them()
    {
        Prepare(folder.Write("a.txt", "one\r\ntwo\rthree\nfour\r\r\n\n\rfive and more\r"));
        Assert.Equal("one\ntwo\nthree\nfour\n\n\n\nfive and more\n", PreparedText());
    }

    [Fact]
    public void A_byte_order_mark_is_skipped_at_the_start_only()
    {
        Prepare(folder.Write("a.txt", "\uFEFFtext with a mark \uFEFF inside"));
        Assert.Equal("text with a mark \uFEFF inside", PreparedText());
    }

    [Fact]
    public void A_character_outside_the_basic_plane_is_one_token()
    {
        PreparedDataset prepared = Prepare(folder.Write("a.txt", "😀😃😀😃😀😃😀😃😀😃😀😃"));
        Assert.Equal(["😀", "😃"], prepared.Meta.Vocabulary);
        Assert.Equal((10, 2), (prepared.Meta.TrainTokens, prepared.Meta.ValTokens));
        Assert.Equal("😀😃😀😃😀😃😀😃😀😃😀😃", PreparedText());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Characters_and_newlines_cut_by_the_reading_buffer_stay_whole(int shift)
    {
        // The buffer is 1 MiB: each shift moves its end to another byte of the four-byte character, then of "\r\n".
        string text = new string('x', shift) + string.Concat(Enumerable.Repeat("😀", 300_000)) + string.Concat(Enumerable.Repeat("\r\n", 600_000));
        Prepare(folder.Write("a.txt", text));
        Assert.Equal(text.Replace("\r\n", "\n", StringComparison.Ordinal), PreparedText());
    }

    [Theory]
    [InlineData(5)]
    [InlineData((1 << 20) - 1)]
    [InlineData((1 << 20) + 17)]
    public void Invalid_utf8_is_refused_with_its_offset(int offset)
    {
        byte[] bytes = new byte[offset + 100];
        Array.Fill(bytes, (byte)'a');
        bytes[offset] = 0xC3; // begins a character, but 'a' cannot go on with it
        string path = folder.Write("bad.txt", bytes);
        var error = Assert.Throws<InvalidDataException>(() => Prepare(path));
        Assert.Contains($"'{path}' is not UTF-8: byte 0xC3 at offset {offset}", error.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Data));
    }

    [Fact]
    public void A_character_cut_off_by_the_end_of_the_file_is_refused()
    {
        string path = folder.Write("bad.txt", [.. "\uFEFFabcdefghijklmnop"u8, 0xF0, 0x9F, 0x98]);
        Assert.Contains("byte 0xF0 at offset 19", Assert.Throws<InvalidDataException>(() => Prepare(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Folders_are_read_in_ordinal_order_and_files_end_their_lines()
    {
        folder.Write("in/b.txt", "second\n");
        folder.Write("in/B.txt", "first without end");
        folder.Write("in/c/a.txt", "\uFEFFthird");
        string single = folder.Write("single.txt", "zero\n");
        PreparedDataset prepared = Prepare(single, folder["in"]);
        Assert.Equal("zero\nfirst without end\nsecond\nthird", PreparedText());
        Assert.Equal(4, prepared.Meta.Sources.Count);
        Assert.Contains("3 files", Assert.Single(prepared.Notes), StringComparison.Ordinal);
    }

    [Fact]
    public void Inputs_without_text_are_refused_by_name()
    {
        Assert.Contains("--input", Assert.Throws<ArgumentException>(() => Prepare()).Message, StringComparison.Ordinal);
        Assert.Contains("'none.txt'", Assert.Throws<FileNotFoundException>(() => Prepare("none.txt")).Message, StringComparison.Ordinal);
        string empty = folder.Write("empty.txt", "");
        Assert.Contains($"'{empty}' is empty", Assert.Throws<InvalidDataException>(() => Prepare(empty)).Message, StringComparison.Ordinal);
        string hollow = Directory.CreateDirectory(folder["hollow"]).FullName;
        Assert.Contains($"'{hollow}' holds no file", Assert.Throws<InvalidDataException>(() => Prepare(hollow)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_text_too_short_to_split_is_refused()
    {
        string path = folder.Write("short.txt", "0123456789");
        Assert.Contains("only 10 characters", Assert.Throws<InvalidDataException>(() => Prepare(path)).Message, StringComparison.Ordinal);
        Prepare(folder.Write("enough.txt", "0123456789a"));
        Assert.Equal("0123456789a", PreparedText());
    }

    [Fact]
    public void More_characters_than_16_bits_tell_apart_are_refused()
    {
        string path = folder.Write("many.txt", string.Concat(Enumerable.Range(0x10000, 65_536).Select(char.ConvertFromUtf32)));
        Assert.Contains("65536 distinct characters", Assert.Throws<InvalidDataException>(() => Prepare(path)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("text, some long enough")]
    [InlineData("some text, wide enough")]
    [InlineData("some text")]
    public void A_file_that_changes_between_the_passes_is_refused(string changed)
    {
        string first = folder.Write("1.txt", "some text, long enough");
        string second = folder.Write("2.txt", "and another");
        var change = new Listener(progress =>
        {
            // The first file is closed when the second is counted, and not yet open again.
            if (progress.Stage == PrepareStage.Count && progress.Done == progress.Total) File.WriteAllText(first, changed);
        });
        var error = Assert.Throws<IOException>(() => Datasets.Prepare("text_char", [first, second], Data, change));
        Assert.Contains("changed while it was read", error.Message, StringComparison.Ordinal);
        Assert.False(Datasets.IsPrepared(Data));
    }

    [Theory]
    [InlineData(PrepareStage.Count)]
    [InlineData(PrepareStage.Encode)]
    public void Stopping_leaves_no_file(PrepareStage stage)
    {
        string path = folder.Write("a.txt", new string('a', 3 << 20));
        using var stop = new CancellationTokenSource();
        var listener = new Listener(progress =>
        {
            if (progress.Stage == stage && progress.Done > 1 << 20) stop.Cancel();
        });
        Assert.Throws<OperationCanceledException>(() => Datasets.Prepare("text_char", [path], Data, listener, stop.Token));
        Assert.Equal(["a.txt"], folder.Files());
        Assert.False(Datasets.IsPrepared(Data));
    }

    [Fact]
    public void Stopping_keeps_what_was_prepared_before()
    {
        Prepare(folder.Write("a.txt", "the text of the first time"));
        using var stop = new CancellationTokenSource();
        var listener = new Listener(progress =>
        {
            if (progress.Stage == PrepareStage.Encode) stop.Cancel();
        });
        string other = folder.Write("b.txt", new string('b', 3 << 20));
        Assert.Throws<OperationCanceledException>(() => Datasets.Prepare("text_char", [other], Data, listener, stop.Token));
        Assert.Equal("the text of the first time", PreparedText());
        Prepare(other);
        Assert.Equal(3 << 20, PreparedText().Length);
        Assert.DoesNotContain(folder.Files(), file => file.EndsWith(".tmp", StringComparison.Ordinal));
    }

    [Fact]
    public void Progress_ends_at_the_whole_of_each_stage()
    {
        var reports = new List<PrepareProgress>();
        Datasets.Prepare("text_char", [folder.Write("a.txt", new string('é', 1 << 20))], Data, new Listener(reports.Add));
        foreach (PrepareStage stage in new[] { PrepareStage.Count, PrepareStage.Encode })
        {
            PrepareProgress[] ofStage = [.. reports.Where(report => report.Stage == stage)];
            Assert.True(ofStage.Length >= 2);
            Assert.Equal(ofStage.OrderBy(report => report.Done), ofStage);
            Assert.Equal(2L << 20, ofStage[^1].Done);
            Assert.All(ofStage, report => Assert.Equal(2L << 20, report.Total));
        }
    }

    [Fact]
    public void An_unknown_data_set_is_answered_with_the_nearest_and_all_names()
    {
        var error = Assert.Throws<ArgumentException>(() => Datasets.Prepare("shakespear", [], Data));
        Assert.Contains("did you mean 'shakespeare'", error.Message, StringComparison.Ordinal);
        Assert.All(Datasets.Known, recipe => Assert.Contains(recipe.Name, error.Message, StringComparison.Ordinal));
    }
}
