using System.Xml.Linq;

namespace NanoGpt.Data;

/// <summary>
/// Readable names for the references of API documentation: <c>T:System.Collections.Generic.List`1</c> is
/// <c>List&lt;T&gt;</c>, <c>M:System.String.Concat(System.Object)</c> is <c>String.Concat</c>.
/// </summary>
internal sealed class ApiNames
{
    readonly Dictionary<string, string> types = [];

    /// <summary>Learns the name of a type and of its type parameters from its documentation.</summary>
    public void Learn(XElement member)
    {
        string id = (string?)member.Attribute("name") ?? "";
        if (!id.StartsWith("T:", StringComparison.Ordinal)) return;
        string[] parameters = [.. member.Elements("typeparam").Select(parameter => (string?)parameter.Attribute("name") ?? "T")];
        types[id[2..]] = SimpleName(id[2..], parameters);
    }

    /// <summary>The readable name of a reference: a type by itself, a member after its type, a namespace in full.</summary>
    public string Resolve(string reference)
    {
        int colon = reference.IndexOf(':', StringComparison.Ordinal);
        string kind = colon < 0 ? "" : reference[..colon];
        string name = reference[(colon + 1)..];
        if (name.AsSpan().IndexOfAny('(', '~') is >= 0 and int signature) name = name[..signature];
        if (kind == "N") return name;
        if (kind == "T" || types.ContainsKey(name)) return TypeName(name);

        int dot = name.LastIndexOf('.');
        if (dot < 0) return name;
        string member = name[(name.LastIndexOfAny(['.', '#']) + 1)..]; // after '#': the member of an interface implemented explicitly
        if (member.IndexOf('`', StringComparison.Ordinal) is >= 0 and int arity) member = member[..arity];
        string type = TypeName(name[..dot].TrimEnd('.'));
        return member is "ctor" or "cctor" ? type + "()" : $"{type}.{member}";
    }

    string TypeName(string fullName) => types.TryGetValue(fullName, out string? known) ? known : SimpleName(fullName, []);

    static string SimpleName(string fullName, string[] parameters)
    {
        string name = fullName[(fullName.LastIndexOf('.') + 1)..];
        int arity = name.IndexOf('`', StringComparison.Ordinal);
        if (arity < 0) return name;
        return parameters.Length > 0 ? $"{name[..arity]}<{string.Join(", ", parameters)}>" : $"{name[..arity]}<T>";
    }
}
