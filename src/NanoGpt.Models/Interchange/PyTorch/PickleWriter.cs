using System.Buffers.Binary;
using System.Collections;
using System.Text;

namespace NanoGpt.Models;

/// <summary>A tensor to be pickled: an fp32 view of the whole of a storage, which the file holds under a key.</summary>
internal sealed record PickledTensor(int Storage, IReadOnlyList<long> Shape);

/// <summary>
/// Writes plain values and tensors as a pickle of protocol 2, as torch.save does. Values are null, bool, int, double, string,
/// dictionaries, and <see cref="PickledTensor"/>.
/// </summary>
/// <remarks>https://docs.python.org/3/library/pickletools.html</remarks>
internal static class PickleWriter
{
    /// <summary>The pickle of a value.</summary>
    /// <exception cref="ArgumentException">It is of another kind.</exception>
    public static byte[] Write(object value)
    {
        var bytes = new MemoryStream();
        bytes.Write([0x80, 2]);             // PROTO
        Value(bytes, value);
        bytes.WriteByte((byte)'.');         // STOP
        return bytes.ToArray();
    }

    static void Value(MemoryStream bytes, object? value)
    {
        switch (value)
        {
            case null: bytes.WriteByte((byte)'N'); break;
            case bool truth: bytes.WriteByte(truth ? (byte)0x88 : (byte)0x89); break;
            case int number:
                bytes.WriteByte((byte)'J');         // BININT
                bytes.Write(BitConverter.GetBytes(number));
                break;
            case double number:
                bytes.WriteByte((byte)'G');         // BINFLOAT
                Span<byte> big = stackalloc byte[8];
                BinaryPrimitives.WriteDoubleBigEndian(big, number);
                bytes.Write(big);
                break;
            case string text:
                byte[] utf8 = Encoding.UTF8.GetBytes(text);
                bytes.WriteByte((byte)'X');         // BINUNICODE
                bytes.Write(BitConverter.GetBytes(utf8.Length));
                bytes.Write(utf8);
                break;
            case IDictionary dictionary:
                bytes.Write("}("u8);                // EMPTY_DICT, MARK
                foreach (DictionaryEntry entry in dictionary)
                {
                    Value(bytes, entry.Key);
                    Value(bytes, entry.Value);
                }
                bytes.WriteByte((byte)'u');         // SETITEMS
                break;
            case PickledTensor tensor: Tensor(bytes, tensor); break;
            default: throw new ArgumentException($"A {value.GetType().Name} cannot be pickled.");
        }
    }

    /// <summary><c>_rebuild_tensor_v2(storage, offset, shape, strides, requires_grad, hooks)</c>; the storage is named, not pickled.</summary>
    static void Tensor(MemoryStream bytes, PickledTensor tensor)
    {
        bytes.Write("ctorch._utils\n_rebuild_tensor_v2\n(("u8);     // GLOBAL, MARK of the arguments, MARK of the storage
        Value(bytes, "storage");
        bytes.Write("ctorch\nFloatStorage\n"u8);
        Value(bytes, tensor.Storage.ToString(System.Globalization.CultureInfo.InvariantCulture));
        Value(bytes, "cpu");
        Value(bytes, checked((int)tensor.Shape.Aggregate(1L, (product, size) => product * size)));
        bytes.Write("tQ"u8);                                        // TUPLE, BINPERSID
        Value(bytes, 0);
        bytes.WriteByte((byte)'(');
        foreach (long size in tensor.Shape) Value(bytes, (int)size);
        bytes.Write("t("u8);
        for (int i = 0; i < tensor.Shape.Count; i++) Value(bytes, (int)tensor.Shape.Skip(i + 1).Aggregate(1L, (product, size) => product * size));
        bytes.WriteByte((byte)'t');
        Value(bytes, false);
        bytes.Write("ccollections\nOrderedDict\n)RtR"u8);           // no hooks; TUPLE, REDUCE
    }
}
