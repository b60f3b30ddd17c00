namespace NanoGpt.Training.Tests;

public class TrainConfigTests
{
    [Theory]
    [InlineData("n_layer must be at least 1, got 0.", "--n_layer=0")]
    [InlineData("batch_size must be at least 1, got -3.", "--batch_size=-3")]
    [InlineData("learning_rate must not be negative, got -0.1.", "--learning_rate=-0.1")]
    [InlineData("threads must not be negative, got -1.", "--threads=-1")]
    [InlineData("dropout must be at least 0 and below 1, got 1.0.", "--dropout=1")]
    [InlineData("beta2 must be at least 0 and below 1, got -0.5.", "--beta2=-0.5")]
    [InlineData("out_dir is empty; leave it out for the default, out.", "--out_dir=")]
    [InlineData("n_embd (100) is not divisible by n_head (12); the nearest that divides it is n_head=10.", "--n_embd=100")]
    [InlineData("n_embd (7) is not divisible by n_head (12); the nearest that divides it is n_head=7.", "--n_embd=7")]
    [InlineData("init_from='sratch': there is no such file or folder; give 'scratch', 'resume', one of gpt2, gpt2-medium, gpt2-large, gpt2-xl, or where pretrained weights are (model.safetensors, pytorch_model.bin, ckpt.pt, a .gguf or an llm.c .bin).", "--init_from=sratch")]
    [InlineData("device='cuda': only 'cpu' exists for now; leave the key out or give --device=cpu.", "--device=cuda")]
    [InlineData("total_batch_size (500000) does not split into micro-batches of 12 batch_size × 1024 block_size = 12288 tokens; the nearest that do are 491520 and 503808.", "--total_batch_size=500000")]
    [InlineData("total_batch_size (524288) does not split into micro-batches of 12 batch_size × 1024 block_size = 12288 tokens; the nearest that do are 516096 and 528384, or give --batch_size=8.", "--total_batch_size=524288")]
    [InlineData("total_batch_size (1024) does not split into micro-batches of 12 batch_size × 1024 block_size = 12288 tokens; the nearest that does is 12288, or give --batch_size=1.", "--total_batch_size=1024")]
    [InlineData("total_batch_size must not be negative, got -1.", "--total_batch_size=-1")]
    [InlineData("adam_eps must be above 0, got 0.0.", "--adam_eps=0")]
    [InlineData("skip_outlier_steps must be below 11.3, the largest score there can be, got 12.0; 5 is a good value.", "--skip_outlier_steps=12")]
    [InlineData("sample_interval needs samples of at least one token; give --sample_tokens=100, or leave sample_interval out.", "--sample_interval=5", "--sample_tokens=0")]
    [InlineData("sample_count must be at least 1, got 0.", "--sample_count=0")]
    [InlineData("grad_bucket_mb must be above 0 and at most 2000, got 2001.0; 25 is a good value.", "--grad_bucket_mb=2001")]
    [InlineData("dtype must be 'float32' or 'bfloat16', got 'float16'.", "--dtype=float16")]
    [InlineData("lr_decay_iters (2000) equals warmup_iters, which leaves no room for the decay; make warmup_iters smaller, usually 100 or more below it, or give --decay_lr=False.", "--lr_decay_iters=2000")]
    public void A_value_that_cannot_work_is_one_sentence(string message, params string[] args) =>
        Assert.Equal(message, Assert.Throws<ArgumentException>(TrainConfig.Parse(args).Validate).Message);

    [Theory]
    [InlineData("--dtype=bfloat16")]
    [InlineData("--dropout=0.999")]
    [InlineData("--grad_clip=0")]
    [InlineData("--max_iters=0")]
    [InlineData("--grad_bucket_mb=2000")]
    [InlineData("--init_from=resume")]
    [InlineData("--init_from=gpt2-xl")]
    [InlineData("--lr_decay_iters=2000", "--decay_lr=False")]
    [InlineData("--lr_decay_iters=2000", "--max_iters=1000")]
    public void A_value_that_can_work_passes(params string[] args) => TrainConfig.Parse(args).Validate();

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void A_number_that_is_not_finite_does_not_pass(double value) =>
        Assert.Throws<ArgumentException>(new TrainConfig { LearningRate = value }.Validate);

