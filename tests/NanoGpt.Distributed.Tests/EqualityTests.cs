using System.Globalization;
using System.Text.Json;
using NanoGpt.Cli.Tests;

namespace NanoGpt.Distributed.Tests;

/// <summary>Ranks change the speed of a run, not its course.</summary>
public sealed class EqualityTests(EqualityTests.OneProcess one) : IClassFixture<EqualityTests.OneProcess>
{
    // 12 micro-batches a step: 1, 2, 3 and 4 ranks can share them. Buckets of 250 numbers: about 27.
    static readonly string[] run = ["train", .. Workplace.Tiny, "--gradient_accumulation_steps=12", "--max_iters=50", "--lr_decay_iters=50", "--eval_iters=7", "--sample_tokens=0", "--grad_bucket_mb=0.001"];

    public sealed class OneProcess : IDisposable
    {
        internal Workplace Work { get; } = Workplace.WithData();

        public OneProcess() => Work.Run([.. run, "--out_dir=one"]).Succeeded();

        public void Dispose() => Work.Dispose();
    }

    [Theory]
    [InlineData("openmpi", 1)]
    [InlineData("openmpi", 2)]
    [InlineData("openmpi", 3)]
    [InlineData("openmpi", 4)]
    [InlineData("openmpi", 2, "--overlap_grad_reduce=False")]
    [InlineData("openmpi", 3, "--overlap_grad_reduce=False")]
    [InlineData("openmpi", 4, "--overlap_grad_reduce=False")]
    [InlineData("openmpi", 2, "--shard_optimizer=True")]
    [InlineData("openmpi", 3, "--shard_optimizer=True")]
    [InlineData("openmpi", 4, "--shard_optimizer=True")]
    [InlineData("openmpi", 3, "--shard_optimizer=True", "--overlap_grad_reduce=False")]
    [InlineData("mpich", 2)]
    [InlineData("mpich", 3)]
    [InlineData("mpich", 4)]
    [InlineData("mpich", 3, "--overlap_grad_reduce=False")]
    [InlineData("mpich", 2, "--shard_optimizer=True")]
    [InlineData("mpich", 3, "--shard_optimizer=True")]
    [InlineData("mpich", 4, "--shard_optimizer=True", "--overlap_grad_reduce=False")]
    public void So_many_ranks_are_one_rank_with_so_many_times_the_micro_batches(string flavour, int ranks, params string[] keys)
    {
        string folder = $"{flavour}-{ranks}{string.Concat(keys)}";
        MpiJob.Run(one.Work, flavour, ranks, [.. run, .. keys, $"--out_dir={folder}"]).Succeeded();
        AssertClose("one", folder, 1e-5);
        // Before the first step the weights are the same, and so is every bit of the losses.
        Assert.Equal(one.Work.Losses("one")[0], one.Work.Losses(folder)[0]);
    }

    [Theory]
    [InlineData("openmpi", 2)]
    [InlineData("openmpi", 3, "--shard_optimizer=True")]
    [InlineData("mpich", 4)]
    [InlineData("mpich", 2, "--shard_optimizer=True")]
    public void Gradients_in_bf16_lose_little(string flavour, int ranks, params string[] keys)
    {
        string folder = $"bf16-{flavour}-{ranks}";
        MpiJob.Run(one.Work, flavour, ranks, [.. run, .. keys, "--grad_wire_dtype=bfloat16", $"--out_dir={folder}"]).Succeeded();
        AssertClose("one", folder, 1e-2);
        Assert.NotEqual(one.Work.Losses("one"), one.Work.Losses(folder));
    }

    [Theory]
    [InlineData("openmpi", 4, 1)]
    [InlineData("openmpi", 4, 3, "--shard_optimizer=True")]
    [InlineData("mpich", 4, 2)]
    [InlineData("mpich", 2, 4, "--shard_optimizer=True")]
    public void A_checkpoint_does_not_know_the_number_of_ranks(string flavour, int before, int after, params string[] keys)
    {
        string folder = $"resumed-{flavour}-{before}-{after}";
        MpiJob.Run(one.Work, flavour, before, [.. run, .. keys, "--max_iters=40", $"--out_dir={folder}"]).Succeeded();
        MpiJob.Run(one.Work, flavour, after, "train", $"--out_dir={folder}", "--init_from=resume", "--max_iters=50").Succeeded();
        AssertClose("one", folder, 1e-5);
    }

