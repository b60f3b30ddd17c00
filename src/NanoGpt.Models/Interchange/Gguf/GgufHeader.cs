using System.Buffers.Binary;
using System.Text;

namespace NanoGpt.Models;

/// <summary>A tensor of a GGUF file: what the header says of it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Shape">Its dimensions, outermost first (the file has them the other way round).</param>
/// <param name="Type">The type of its elements.</param>
/// <param name="Offset">Where its data is in the file.</param>
internal sealed record GgufEntry(string Name, IReadOnlyList<long> Shape, GgufTensorType Type, long Offset);

/// <summary>
/// The head of a GGUF file: <c>GGUF</c>, version, number of tensors, number of entries, the entries (key, type, value), the tensors
/// (name, dimensions, type, offset). The data follows, aligned.
/// </summary>
/// <remarks>https://github.com/ggml-org/ggml/blob/master/docs/gguf.md</remarks>
internal sealed class GgufHeader
{
    const int Most = 1 << 16;       // entries, or tensors: the largest files have a few thousand
    const int MaxDimensions = 4, DefaultAlignment = 32;

    /// <summary>Where a list is: it is read when it is asked for.</summary>
    sealed record List(uint Element, long Count, long Position);

    readonly Dictionary<string, object> values = new(StringComparer.Ordinal);
    readonly FileBytes file;
    readonly GgufCursor cursor;

    /// <exception cref="FormatException">It breaks a rule of the format; the message continues "not a valid GGUF file: ".</exception>
    public GgufHeader(FileBytes file)
    {
        (this.file, cursor) = (file, new GgufCursor(file));
        if (!cursor.Take(4).SequenceEqual("GGUF"u8)) throw new FormatException("it does not begin with GGUF");
        if (cursor.UInt32() is var version and not (2 or 3)) throw new FormatException($"its version is {version}; this program reads 2 and 3 (little-endian)");
        long tensors = cursor.Count(24), entries = cursor.Count(13);
        if (tensors > Most || entries > Most) throw new FormatException($"it announces {tensors} tensors and {entries} entries, more than {Most}");
        for (long i = 0; i < entries; i++) ReadEntry();
        Tensors = ReadTensors(tensors);
    }

    public IReadOnlyList<GgufEntry> Tensors { get; }

    /// <summary>The value of an entry, a bool, long, double or string; null where there is none, or it is a list.</summary>
    public object? this[string key] => values.GetValueOrDefault(key) is var value and not List ? value : null;

    /// <summary>A list of texts; null where there is none of that name.</summary>
    /// <exception cref="FormatException">It has more than <paramref name="most"/>, or one is too long.</exception>
    public IReadOnlyList<string>? Texts(string key, int most)
    {
        if (At(key, element: 8, most) is not var (from, count)) return null;
        var texts = new string[count];
        for (int i = 0; i < count; i++)
        {
            long length = from.Count(1);
            if (length > GgufCursor.LongestText) throw new FormatException($"its {key} has a text of {length} bytes");
            texts[i] = Encoding.UTF8.GetString(from.Take((int)length));
        }
        return texts;
    }

    /// <summary>A list of whole numbers (int32); null where there is none of that name.</summary>
    /// <exception cref="FormatException">It has more than <paramref name="most"/>.</exception>
    public IReadOnlyList<int>? Numbers(string key, int most)
    {
        if (At(key, element: 5, most) is not var (from, count)) return null;
        var numbers = new int[count];
        for (int i = 0; i < count; i++) numbers[i] = (int)from.UInt32();
        return numbers;
    }

    (GgufCursor From, int Count)? At(string key, uint element, int most)
    {
        if (values.GetValueOrDefault(key) is not List list || list.Element != element) return null;
        if (list.Count > most) throw new FormatException($"its {key} has {list.Count} entries, more than the {most} that there can be");
        var from = new GgufCursor(file);
        from.Skip(list.Position);
        return (from, (int)list.Count);
    }

    void ReadEntry()
    {
        string key = cursor.Name();
        object? value = ReadValue(cursor.UInt32(), nested: false);
        if (value is not null && !values.TryAdd(key, value)) throw new FormatException($"it has two entries '{key}'");
    }