    [Fact]
    public void Describe_lists_every_key_and_marks_what_differs()
    {
        string text = new TrainConfig { NLayer = 4, OutDir = "out dir" }.Describe();
        Assert.All(ConfigKey.All, key => Assert.Contains($"  {key.Name} = ".TrimStart(), text));
        Assert.Equal(["* out_dir = 'out dir'                  (default out)", "* n_layer = 4                          (default 12)"],
            text.Split('\n').Where(line => line.StartsWith('*')));
        Assert.DoesNotContain("*", new TrainConfig().Describe());
    }

    [Fact]
    public void JSON_is_the_same_every_time_and_needs_no_key()
    {
        var config = new TrainConfig { LearningRate = 1e-3, OutDir = "é \"x\"" };
        Assert.Equal(config.ToJson(), TrainConfig.FromJson(config.ToJson(), "x").ToJson());
        Assert.DoesNotContain("\r", config.ToJson());
        Assert.Equal(new TrainConfig(), TrainConfig.FromJson("{}", "x"));
    }

    [Fact]
    public void JSON_with_a_key_of_another_version_names_the_file() =>
        Assert.Equal("state.json:1: unknown key 'n_kv_head'; did you mean 'n_head'?",
            Assert.Throws<InvalidDataException>(() => TrainConfig.FromJson("{\"n_kv_head\": 1}", "state.json")).Message);

    [Theory]
    [InlineData(0)]
    [InlineData(0, "--n_layer=4", "--wandb_log=False")]
    [InlineData(1, "--compile=True")]
    [InlineData(1, "--backend=gloo")]
    [InlineData(1, "--wandb_log=True", "--wandb_project=x")]
    [InlineData(1, "--wandb_run_name=x")]
    [InlineData(1, "--learning_rate=1e-5")]
    [InlineData(0, "--learning_rate=1e-5", "--decay_lr=False")]
    public void Keys_that_do_nothing_here_say_so_when_given(int notes, params string[] args)
    {
        var arguments = ConfigArguments.Parse(args);
        Assert.Equal(notes, arguments.ApplyTo(new TrainConfig()).Notes(arguments.Keys).Count);
    }

    [Fact]
    public void The_data_directory_follows_the_data_set_unless_given()
    {
        Assert.Equal(Path.Combine("data", "x"), new TrainConfig { Dataset = "x" }.DataDirectory);
        Assert.Equal("elsewhere", new TrainConfig { Dataset = "x", DataDir = "elsewhere" }.DataDirectory);
        Assert.Equal(40L * 12 * 1024, new TrainConfig().TokensPerIteration);
    }

    [Fact]
    public void The_configs_of_the_project_are_valid_and_shakespeare_char_is_that_of_nanoGPT()
    {
        string root = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(root, "NanoGpt.slnx")))
            root = Path.GetDirectoryName(root)!;
        foreach (string file in Directory.EnumerateFiles(Path.Combine(root, "configs"), "*.json"))
            TrainConfig.Parse(file).Validate();
        Assert.Equal(new TrainConfig
        {
            OutDir = "out-shakespeare-char", EvalInterval = 250, EvalIters = 200, LogInterval = 10, AlwaysSaveCheckpoint = false,
            WandbProject = "shakespeare-char", WandbRunName = "mini-gpt", Dataset = "shakespeare_char", GradientAccumulationSteps = 1,
            BatchSize = 64, BlockSize = 256, NLayer = 6, NHead = 6, NEmbd = 384, Dropout = 0.2, LearningRate = 1e-3, MaxIters = 5000,
            LrDecayIters = 5000, MinLr = 1e-4, Beta2 = 0.99, WarmupIters = 100,
        }, TrainConfig.Parse(Path.Combine(root, "configs", "shakespeare_char.json")));
    }
}
