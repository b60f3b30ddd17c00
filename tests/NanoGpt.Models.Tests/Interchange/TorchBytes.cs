using System.Buffers.Binary;
using System.Text;

namespace NanoGpt.Models.Tests;

/// <summary>Writes what <c>torch.save</c> writes: a pickle of tensors and plain values, and their storages, in a zip that only stores.</summary>
sealed class TorchBytes
{
    readonly List<byte> pickle = [];
    readonly List<(string Name, byte[] Content)> storages = [];

    public TorchBytes() => Op(0x80, 2);

    /// <summary>Appends instructions as they are.</summary>
    public TorchBytes Op(params ReadOnlySpan<byte> bytes)
    {
        pickle.AddRange(bytes);
        return this;
    }

    public TorchBytes Text(string text) => Op((byte)'X').Op(Int(Encoding.UTF8.GetByteCount(text))).Op(Encoding.UTF8.GetBytes(text));

    public TorchBytes Number(int value) => Op((byte)'J').Op(Int(value));

    public TorchBytes Global(string module, string name) => Op(Encoding.UTF8.GetBytes($"c{module}\n{name}\n"));

    /// <summary>A tensor with a storage of its own.</summary>
    public TorchBytes Tensor(float[] storage, int offset, long[] shape, long[] strides)
    {
        byte[] bytes = new byte[storage.Length * sizeof(float)];
        Buffer.BlockCopy(storage, 0, bytes, 0, bytes.Length);
        storages.Add(($"archive/data/{storages.Count}", bytes));
        return View($"{storages.Count - 1}", storage.Length, offset, shape, strides);
    }

    /// <summary>A tensor that looks at a storage.</summary>
    public TorchBytes View(string key, int count, int offset, long[] shape, long[] strides)
    {
        Global("torch._utils", "_rebuild_tensor_v2").Op((byte)'(', (byte)'(');
        Text("storage").Global("torch", "FloatStorage").Text(key).Text("cpu").Number(count).Op((byte)'t', (byte)'Q');
        Number(offset);
        foreach (long[] tuple in (long[][])[shape, strides])
        {
            Op((byte)'(');
            foreach (long size in tuple) Number((int)size);
            Op((byte)'t');
        }
        return Op(0x89).Global("collections", "OrderedDict").Op((byte)')', (byte)'R', (byte)'t', (byte)'R');
    }

    /// <summary>The weights as Hugging Face's pytorch_model.bin, a flat dictionary.</summary>
    public TorchBytes Dictionary(IEnumerable<(string Name, long[] Shape, float[] Values)> tensors)
    {
        Op((byte)'}', (byte)'(');
        foreach (var (name, shape, values) in tensors) Text(name).Tensor(values, 0, shape, Contiguous(shape));
        return Op((byte)'u');
    }

    public static long[] Contiguous(long[] shape) => [.. shape.Select((_, i) => shape.Skip(i + 1).Aggregate(1L, (product, size) => product * size))];

    /// <summary>The file.</summary>
    public byte[] Zip(bool zip64 = false)
    {
        Op((byte)'.');
        using var file = new MemoryStream();
        using var central = new MemoryStream();
        (string, byte[])[] entries = [("archive/data.pkl", [.. pickle]), ("archive/byteorder", "little"u8.ToArray()), .. storages, ("archive/version", "3\n"u8.ToArray())];
        foreach (var (name, content) in entries) Entry(file, central, name, content, zip64);
        long offset = file.Length;
        file.Write(central.ToArray());
        if (zip64)
        {
            long end = file.Length;
            file.Write([.. "PK\x06\x06"u8, .. Long(44), .. Short(45), .. Short(45), .. Int(0), .. Int(0), .. Long(entries.Length), .. Long(entries.Length), .. Long(central.Length), .. Long(offset)]);
            file.Write([.. "PK\x06\x07"u8, .. Int(0), .. Long(end), .. Int(1)]);
        }
        file.Write([.. "PK\x05\x06"u8, .. Short(0), .. Short(0), .. Short(entries.Length), .. Short(entries.Length), .. Int(zip64 ? -1 : (int)central.Length), .. Int(zip64 ? -1 : (int)offset), .. Short(0)]);
        return file.ToArray();
    }

    static void Entry(MemoryStream file, MemoryStream central, string name, byte[] content, bool zip64)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(name), extra = zip64 ? [.. Short(1), .. Short(24), .. Long(content.Length), .. Long(content.Length), .. Long(file.Length)] : [];
        byte[] sizes = [.. Int(0), .. Int(zip64 ? -1 : content.Length), .. Int(zip64 ? -1 : content.Length)];
        central.Write([.. "PK\x01\x02"u8, .. Short(0), .. Short(0), .. Short(0), .. Short(0), .. Int(0), .. sizes, .. Short(bytes.Length), .. Short(extra.Length), .. Short(0), .. Short(0), .. Short(0), .. Int(0), .. Int(zip64 ? -1 : (int)file.Length), .. bytes, .. extra]);
        file.Write([.. "PK\x03\x04"u8, .. Short(0), .. Short(0), .. Short(0), .. Int(0), .. sizes, .. Short(bytes.Length), .. Short(3), .. bytes, 1, 2, 3, .. content]);
    }

    static byte[] Short(int value) => [(byte)value, (byte)(value >> 8)];

    static byte[] Int(int value)
    {
        byte[] bytes = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, value);
        return bytes;
    }

    static byte[] Long(long value)
    {
        byte[] bytes = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        return bytes;
    }
}