    [Theory]
    [MemberData(nameof(MpiJob.Flavours), MemberType = typeof(MpiJob))]
    public void An_evaluation_of_a_whole_split_is_the_same_to_the_bit(string flavour)
    {
        string expected = one.Work.Run("eval", "--out_dir=one", "--json", "--batch_size=3").Succeeded().Output;
        foreach (int ranks in (int[])[2, 3])
            Assert.Equal(expected, MpiJob.Run(one.Work, flavour, ranks, "eval", "--out_dir=one", "--json", "--batch_size=3").Succeeded().Output);
    }

    [Theory]
    [MemberData(nameof(MpiJob.Flavours), MemberType = typeof(MpiJob))]
    public void HellaSwag_is_the_same_to_the_bit(string flavour)
    {
        // Contexts and endings of many lengths, in batches that ranks cannot share evenly.
        one.Work.Write("items.jsonl", string.Concat(Enumerable.Range(0, 150).Select(i =>
            JsonSerializer.Serialize(new { ctx = $"{i * 7 % 1200} and".Substring(0, 1 + i % 6), endings = (string[])[$"{i}", $"{i * i}", "make 7", "a.\n"], label = i % 4 }) + "\n")));
        string[] eval = ["eval", "--out_dir=one", "--json", "--hellaswag=items.jsonl"];
        string expected = one.Work.Run([.. eval, $"--output={flavour}-1.jsonl"]).Succeeded().Output;
        string[] losses = File.ReadAllLines(one.Work[$"{flavour}-1.jsonl"]);
        Assert.Equal(151, losses.Length);
        foreach (int ranks in (int[])[1, 2, 3])
        {
            string log = $"{flavour}-of-{ranks}.jsonl";
            Assert.Equal(expected, MpiJob.Run(one.Work, flavour, ranks, [.. eval, $"--output={log}"]).Succeeded().Output);
            Assert.Equal(losses, File.ReadAllLines(one.Work[log]));
            // Broken off in the middle of a batch, it goes on.
            File.WriteAllLines(one.Work[log], losses.Take(50));
            Assert.Equal(expected, MpiJob.Run(one.Work, flavour, ranks, [.. eval, $"--output={log}"]).Succeeded().Output);
            Assert.Equal(losses, File.ReadAllLines(one.Work[log]));
        }
    }

    [Theory]
    [MemberData(nameof(MpiJob.Flavours), MemberType = typeof(MpiJob))]
    public void HellaSwag_during_a_run_is_the_same_with_any_number_of_ranks(string flavour)
    {
        using var work = new Workplace();
        string[] train = ["train", "--n_layer=1", "--n_head=2", "--n_embd=8", "--block_size=160", "--batch_size=2", "--gradient_accumulation_steps=6", "--eval_iters=1", "--max_iters=0", "--threads=1",
            $"--train_files={Repository.SharedData("shards/books_train_000001.bin")}", $"--val_files={Repository.SharedData("shards/books_val_000000.bin")}",
            $"--hellaswag_path={Repository.SharedData("hellaswag_val_text.jsonl.gz")}", "--hellaswag_items=70", "--hellaswag_interval=1"];
        work.Run([.. train, "--out_dir=one"]).Succeeded();
        string expected = Assert.Single(work.Losses("one"), line => line.Contains("hellaswag_items=70", StringComparison.Ordinal));
        foreach (int ranks in (int[])[1, 2, 3])
        {
            MpiJob.Run(work, flavour, ranks, [.. train, $"--out_dir=of-{ranks}"]).Succeeded();
            Assert.Contains(expected, work.Losses($"of-{ranks}"));
        }
    }

    void AssertClose(string expected, string actual, double tolerance)
    {
        var (a, b) = (Numbers(expected), Numbers(actual));
        Assert.Equal(a.Keys.Order(), b.Keys.Order());
        Assert.True(a.Count > 50);
        foreach (var (name, value) in a)
            Assert.True(Math.Abs(value - b[name]) <= tolerance * Math.Abs(value), $"{name}: {value} and {b[name]}");
    }

    /// <summary>Every loss of a run by its name.</summary>
    Dictionary<string, double> Numbers(string folder)
    {
        var numbers = new Dictionary<string, double>();
        foreach (string line in File.ReadLines(one.Work[Path.Combine(folder, "metrics.jsonl")]))
        {
            using var json = JsonDocument.Parse(line);
            int iteration = json.RootElement.GetProperty("iter").GetInt32();
            foreach (var number in json.RootElement.EnumerateObject().Where(p => p.Name is "loss" or "train_loss" or "val_loss"))
                numbers.Add(string.Create(CultureInfo.InvariantCulture, $"{number.Name} {iteration}"), number.Value.GetDouble());
        }
        return numbers;
    }
}
