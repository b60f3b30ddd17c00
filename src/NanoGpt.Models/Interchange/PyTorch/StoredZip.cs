using System.Buffers.Binary;
using System.Text;

namespace NanoGpt.Models;

/// <summary>
/// Where the entries of a zip lie, for archives that only store (PyTorch's): what an entry holds is then a run of bytes of the
/// file, read at any offset. Knows zip64; refuses compression and encryption.
/// </summary>
/// <remarks>https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT</remarks>
internal sealed class StoredZip
{
    const int EndLength = 22, LocatorLength = 20, CentralLength = 46, LocalLength = 30;

    readonly FileBytes file;
    readonly Dictionary<string, Entry> entries = new(StringComparer.Ordinal);

    readonly record struct Entry(long Header, long Length, int Method, int Flags);

    /// <exception cref="InvalidDataException">It is no zip, or damaged.</exception>
    public StoredZip(FileBytes file)
    {
        this.file = file;
        var (offset, length) = Directory();
        byte[] central = file.ReadBytes(offset, length);
        for (int at = 0; at < central.Length;)
            at += Add(central.AsSpan(at));
    }

    public IEnumerable<string> Names => entries.Keys;

    public bool Contains(string name) => entries.ContainsKey(name);

    /// <summary>The place of an entry's bytes in the file.</summary>
    /// <exception cref="InvalidDataException">There is none of that name, it is not merely stored, or it sticks out of the file.</exception>
    public (long Offset, long Length) Locate(string name)
    {
        if (!entries.TryGetValue(name, out var entry)) throw Damaged($"it has no entry '{name}'");
        if (entry.Method != 0 || (entry.Flags & 1) != 0) throw Damaged($"its entry '{name}' is compressed or encrypted, which PyTorch never does");
        byte[] local = file.ReadBytes(entry.Header, LocalLength);
        if (BinaryPrimitives.ReadUInt32LittleEndian(local) != 0x04034B50) throw Damaged($"its entry '{name}' does not begin where the directory says");
        long offset = entry.Header + LocalLength + BinaryPrimitives.ReadUInt16LittleEndian(local.AsSpan(26)) + BinaryPrimitives.ReadUInt16LittleEndian(local.AsSpan(28));
        if (entry.Length < 0 || entry.Length > file.Length - offset) throw Damaged($"its entry '{name}' goes beyond the end of the file");
        return (offset, entry.Length);
    }

    /// <summary>Where the central directory is: said by the record at the end of the file, or by that of zip64 before it.</summary>
    (long Offset, long Length) Directory()
    {
        int tailLength = (int)Math.Min(file.Length, EndLength + ushort.MaxValue + LocatorLength);
        byte[] tail = file.ReadBytes(file.Length - tailLength, tailLength);
        int end = tail.AsSpan().LastIndexOf("PK\x05\x06"u8);
        if (end < 0 || tail.Length - end < EndLength) throw Damaged("the directory at its end is missing");
        long length = BinaryPrimitives.ReadUInt32LittleEndian(tail.AsSpan(end + 12)), offset = BinaryPrimitives.ReadUInt32LittleEndian(tail.AsSpan(end + 16));
        if (end >= LocatorLength && tail.AsSpan(end - LocatorLength).StartsWith("PK\x06\x07"u8))
        {
            byte[] end64 = file.ReadBytes(BinaryPrimitives.ReadInt64LittleEndian(tail.AsSpan(end - LocatorLength + 8)), 56);
            if (!end64.AsSpan().StartsWith("PK\x06\x06"u8)) throw Damaged("the zip64 directory is not where it should be");
            (length, offset) = (BinaryPrimitives.ReadInt64LittleEndian(end64.AsSpan(40)), BinaryPrimitives.ReadInt64LittleEndian(end64.AsSpan(48)));
        }
        return (offset, length);
    }

    /// <summary>Takes in the entry at the beginning of <paramref name="central"/>; returns how long its record is.</summary>
    int Add(ReadOnlySpan<byte> central)
    {
        if (central.Length < CentralLength || BinaryPrimitives.ReadUInt32LittleEndian(central) != 0x02014B50) throw Damaged("its directory is garbled");
        int nameLength = BinaryPrimitives.ReadUInt16LittleEndian(central[28..]), extraLength = BinaryPrimitives.ReadUInt16LittleEndian(central[30..]);
        int total = CentralLength + nameLength + extraLength + BinaryPrimitives.ReadUInt16LittleEndian(central[32..]);
        if (total > central.Length) throw Damaged("its directory is cut short");
        string name = Encoding.UTF8.GetString(central.Slice(CentralLength, nameLength));
        long stored = BinaryPrimitives.ReadUInt32LittleEndian(central[20..]), length = BinaryPrimitives.ReadUInt32LittleEndian(central[24..]), header = BinaryPrimitives.ReadUInt32LittleEndian(central[42..]);
        var wide = Zip64(central.Slice(CentralLength + nameLength, extraLength));
        if (length == uint.MaxValue) length = Take(ref wide);
        if (stored == uint.MaxValue) Take(ref wide);
        if (header == uint.MaxValue) header = Take(ref wide);
        var entry = new Entry(header, length, BinaryPrimitives.ReadUInt16LittleEndian(central[10..]), BinaryPrimitives.ReadUInt16LittleEndian(central[8..]));
        if (!entries.TryAdd(name, entry)) throw Damaged($"it has two entries '{name}'");
        return total;
    }

    /// <summary>The zip64 field among an entry's extra fields, or nothing.</summary>
    static ReadOnlySpan<byte> Zip64(ReadOnlySpan<byte> extra)
    {
        while (extra.Length >= 4)
        {
            int id = BinaryPrimitives.ReadUInt16LittleEndian(extra), length = Math.Min(BinaryPrimitives.ReadUInt16LittleEndian(extra[2..]), extra.Length - 4);
            if (id == 1) return extra.Slice(4, length);
            extra = extra[(4 + length)..];
        }
        return [];
    }

    long Take(ref ReadOnlySpan<byte> wide)
    {
        if (wide.Length < sizeof(long)) throw Damaged("its directory lacks a zip64 field");
        long value = BinaryPrimitives.ReadInt64LittleEndian(wide);
        wide = wide[sizeof(long)..];
        return value;
    }

    InvalidDataException Damaged(string what) => new($"{file.Path}: not a whole PyTorch file: {OneLine.Of(what)}; get it again.");
}
