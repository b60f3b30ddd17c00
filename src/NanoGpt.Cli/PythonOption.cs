using System.CommandLine;
using System.CommandLine.Parsing;
using NanoGpt.Training;

namespace NanoGpt.Cli;

/// <summary>Options whose values are written as nanoGPT's users write them: <c>True</c>, <c>5e-4</c>, <c>12 * 64</c>, <c>'text'</c>.</summary>
static class PythonOption
{
    const int Repeated = 1000;      // of an option given several times the last counts, as in nanoGPT

    public static Option<int> Integer(string name, int preset, string description, int least) => Create(name, preset, description,
        text => Literal(text) is long value && value >= least && value <= int.MaxValue ? (int)value
            : throw new FormatException($"expected an integer of at least {least}"));

    public static Option<double> Number(string name, double preset, string description) => Create(name, preset, description,
        text => Literal(text) switch
        {
            long value => value,
            double value => value,
            _ => throw new FormatException("expected a number"),
        });

    public static Option<bool> Boolean(string name, bool preset, string description)
    {
        var option = Create(name, preset, description,
            text => Literal(text) is bool value ? value : throw new FormatException("expected True or False"));
        option.Arity = new ArgumentArity(0, Repeated);
        return option;
    }

    /// <summary>Text as it is, or a Python literal where it begins with a quote.</summary>
    public static Option<string> Text(string name, string preset, string description) => Create(name, preset, description, Unquote);

    /// <summary>Text in quotes is a Python literal; other text is itself, also where it only begins with a quote.</summary>
    public static string Unquote(string text) => text.Length > 0 && text[0] is '\'' or '"' && Literal(text) is string value ? value : text;

    /// <summary>The value, or null where the text is none.</summary>
    static object? Literal(string text)
    {
        try
        {
            return PythonLiteral.Parse(text);
        }
        catch (FormatException)
        {
            return null;
        }
    }

    static Option<T> Create<T>(string name, T preset, string description, Func<string, T> parse)
    {
        var option = new Option<T>(name) { Description = description, DefaultValueFactory = _ => preset, Arity = new ArgumentArity(1, Repeated) };
        option.CustomParser = result => Parse(result, name, parse, preset);
        return option;
    }

    static T Parse<T>(ArgumentResult result, string name, Func<string, T> parse, T preset)
    {
        if (result.Tokens.Count == 0) return preset is bool ? (T)(object)true : preset;      // a boolean alone means True
        string text = result.Tokens[^1].Value;
        try
        {
            return parse(text);
        }
        catch (FormatException fault)
        {
            result.AddError($"{name}: {fault.Message}, got '{text}'.");
            return preset;
        }
    }
}
