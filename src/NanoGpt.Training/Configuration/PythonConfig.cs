namespace NanoGpt.Training;

/// <summary>
/// Reads nanoGPT's own config files, <c>config/train_shakespeare_char.py</c> for one, as long as they are what they look like:
/// lines of <c>key = value</c>, comments and blank lines. Nothing is ever executed; any other line is refused.
/// </summary>
internal static class PythonConfig
{
    public static IEnumerable<ConfigEntry> Read(string path, string text)
    {
        int number = 0;
        foreach (string raw in text.Split('\n'))
        {
            number++;
            string line = WithoutComment(raw).TrimEnd();
            if (line.Length == 0)
                continue;
            int equals = line.IndexOf('=');
            string name = equals < 0 ? "" : line[..equals].TrimEnd();
            if (name.Length == 0 || !name.All(c => char.IsAsciiLetterOrDigit(c) || c == '_') || line.AsSpan(equals + 1).StartsWith("="))
                throw Refuse(path, number, line, "it is not of the form key = value");
            string given = line[(equals + 1)..].Trim();
            object value;
            try
            {
                value = PythonLiteral.Parse(given);
            }
            catch (FormatException fault)
            {
                throw Refuse(path, number, line, fault.Message);
            }
            yield return new ConfigEntry(name, value, given, number);
        }
    }

    static InvalidDataException Refuse(string path, int number, string line, string why) =>
        new($"{path}:{number}: cannot read '{line.Trim()}': {why} (a .py config is read, never executed; write plain key = value lines, or a JSON config).");

    static string WithoutComment(string line)
    {
        char quote = '\0';
        for (int i = 0; i < line.Length; i++)
        {
            if (quote == '\0' && line[i] == '#')
                return line[..i];
            if (quote != '\0' && line[i] == '\\')
                i++;
            else if (quote == '\0' ? line[i] is '\'' or '"' : line[i] == quote)
                quote = quote == '\0' ? line[i] : '\0';
        }
        return line;
    }
}
