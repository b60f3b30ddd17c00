using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace NanoGpt.Data;

/// <summary>
/// The header of NumPy's <c>.npy</c>: <c>\x93NUMPY</c>, a version of two bytes, the length of the rest (2 bytes in version 1,
/// 4 bytes in 2 and 3), and a Python dictionary such as <c>{'descr': '&lt;u2', 'fortran_order': False, 'shape': (79171,), }</c>.
/// </summary>
static partial class NpyHeader
{
    /// <summary>The length of the header that is written, in bytes; NumPy's own has the same.</summary>
    public const int Size = 128;

    const int Longest = 1 << 16; // a token file has no use for more; a claim of gigabytes is not followed

    static ReadOnlySpan<byte> Magic => [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y'];

    /// <summary>Whether a file begins with one.</summary>
    public static bool IsAt(ReadOnlySpan<byte> first) => first.StartsWith(Magic);

    /// <param name="path">The file, for messages.</param>
    /// <param name="file">The file.</param>
    /// <param name="first">Its first bytes.</param>
    /// <exception cref="InvalidDataException">It is no such file, or holds something else than a row of little-endian integers, or is not as long as it says.</exception>
    public static ShardLayout Read(string path, Stream file, ReadOnlySpan<byte> first)
    {
        if (!IsAt(first)) throw Fault(path, "does not begin as a .npy file does");
        if (first.Length < 12) throw Fault(path, $"is cut off after {file.Length} bytes, inside its header");
        int version = first[6];
        if (version is not (1 or 2 or 3)) throw Fault(path, $"has .npy version {version}, but this program reads 1, 2 and 3");
        int start = version == 1 ? 10 : 12;
        long length = version == 1 ? BinaryPrimitives.ReadUInt16LittleEndian(first[8..]) : BinaryPrimitives.ReadUInt32LittleEndian(first[8..]);
        if (start + length > file.Length) throw Fault(path, $"is cut off after {file.Length} bytes, inside its header of {start + length}");
        if (length > Longest) throw Fault(path, $"says that its header has {length} bytes, which no token file needs");
        var text = new byte[length];
        file.Position = start;
        file.ReadExactly(text);
        return Parse(path, Encoding.Latin1.GetString(text), start + length, file.Length);
    }

    static ShardLayout Parse(string path, string header, long start, long fileLength)
    {
        string descr = Value(path, header, "descr", Descr()), order = Value(path, header, "fortran_order", Order()), shape = Value(path, header, "shape", Shape());
        TokenType type = descr switch
        {
            "<u2" => TokenType.UInt16,
            "<i4" => TokenType.Int32,
            "<u4" => TokenType.UInt32,
            "<i8" => TokenType.Int64,
            ['>', ..] => throw Fault(path, $"holds big-endian numbers ('{descr}'); save it as '<{descr[1..]}'"),
            _ => throw Fault(path, $"holds '{descr}', but tokens are '<u2', '<i4', '<u4' or '<i8'; save it with one of these types"),
        };
        string[] sizes = shape.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        if (sizes.Length != 1) throw Fault(path, $"has the shape ({shape.Trim()}), but tokens are a row of one dimension; save it flattened");
        if (order == "True") throw Fault(path, "is in Fortran order; save it in C order");
        if (!long.TryParse(sizes[0].TrimEnd('L'), NumberStyles.None, CultureInfo.InvariantCulture, out long count)) throw Fault(path, $"has a shape that is no number: '{sizes[0]}'");
        if (count == 0) throw Fault(path, "holds no tokens");
        if ((Int128)count * type.Size() != fileLength - start)
            throw Fault(path, $"says that it holds {count} numbers of {type.Size()} bytes, but {fileLength - start} bytes follow its header; it is cut off or damaged");
        return new(ShardFormat.Npy, type, start, count);
    }

    static string Value(string path, string header, string key, Regex pattern) =>
        pattern.Match(header) is { Success: true } match ? match.Groups[1].Value : throw Fault(path, $"has a header without '{key}' of a plain array");

    /// <summary>The header of a row of tokens, byte for byte as NumPy writes it.</summary>
    public static byte[] Write(TokenType type, long count)
    {
        string descr = type switch { TokenType.UInt16 => "<u2", TokenType.Int32 => "<i4", TokenType.UInt32 => "<u4", _ => "<i8" };
        string text = string.Create(CultureInfo.InvariantCulture, $"{{'descr': '{descr}', 'fortran_order': False, 'shape': ({count},), }}");
        return [.. Magic, 1, 0, Size - 10, 0, .. Encoding.ASCII.GetBytes(text.PadRight(Size - 11)), (byte)'\n'];
    }

    static InvalidDataException Fault(string path, string fault) => new($"The token file '{path}' {fault}.");

    [GeneratedRegex("""['"]descr['"]\s*:\s*['"]([^'"]{1,16})['"]""")]
    private static partial Regex Descr();

    [GeneratedRegex("""['"]fortran_order['"]\s*:\s*(True|False)\b""")]
    private static partial Regex Order();

    [GeneratedRegex("""['"]shape['"]\s*:\s*\(([^()]{0,200})\)""")]
    private static partial Regex Shape();
}
