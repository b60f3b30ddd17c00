namespace NanoGpt.Training.Tests;

public sealed class TrainConfigParseTests : IDisposable
{
    readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_nanoGPT_command_line_pastes_over()
    {
        var config = TrainConfig.Parse("--device=cpu", "--compile=False", "--eval_iters=20", "--log_interval=1", "--block_size=64",
            "--batch_size=12", "--n_layer=4", "--n_head=4", "--n_embd=128", "--max_iters=2_000", "--lr_decay_iters=2000", "--dropout=0.0",
            "--gradient_accumulation_steps=5*8", "--learning_rate=5e-4", "--out_dir='out-x'", "--wandb_log=True");
        Assert.Equal(new TrainConfig
        {
            Compile = false, EvalIters = 20, BlockSize = 64, NLayer = 4, NHead = 4, NEmbd = 128, MaxIters = 2000, LrDecayIters = 2000,
            LearningRate = 5e-4, OutDir = "out-x", WandbLog = true,
        }, config);
    }

    [Fact]
    public void A_value_may_follow_its_key_and_a_boolean_key_may_stand_alone()
    {
        string file = folder.Write("a.json", "{}");
        Assert.Equal(new TrainConfig { NLayer = 4, Seed = -1, EvalOnly = true, Bias = true, Compile = false },
            TrainConfig.Parse("--n_layer", "4", "--seed", "-1", "--eval_only", file, "--compile", "False", "--bias"));
    }

    [Fact]
    public void What_comes_later_wins_files_and_arguments_alike()
    {
        string first = folder.Write("first.json", """{ "n_layer": 2, "n_head": 2, "bias": true, }""");
        string second = folder.Write("second.py", "n_head = 3\nn_embd = 3 * 5\n");
        Assert.Equal(new TrainConfig { NLayer = 9, NHead = 3, NEmbd = 15, Bias = true }, TrainConfig.Parse("--n_layer=8", first, "--n_embd=7", second, "--n_layer=9"));
        Assert.Equal(2, TrainConfig.Parse("--n_layer=8", first).NLayer);
    }

    [Fact]
    public void Arguments_lie_over_a_stored_configuration_and_only_what_was_given_changes()
    {
        var stored = new TrainConfig { NLayer = 3, MaxIters = 10, OutDir = "out-stored" };
        var arguments = ConfigArguments.Parse("--init_from=resume", "--max_iters=20", "--max_iters=30");
        Assert.Equal(stored with { InitFrom = "resume", MaxIters = 30 }, arguments.ApplyTo(stored));
        Assert.Equal(["init_from", "max_iters"], arguments.Keys.Select(key => key.Name));
    }

    [Theory]
    [InlineData("unknown key '--n_layers'; did you mean '--n_layer'?", "--n_layers=4")]
    [InlineData("unknown key '--bathc_size'; did you mean '--batch_size'?", "--bathc_size", "4")]
    [InlineData("unknown key '--n-embd'; did you mean '--n_embd'?", "--n-embd=4")]
    [InlineData("unknown option '-n'; keys are written --key=value, and --help lists them.", "-n", "4")]
    [InlineData("--n_layer: expected an integer, got abc.", "--n_layer=abc")]
    [InlineData("--n_layer: expected an integer, got nothing.", "--n_layer=")]
    [InlineData("--n_layer: expected an integer, got 1.5.", "--n_layer=1.5")]
    [InlineData("--max_iters: expected an integer, got 5e3; write 5000.", "--max_iters=5e3")]
    [InlineData("--max_iters: expected an integer of at most 2147483647, got 5_000_000_000.", "--max_iters=5_000_000_000")]
    [InlineData("--learning_rate: expected a number, got fast.", "--learning_rate=fast")]
    [InlineData("--learning_rate: expected a number, got nan.", "--learning_rate=nan")]
    [InlineData("--bias: expected True or False, got 1.", "--bias=1")]
    [InlineData("--n_layer: a value is missing; write it as --n_layer=12.", "--n_layer")]
    [InlineData("--n_layer: a value is missing; write it as --n_layer=12.", "--n_layer", "--bias")]
    public void A_wrong_argument_is_one_sentence(string message, params string[] args) =>
        Assert.Equal(message, Assert.Throws<ArgumentException>(() => TrainConfig.Parse(args)).Message);

    [Theory]
    [InlineData(":3: unknown key 'n_layers'; did you mean 'n_layer'?", "{\n  // hm\n  \"n_layers\": 4\n}")]
    [InlineData(":2: n_layer: expected an integer, got \"4\".", "{\n\"n_layer\": \"4\"}")]
    [InlineData(":1: n_layer: expected an integer, got 4e0; write 4.", "{\"n_layer\": 4e0}")]
    [InlineData(":1: bias: expected True or False, got 1.", "{\"bias\": 1}")]
    [InlineData(":1: dropout: expected a number, got null.", "{\"dropout\": null}")]
    [InlineData(":1: dropout: expected a number, got true.", "{\"dropout\": true}")]
    [InlineData(":1: dropout: expected a number, got 1e999.", "{\"dropout\": 1e999}")]
    [InlineData(":1: dropout: expected a number, got a list.", "{\"dropout\": [1, {\"a\": 2}]}")]
    [InlineData(":1: out_dir: expected text in quotes, got 5.", "{\"out_dir\": 5}")]
    [InlineData(":1: out_dir: expected text in quotes, got an object.", "{\"out_dir\": {\"a\": [1]}, \"bias\": true}")]
    [InlineData(":3: bias: given twice, first on line 1; keep one.", "{\"bias\": true,\n\n\"bias\": false}")]
    [InlineData(":1: expected an object { \"key\": value, … }.", "[1]")]
    public void A_wrong_entry_in_a_JSON_config_names_file_and_line(string message, string json)
    {
        string file = folder.Write("wrong.json", json);
        Assert.Equal(file + message, Assert.Throws<InvalidDataException>(() => TrainConfig.Parse(file)).Message);
    }

