using System.Text.RegularExpressions;

namespace NanoGpt.Training.Tests;

public partial class ConfigKeyTests
{
    static readonly TrainConfig defaults = new();

    public static TheoryData<string> Names => [.. ConfigKey.All.Select(key => key.Name)];

    /// <summary>A value of the key's type that is not its default.</summary>
    static object Other(ConfigKey key) => key.Get(defaults) switch
    {
        int value => value + 7,
        double value => value + 1.0 / 3,
        bool value => !value,
        var value => $"{value} 'it''s' \"a\"\\n\t#é",
    };

    [Theory, MemberData(nameof(Names))]
    public void Each_key_reads_back_what_it_prints(string name)
    {
        var key = ConfigKey.Find(name)!;
        var config = key.Set(defaults, Other(key));
        Assert.Equal(Other(key), key.Get(config));
        Assert.Equal(config, TrainConfig.Parse($"--{name}={key.Format(config)}"));
        Assert.Equal(config, TrainConfig.Parse($"--{name}", key.Format(config)));
        Assert.Equal(config, TrainConfig.FromJson(config.ToJson(), "state.json"));
        Assert.Equal(defaults, TrainConfig.Parse($"--{name}={key.Format(defaults)}"));
    }

    [Theory, MemberData(nameof(Names))]
    public void Each_key_changes_no_other(string name)
    {
        var key = ConfigKey.Find(name)!;
        var config = key.Set(defaults, Other(key));
        Assert.All(ConfigKey.All.Where(other => other != key), other => Assert.Equal(other.Get(defaults), other.Get(config)));
        Assert.Equal(defaults, key.Set(config, key.Get(defaults)));
    }

    [Theory, MemberData(nameof(Names))]
    public void Each_key_is_found_again_after_a_slip_of_the_finger(string name)
    {
        Assert.Equal(name, ConfigKey.Nearest(name + "s").Name);
        Assert.Equal(name, ConfigKey.Nearest(name.Replace('_', '-').ToUpperInvariant()).Name);
        if (name.Length > 4)        // one of bias, seed would be as near to another word
            Assert.Equal(name, ConfigKey.Nearest(name[..1] + name[2] + name[1] + name[3..]).Name);
    }

    [Theory, MemberData(nameof(Names))]
    public void Each_key_is_in_the_help_with_its_default_and_a_meaning(string name)
    {
        var key = ConfigKey.Find(name)!;
        Assert.Matches($@"(?m)^  --{name}={Regex.Escape(key.Format(defaults))} +\S.*$", TrainConfig.Help());
        Assert.InRange(key.Description.Length, 4, 90);
    }

    [Fact]
    public void Every_property_that_can_be_set_has_a_key()
    {
        var properties = typeof(TrainConfig).GetProperties().Where(p => p.SetMethod is not null)
            .Select(p => Capital().Replace(p.Name, m => $"_{m.Value.ToLowerInvariant()}").TrimStart('_'));
        Assert.Equal(properties.Order(), ConfigKey.All.Select(key => key.Name).Order());
    }

    [Theory]
    [InlineData(6e-5, "6e-05")]
    [InlineData(0.1, "0.1")]
    [InlineData(1, "1.0")]
    [InlineData(0, "0.0")]
    [InlineData(1.0 / 3, "0.3333333333333333")]
    [InlineData(1e22, "1e+22")]
    public void Numbers_print_as_Python_prints_them(double value, string text) => Assert.Equal(text, ConfigKey.Format(value));

    /// <summary>The defaults of nanoGPT's train.py, less the three that differ by intent.</summary>
    [Fact]
    public void Defaults_are_those_of_nanoGPT()
    {
        const string train = """
            out_dir=out eval_interval=2000 log_interval=1 eval_iters=200 eval_only=False always_save_checkpoint=True init_from=scratch
            wandb_log=False wandb_project=owt wandb_run_name=gpt2
            gradient_accumulation_steps=40 batch_size=12 block_size=1024
            n_layer=12 n_head=12 n_embd=768 dropout=0.0 bias=False
            learning_rate=0.0006 max_iters=600000 weight_decay=0.1 beta1=0.9 beta2=0.95 grad_clip=1.0
            decay_lr=True warmup_iters=2000 lr_decay_iters=600000 min_lr=6e-05
            backend=nccl compile=True
            """;
        foreach (string pair in train.Split((char[])[' ', '\n', '\r'], StringSplitOptions.RemoveEmptyEntries))
            Assert.Equal(pair, $"{pair.Split('=')[0]}={ConfigKey.Find(pair.Split('=')[0])!.Format(defaults)}");
        Assert.Equal(("cpu", "float32", "dotnet_docs_char"), (defaults.Device, defaults.Dtype, defaults.Dataset));
        defaults.Validate();
    }

    [GeneratedRegex("[A-Z]")]
    private static partial Regex Capital();
}
