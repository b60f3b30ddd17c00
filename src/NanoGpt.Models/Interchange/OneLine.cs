namespace NanoGpt.Models;

/// <summary>What is wrong with a file, perhaps in words of that file: on one line, and no longer than can be read.</summary>
internal static class OneLine
{
    const int Most = 400;

    public static string Of(string what)
    {
        if (what.Length > Most) what = $"{what[..(Most / 2)]} … {what[^(Most / 2)..]}";
        return string.Create(what.Length, what, (line, text) =>
        {
            for (int i = 0; i < line.Length; i++) line[i] = char.IsControl(text[i]) || char.IsSurrogate(text[i]) ? '?' : text[i];
        });
    }
}