    [Theory]
    [InlineData(1, "")]
    [InlineData(3, "{\n  \"n_layer\": 4,\n  \"n_head\" 4\n}")]
    [InlineData(2, "{ \"n_layer\": 4,\n  n_head: 4 }")]
    [InlineData(2, "{ \"n_layer\": 4 }\n}")]
    [InlineData(1, "{ \"n_layer\": True }")]
    [InlineData(1, "{ \"n_layer\": 5*8 }")]
    [InlineData(1, "{ \"out_dir\": \"\\uD800\" }")]
    public void Malformed_JSON_names_file_and_line(int line, string json)
    {
        string file = folder.Write("malformed.json", json);
        string message = Assert.Throws<InvalidDataException>(() => TrainConfig.Parse(file)).Message;
        Assert.StartsWith($"{file}:{line}: malformed JSON: ", message);
        Assert.DoesNotContain("LineNumber", message);
    }

    [Fact]
    public void JSON_may_have_comments_trailing_commas_and_a_byte_order_mark()
    {
        string file = folder.File("bom.json");
        File.WriteAllText(file, "\uFEFF// a\n{ /* b */ \"n_layer\": 4, // c\n \"learning_rate\": 1, \"out_dir\": \"ö\", }\n// d\n", new System.Text.UTF8Encoding(false));
        Assert.Equal(new TrainConfig { NLayer = 4, LearningRate = 1, OutDir = "ö" }, TrainConfig.Parse(file));
    }

    [Fact]
    public void A_py_config_of_simple_assignments_is_read()
    {
        string file = folder.Write("train_gpt2.py", "# config for training GPT-2 (124M)\r\n\r\nwandb_run_name='gpt2-124M' # a 'quoted' # comment\nbatch_size = 12\n"
            + "gradient_accumulation_steps = 5 * 8\nout_dir = 'a#b'\nweight_decay = 1e-1\nwandb_log = True\n");
        Assert.Equal(new TrainConfig { WandbRunName = "gpt2-124M", OutDir = "a#b", WandbLog = true }, TrainConfig.Parse(file));
    }

    [Theory]
    [InlineData(2, "import time", "batch_size = 1\nimport time\n")]
    [InlineData(1, "wandb_run_name = 'ft-' + str(time.time())", "wandb_run_name = 'ft-' + str(time.time())")]
    [InlineData(1, "max_iters = lr_decay_iters", "max_iters = lr_decay_iters")]
    [InlineData(1, "if True:", "if True:\n  bias = True")]
    [InlineData(1, "bias = True", "  bias = True")]
    [InlineData(1, "bias += 1", "bias += 1")]
    [InlineData(1, "bias == True", "bias == True")]
    [InlineData(1, "n_layer = 1; n_head = 1", "n_layer = 1; n_head = 1")]
    [InlineData(1, "os.x = 1", "os.x = 1")]
    [InlineData(1, "out_dir = 'a", "out_dir = 'a\n")]
    [InlineData(1, "out_dir = __import__('os').getcwd()", "out_dir = __import__('os').getcwd()")]
    public void Anything_else_in_a_py_config_is_refused_and_never_executed(int line, string shown, string python)
    {
        string file = folder.Write("config.py", python);
        string message = Assert.Throws<InvalidDataException>(() => TrainConfig.Parse(file)).Message;
        Assert.StartsWith($"{file}:{line}: cannot read '{shown}': ", message);
        Assert.Contains("never executed", message);
    }

    [Fact]
    public void An_unknown_key_in_a_py_config_names_file_line_and_nearest_key()
    {
        string file = folder.Write("config.py", "\nn_heads = 4\n");
        Assert.Equal($"{file}:2: unknown key 'n_heads'; did you mean 'n_head'?", Assert.Throws<InvalidDataException>(() => TrainConfig.Parse(file)).Message);
    }

    [Fact]
    public void A_missing_config_file_names_the_nearest()
    {
        folder.Write("quickstart.json", "{}");
        folder.Write("other.json", "{}");
        string typed = folder.File("quikstart.json");
        Assert.Equal($"{typed}: there is no such config file; did you mean '{folder.File("quickstart.json")}'?",
            Assert.Throws<FileNotFoundException>(() => TrainConfig.Parse(typed)).Message);
        Assert.Equal("'n_layer=4' is neither a config file nor an option; a key is written --n_layer=4.",
            Assert.Throws<FileNotFoundException>(() => TrainConfig.Parse("n_layer=4")).Message);
        string nested = Path.GetDirectoryName(typed)!;
        Assert.Equal($"{nested} is a folder; name a config file, JSON or .py, or a run's own folder as --out_dir={nested}.",
            Assert.Throws<FileNotFoundException>(() => TrainConfig.Parse(nested)).Message);
    }
}