    /// <summary>A value; of lists and long texts only the end is sought.</summary>
    object? ReadValue(uint type, bool nested)
    {
        switch (type)
        {
            case 0: return (long)cursor.Byte();
            case 1: return (long)(sbyte)cursor.Byte();
            case 2: return (long)BinaryPrimitives.ReadUInt16LittleEndian(cursor.Take(2));
            case 3: return (long)BinaryPrimitives.ReadInt16LittleEndian(cursor.Take(2));
            case 4: return (long)cursor.UInt32();
            case 5: return (long)(int)cursor.UInt32();
            case 6: return (double)BitConverter.UInt32BitsToSingle(cursor.UInt32());
            case 7: return cursor.Byte() != 0;
            case 8:
                long length = cursor.Count(1);
                if (length <= GgufCursor.LongestText && !nested) return Encoding.UTF8.GetString(cursor.Take((int)length));
                cursor.Skip(length);
                return null;
            case 9 when !nested:
                uint element = cursor.UInt32();
                int size = element switch { 0 or 1 or 7 => 1, 2 or 3 => 2, 4 or 5 or 6 => 4, 8 or 10 or 11 or 12 => 8, _ => throw new FormatException($"it has a list of type {element}, which does not exist") };
                var list = new List(element, cursor.Count(size), cursor.Position);
                if (element != 8) cursor.Skip(list.Count * size);
                else
                    for (long i = 0; i < list.Count; i++) ReadValue(8, nested: true);
                return list;
            case 10: return (long)cursor.UInt64();
            case 11: return (long)cursor.UInt64();
            case 12: return BitConverter.UInt64BitsToDouble(cursor.UInt64());
            default: throw new FormatException($"it has an entry of type {type}, which does not exist");
        }
    }

    List<GgufEntry> ReadTensors(long count)
    {
        long alignment = this["general.alignment"] switch { null => DefaultAlignment, long a and >= 8 and <= Most when a % 8 == 0 => a, var other => throw new FormatException($"its alignment is {other}") };
        var read = new List<GgufEntry>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        for (long i = 0; i < count; i++)
        {
            var tensor = ReadTensor();
            if (!names.Add(tensor.Name)) throw new FormatException($"it has two tensors '{tensor.Name}'");
            if (tensor.Offset % alignment != 0) throw new FormatException($"'{tensor.Name}' lies at {tensor.Offset}, which is not a multiple of {alignment}");
            read.Add(tensor);
        }
        long data = (cursor.Position + alignment - 1) / alignment * alignment;
        return [.. read.Select(tensor =>
        {
            long bytes = tensor.Type.BytesOf(tensor.Shape.Aggregate(1L, (product, size) => product * size));
            if (tensor.Offset > file.Length - data || bytes > file.Length - data - tensor.Offset) throw new FormatException($"it has {file.Length} bytes and ends before '{tensor.Name}' does: it is cut short, get it again");
            return tensor with { Offset = data + tensor.Offset };
        })];
    }

    GgufEntry ReadTensor()
    {
        string name = cursor.Name();
        uint rank = cursor.UInt32();
        if (rank > MaxDimensions) throw new FormatException($"'{name}' has {rank} dimensions");
        var shape = new long[rank];
        Int128 count = 1;
        for (int i = (int)rank - 1; i >= 0; i--)
        {
            ulong size = cursor.UInt64();
            if (size is 0 or > long.MaxValue || (count *= size) > file.Length) throw new FormatException($"'{name}' has no elements, or more than the file has bytes");
            shape[i] = (long)size;
        }
        var type = (GgufTensorType)cursor.UInt32();
        if (!Enum.IsDefined(type)) throw new FormatException($"'{name}' is of type {(uint)type}; this program reads F32, F16, BF16 and Q8_0: take or make a file of one of those");
        if (type == GgufTensorType.Q8_0 && (rank == 0 || shape[^1] % Q8Blocks.Length != 0)) throw new FormatException($"'{name}' is Q8_0, but its rows are not blocks of {Q8Blocks.Length}");
        ulong offset = cursor.UInt64();
        return offset <= long.MaxValue ? new GgufEntry(name, shape, type, (long)offset) : throw new FormatException($"'{name}' lies at {offset}, beyond the end of the file");
    }
}
