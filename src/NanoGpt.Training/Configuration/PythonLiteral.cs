using System.Buffers;
using System.Globalization;
using System.Text;

namespace NanoGpt.Training;

/// <summary>
/// The Python values nanoGPT's users write: <c>True</c>, <c>5e-4</c>, <c>1_000</c>, <c>'text'</c>, and sums, differences and
/// products of numbers such as <c>5 * 8</c>. Read, never executed: names, calls and everything else are refused.
/// </summary>
public ref struct PythonLiteral
{
    static readonly SearchValues<char> needQuotes = SearchValues.Create(" \t\r\n'\"\\#");

    const int DeepestNesting = 100;

    readonly ReadOnlySpan<char> text;
    int at, depth;

    PythonLiteral(ReadOnlySpan<char> text) => this.text = text;

    /// <summary>The value: a bool, long, double or string.</summary>
    /// <exception cref="FormatException">The text is not such a value; the message says what stands in the way.</exception>
    public static object Parse(ReadOnlySpan<char> text)
    {
        var parser = new PythonLiteral(text);
        try
        {
            object value = parser.Sum();
            if (parser.Peek() is not '\0')
                throw new FormatException($"'{parser.text[parser.at..]}' is left over after the value");
            return value;
        }
        catch (OverflowException)
        {
            throw new FormatException("the number is too large");
        }
    }

    /// <summary>Text as one would type it: bare where that is unambiguous, otherwise in quotes with escapes.</summary>
    public static string Quote(string value)
    {
        if (value.Length > 0 && !value.AsSpan().ContainsAny(needQuotes))
            return value;
        var quoted = new StringBuilder("'");
        foreach (char c in value)
            quoted.Append(c switch { '\\' => @"\\", '\'' => @"\'", '\n' => @"\n", '\r' => @"\r", '\t' => @"\t", _ => c.ToString() });
        return quoted.Append('\'').ToString();
    }

    char Peek()
    {
        while (at < text.Length && text[at] is ' ' or '\t')
            at++;
        return at < text.Length ? text[at] : '\0';
    }

    object Sum()
    {
        object value = Product();
        while (Peek() is '+' or '-')
            value = text[at++] == '+' ? Combine(value, Product(), (a, b) => checked(a + b), (a, b) => a + b)
                                      : Combine(value, Product(), (a, b) => checked(a - b), (a, b) => a - b);
        return value;
    }

    object Product()
    {
        object value = Unary();
        while (Peek() == '*')
        {
            at++;
            value = Combine(value, Unary(), (a, b) => checked(a * b), (a, b) => a * b);
        }
        return value;
    }

    object Unary()
    {
        if (++depth > DeepestNesting)
            throw new FormatException($"more than {DeepestNesting} signs or parentheses are nested");
        object value = Peek() is '+' or '-'
            ? Combine(text[at++] == '-' ? -1L : 1L, Unary(), (a, b) => checked(a * b), (a, b) => a * b)
            : Atom();
        depth--;
        return value;
    }

    object Atom()
    {
        char first = Peek();
        if (first is '\'' or '"')
            return Quoted(first);
        if (first == '(')
        {
            at++;
            object value = Sum();
            if (Peek() != ')')
                throw new FormatException("a ')' is missing");
            at++;
            return value;
        }
        if (char.IsAsciiDigit(first) || first == '.')
            return Number();
        int start = at;
        while (at < text.Length && (char.IsLetterOrDigit(text[at]) || text[at] == '_'))
            at++;
        return text[start..at] switch
        {
            "True" or "true" => true,
            "False" or "false" => false,
            "" => throw new FormatException(start < text.Length ? $"'{text[start]}' is not understood" : "a value is missing"),
            var name => throw new FormatException($"'{name}' is not a number, True, False or text in quotes"),
        };
    }

    object Number()
    {
        int start = at;
        while (at < text.Length && (char.IsAsciiLetterOrDigit(text[at]) || text[at] is '.' or '_'
                                    || (text[at] is '+' or '-' && text[at - 1] is 'e' or 'E')))
            at++;
        var token = text[start..at];
        // Python allows an underscore only between two digits.
        for (int i = 0; i < token.Length; i++)
            if (token[i] == '_' && (i == 0 || i == token.Length - 1 || !char.IsAsciiDigit(token[i - 1]) || !char.IsAsciiDigit(token[i + 1])))
                throw new FormatException($"'{token}' is not a number");
        string digits = token.ToString().Replace("_", "");
        if (digits.All(char.IsAsciiDigit))
            return long.Parse(digits, CultureInfo.InvariantCulture);
        if (double.TryParse(digits, NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out double value))
            return Finite(value);
        throw new FormatException($"'{token}' is not a number");
    }

    string Quoted(char quote)
    {
        var value = new StringBuilder();
        for (at++; at < text.Length; at++)
        {
            if (text[at] == quote)
            {
                at++;
                return value.ToString();
            }
            if (text[at] != '\\' || at + 1 == text.Length)
            {
                value.Append(text[at]);
                continue;
            }
            // As in Python, a backslash before any other character stays.
            value.Append(text[++at] switch { '\\' => "\\", '\'' => "'", '"' => "\"", 'n' => "\n", 'r' => "\r", 't' => "\t", var other => $"\\{other}" });
        }
        throw new FormatException($"the closing {quote} is missing");
    }

    static object Combine(object a, object b, Func<long, long, long> integers, Func<double, double, double> numbers) => (a, b) switch
    {
        (long x, long y) => (object)integers(x, y),
        (long or double, long or double) => Finite(numbers(Convert.ToDouble(a, CultureInfo.InvariantCulture), Convert.ToDouble(b, CultureInfo.InvariantCulture))),
        _ => throw new FormatException("only numbers can be added, subtracted or multiplied"),
    };

    static double Finite(double value) => double.IsFinite(value) ? value : throw new OverflowException();
}
