using System.Globalization;
using NanoGpt.Data;

namespace NanoGpt.Training;

/// <summary>
/// What a user said about a run: config files and <c>--key=value</c> arguments, in the order of the command line,
/// where later ones win. Kept apart from the values themselves, so that a resumed run can lay it over the stored configuration.
/// </summary>
public sealed class ConfigArguments
{
    readonly List<(ConfigKey Key, object Value)> assignments = [];

    ConfigArguments() { }

    /// <summary>The keys that were given, in order.</summary>
    public IReadOnlyList<ConfigKey> Keys => [.. assignments.Select(a => a.Key).Distinct()];

    /// <summary>A configuration with everything that was given laid over it.</summary>
    public TrainConfig ApplyTo(TrainConfig config) => assignments.Aggregate(config, (c, a) => a.Key.Set(c, a.Value));

    /// <summary>
    /// Reads the arguments of <c>train [CONFIG…] [--key=value …]</c>. <c>--key value</c> is understood too, and a boolean
    /// key alone means True. Config files are JSON with comments, or nanoGPT's own <c>.py</c> files of simple assignments.
    /// </summary>
    /// <exception cref="ArgumentException">An argument is not a known key or its value does not fit.</exception>
    /// <exception cref="InvalidDataException">A config file is malformed.</exception>
    /// <exception cref="FileNotFoundException">A config file does not exist.</exception>
    public static ConfigArguments Parse(params IReadOnlyList<string> args)
    {
        var result = new ConfigArguments();
        for (int i = 0; i < args.Count; i++)
        {
            if (args[i].StartsWith("--", StringComparison.Ordinal))
                result.AddOption(args, ref i);
            else if (args[i].StartsWith('-'))
                throw new ArgumentException($"unknown option '{args[i]}'; keys are written --key=value, and --help lists them.");
            else
                result.AddFile(args[i]);
        }
        return result;
    }

    void AddOption(IReadOnlyList<string> args, ref int i)
    {
        int equals = args[i].IndexOf('=');
        string name = equals < 0 ? args[i][2..] : args[i][2..equals];
        var key = ConfigKey.Find(name)
            ?? throw new ArgumentException($"unknown key '--{name}'; did you mean '--{ConfigKey.Nearest(name).Name}'?");
        string text;
        if (equals >= 0)
            text = args[i][(equals + 1)..];
        else if (i + 1 < args.Count && !args[i + 1].StartsWith("--", StringComparison.Ordinal)
                 && (key.Type != ConfigType.Boolean || args[i + 1] is "True" or "true" or "False" or "false"))
            text = args[++i];
        else if (key.Type == ConfigType.Boolean)
            text = "True";
        else
            throw new ArgumentException($"--{name}: a value is missing; write it as --{name}={key.Format(new TrainConfig())}.");
        Add(key, Literal(key, text), text, fault => new ArgumentException($"--{name}: {fault}"));
    }

    /// <summary>The Python value of an argument; what is not one is plain text, as in nanoGPT's configurator.</summary>
    static object Literal(ConfigKey key, string text)
    {
        bool quoted = text.Length > 0 && text[0] is '\'' or '"';
        if (key.Type == ConfigType.Text && !quoted)
            return text;
        try
        {
            return PythonLiteral.Parse(text);
        }
        catch (FormatException)
        {
            return text;
        }
    }

    void AddFile(string path)
    {
        if (!File.Exists(path))
            throw new FileNotFoundException(MissingFile(path), path);
        var entries = Path.GetExtension(path).Equals(".py", StringComparison.OrdinalIgnoreCase)
            ? PythonConfig.Read(path, File.ReadAllText(path))
            : JsonConfig.Read(path, File.ReadAllBytes(path));
        AddEntries(path, entries);
    }

    internal void AddEntries(string source, IEnumerable<ConfigEntry> entries)
    {
        foreach (var (name, value, given, line) in entries)
        {
            var key = ConfigKey.Find(name)
                ?? throw new InvalidDataException($"{source}:{line}: unknown key '{name}'; did you mean '{ConfigKey.Nearest(name).Name}'?");
            Add(key, value, given, fault => new InvalidDataException($"{source}:{line}: {name}: {fault}"));
        }
    }

    internal static ConfigArguments FromEntries(string source, IEnumerable<ConfigEntry> entries)
    {
        var result = new ConfigArguments();
        result.AddEntries(source, entries);
        return result;
    }

    void Add(ConfigKey key, object value, string given, Func<string, Exception> fault) => assignments.Add((key, (key.Type, value) switch
    {
        (ConfigType.Integer, long integer) when integer is >= int.MinValue and <= int.MaxValue => (int)integer,
        (ConfigType.Integer, long) => throw fault($"expected an integer of at most {int.MaxValue}, got {given}."),
        (ConfigType.Integer, double number) when number == Math.Floor(number) && Math.Abs(number) <= int.MaxValue
            => throw fault(string.Create(CultureInfo.InvariantCulture, $"expected an integer, got {given}; write {(long)number}.")),
        (ConfigType.Number, long integer) => (double)integer,
        (ConfigType.Number, double number) => number,
        (ConfigType.Boolean, bool) => value,
        (ConfigType.Text, string) => value,
        _ => throw fault($"expected {Expected(key.Type)}, got {(given.Length == 0 ? "nothing" : given)}."),
    }));

    static string Expected(ConfigType type) => type switch
    {
        ConfigType.Integer => "an integer",
        ConfigType.Number => "a number",
        ConfigType.Boolean => "True or False",
        _ => "text in quotes",
    };

    static string MissingFile(string path)
    {
        if (path.Contains('='))
            return $"'{path}' is neither a config file nor an option; a key is written --{path}.";
        if (Directory.Exists(path))
            return $"{path} is a folder; name a config file, JSON or .py, or a run's own folder as --out_dir={path}.";
        string folder = Path.GetDirectoryName(path) is { Length: > 0 } parent ? parent : ".";
        string[] present = Directory.Exists(folder) ? [.. Directory.EnumerateFiles(folder, "*.json").Select(Path.GetFileName).Order(StringComparer.Ordinal)!] : [];
        string hint = present.Length == 0 ? "give the path of a JSON or .py config, or only --key=value"
            : $"did you mean '{Path.Combine(Path.GetDirectoryName(path) ?? "", Nearest.Name(Path.GetFileName(path), present))}'?";
        return $"{path}: there is no such config file; {hint}";
    }
}
