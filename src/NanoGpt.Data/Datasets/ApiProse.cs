using System.Net;
using System.Text;
using System.Xml.Linq;

namespace NanoGpt.Data;

/// <summary>
/// The documentation of one member as prose, a line for each part: summary, remarks, parameters, result, exceptions.
/// Mark-up is gone, references are names, white space is single, typographic quotes and dashes are ASCII.
/// </summary>
internal sealed class ApiProse(ApiNames names)
{
    static readonly string[] Parts = ["summary", "remarks", "typeparam", "param", "value", "returns", "exception"];

    /// <summary>The lines of a member's documentation.</summary>
    public IEnumerable<string> Lines(XElement member) =>
        from tag in Parts
        from part in member.Elements(tag)
        let text = Text(part)
        where text.Length > 0
        select Label(part) + text;

    string Label(XElement part) => part.Name.LocalName switch
    {
        "param" or "typeparam" => $"{Attribute(part, "name")}: ",
        "value" => "Value: ",
        "returns" => "Returns: ",
        "exception" => $"Throws {names.Resolve(Attribute(part, "cref"))}: ",
        _ => "",
    };

    string Text(XElement part)
    {
        var raw = new StringBuilder();
        Append(part, raw);
        return Normalize(WebUtility.HtmlDecode(raw.ToString())); // some authors escaped twice
    }

    void Append(XElement element, StringBuilder text)
    {
        foreach (XNode node in element.Nodes())
        {
            if (node is XText characters) text.Append(characters.Value);
            else if (node is XElement child) AppendElement(child, text);
        }
    }

    void AppendElement(XElement element, StringBuilder text)
    {
        switch (element.Name.LocalName)
        {
            case "paramref" or "typeparamref":
                text.Append(Attribute(element, "name"));
                break;
            case "see" or "seealso" or "xref" or "a" when string.IsNullOrWhiteSpace(element.Value):
                text.Append(Target(element));
                break;
            case "listheader":
                break;
            case "term":
                text.Append(' ');
                Append(element, text);
                text.Append(": ");
                break;
            case "para" or "p" or "br" or "li" or "item" or "description":
                text.Append(' ');
                Append(element, text);
                text.Append(' ');
                break;
            default:
                if (element.HasElements) Append(element, text);
                else text.Append(Readable(element.Value));
                break;
        }
    }

    string Target(XElement reference) =>
        Attribute(reference, "cref") is { Length: > 0 } cref ? names.Resolve(cref)
        : Attribute(reference, "uid") is { Length: > 0 } uid ? names.Resolve(uid)
        : Attribute(reference, "langword") is { Length: > 0 } word ? Readable(word)
        : Attribute(reference, "href");

    /// <summary>A word of code; some authors wrote references as words.</summary>
    string Readable(string word) =>
        word.Length > 2 && word[1] == ':' && "TMPFEN".Contains(word[0], StringComparison.Ordinal) ? names.Resolve(word) : word;

    static string Attribute(XElement element, string name) => (string?)element.Attribute(name) ?? "";

    static string Normalize(string raw)
    {
        var text = new StringBuilder(raw.Length);
        foreach (char c in raw)
        {
            if (char.IsWhiteSpace(c))
            {
                if (text.Length > 0 && text[^1] != ' ') text.Append(' ');
                continue;
            }
            text.Append(c switch
            {
                '\u2018' or '\u2019' => "'",
                '\u201C' or '\u201D' => "\"",
                '\u2010' or '\u2011' or '\u2012' or '\u2013' or '\u2014' or '\u2212' => "-",
                '\u2026' => "...",
                '\u200B' or '\uFEFF' => "", // zero width
                _ => c.ToString(),
            });
        }
        return text.ToString().TrimEnd();
    }
}
