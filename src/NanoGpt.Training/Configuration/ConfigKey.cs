using System.Globalization;

namespace NanoGpt.Training;

/// <summary>What a key's value may be.</summary>
public enum ConfigType
{
    /// <summary>An <see cref="int"/>.</summary>
    Integer,
    /// <summary>A finite <see cref="double"/>.</summary>
    Number,
    /// <summary>A <see cref="bool"/>.</summary>
    Boolean,
    /// <summary>A <see cref="string"/>.</summary>
    Text,
}

/// <summary>
/// One key of a training run. The table <see cref="All"/> is the only list of keys there is:
/// parsing, help, printing and storing all walk it.
/// </summary>
public sealed partial class ConfigKey
{
    readonly Func<TrainConfig, object> get;
    readonly Func<TrainConfig, object, TrainConfig> set;

    ConfigKey(string name, ConfigType type, string description, Func<TrainConfig, object> get, Func<TrainConfig, object, TrainConfig> set)
        => (Name, Type, Description, this.get, this.set) = (name, type, description, get, set);

    /// <summary>The key as nanoGPT spells it, for example <c>n_layer</c>.</summary>
    public string Name { get; }

    /// <summary>The heading under which the key is listed.</summary>
    public string Section { get; private set; } = "";

    /// <summary>What a value may be.</summary>
    public ConfigType Type { get; }

    /// <summary>One line for the reader of <c>--help</c>.</summary>
    public string Description { get; }

    /// <summary>The value in a configuration: an int, double, bool or string by <see cref="Type"/>.</summary>
    public object Get(TrainConfig config) => get(config);

    /// <summary>The configuration with this key's value replaced.</summary>
    /// <param name="config">The configuration to start from; it is not changed.</param>
    /// <param name="value">An int, double, bool or string by <see cref="Type"/>.</param>
    public TrainConfig Set(TrainConfig config, object value) => set(config, value);

    /// <summary>The value as one would type it after <c>--key=</c>; numbers are the shortest that read back exactly.</summary>
    public string Format(TrainConfig config) => Get(config) switch
    {
        bool value => value ? "True" : "False",
        int value => value.ToString(CultureInfo.InvariantCulture),
        double value => Format(value),
        var value => PythonLiteral.Quote((string)value),
    };

    /// <summary>The shortest decimal that reads back as the same double, as Python prints it: 6e-05, 0.1, 1.0.</summary>
    internal static string Format(double value)
    {
        string text = value.ToString("R", CultureInfo.InvariantCulture).Replace('E', 'e');
        return text.AsSpan().ContainsAny('.', 'e') ? text : text + ".0";
    }

    /// <summary>The key of a name.</summary>
    /// <returns>Null when no key has that name; <see cref="Nearest"/> then finds one to suggest.</returns>
    public static ConfigKey? Find(string name) => byName.GetValueOrDefault(name);

    /// <summary>The key whose name is nearest to a misspelt one.</summary>
    public static ConfigKey Nearest(string name) => byName[NanoGpt.Data.Nearest.Name(name, byName.Keys)];

    static ConfigKey Integer(string name, Func<TrainConfig, int> get, Func<TrainConfig, int, TrainConfig> set, string description)
        => new(name, ConfigType.Integer, description, c => get(c), (c, v) => set(c, (int)v));

    static ConfigKey Number(string name, Func<TrainConfig, double> get, Func<TrainConfig, double, TrainConfig> set, string description)
        => new(name, ConfigType.Number, description, c => get(c), (c, v) => set(c, (double)v));

    static ConfigKey Boolean(string name, Func<TrainConfig, bool> get, Func<TrainConfig, bool, TrainConfig> set, string description)
        => new(name, ConfigType.Boolean, description, c => get(c), (c, v) => set(c, (bool)v));

    static ConfigKey Text(string name, Func<TrainConfig, string> get, Func<TrainConfig, string, TrainConfig> set, string description)
        => new(name, ConfigType.Text, description, get, (c, v) => set(c, (string)v));

    static ConfigKey[] In(string section, params ConfigKey[] keys)
    {
        foreach (var key in keys)
            key.Section = section;
        return keys;
    }
}
