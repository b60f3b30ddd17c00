using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace NanoGpt.Models;

/// <summary>
/// Reads a pickle as data. A pickle is a program for a small stack machine that may call anything Python can import; this
/// machine can build numbers, text, lists, tuples, dictionaries and PyTorch's tensors, and nothing else. Whatever else a
/// pickle names is refused, with that name.
/// Values become: null, bool, long, BigInteger, double, string, byte[], List (list and set), object[] (tuple), Dictionary, TorchTensor.
/// </summary>
/// <remarks>https://docs.python.org/3/library/pickletools.html</remarks>
internal ref struct Pickle
{
    readonly ReadOnlySpan<byte> bytes;
    readonly List<object?> stack = [];
    readonly Stack<int> marks = [];
    readonly Dictionary<long, object?> memo = [];
    int at;

    Pickle(ReadOnlySpan<byte> bytes) => this.bytes = bytes;

    /// <summary>Something that a pickle names, known by that name.</summary>
    sealed record Global(string Name);

    /// <summary>The value of a pickle.</summary>
    /// <exception cref="FormatException">It is damaged or holds what is neither a tensor nor a plain value; the message continues "not a …: ".</exception>
    public static object? Load(ReadOnlySpan<byte> bytes)
    {
        var machine = new Pickle(bytes);
        try
        {
            return machine.Run();
        }
        catch (Exception fault) when (fault is InvalidCastException or NullReferenceException or OverflowException or ArgumentException)
        {
            throw new FormatException($"the pickle is garbled at byte {machine.at}", fault);
        }
    }

    object? Run()
    {
        while (true)
        {
            byte op = Byte();
            switch ((char)op)
            {
                case '\x80': Take(1); break;                                                    // PROTO
                case '\x95': Take(8); break;                                                    // FRAME
                case '.': return Pop();                                                         // STOP
                case '(': marks.Push(stack.Count); break;                                       // MARK
                case '0': Pop(); break;                                                         // POP
                case '1': PopToMark(); break;                                                   // POP_MARK
                case '2': Push(Peek()); break;                                                  // DUP
                case 'N': Push(null); break;
                case '\x88': Push(true); break;
                case '\x89': Push(false); break;
                case 'K': Push((long)Byte()); break;                                            // BININT1
                case 'M': Push((long)BinaryPrimitives.ReadUInt16LittleEndian(Take(2))); break;  // BININT2
                case 'J': Push((long)BinaryPrimitives.ReadInt32LittleEndian(Take(4))); break;   // BININT
                case '\x8A': PushInteger(Take(Byte())); break;                                // LONG1
                case '\x8B': PushInteger(Take(Length4())); break;                             // LONG4
                case 'G': Push(BinaryPrimitives.ReadDoubleBigEndian(Take(8))); break;           // BINFLOAT
                case 'X': Push(Encoding.UTF8.GetString(Take(Length4()))); break;                // BINUNICODE
                case '\x8C': Push(Encoding.UTF8.GetString(Take(Byte()))); break;                // SHORT_BINUNICODE
                case '\x8D': Push(Encoding.UTF8.GetString(Take(Length8()))); break;             // BINUNICODE8
                case 'U': Push(Encoding.Latin1.GetString(Take(Byte()))); break;                 // SHORT_BINSTRING
                case 'T': Push(Encoding.Latin1.GetString(Take(Length4()))); break;              // BINSTRING
                case 'C': Push(Take(Byte()).ToArray()); break;                                  // SHORT_BINBYTES
                case 'B': Push(Take(Length4()).ToArray()); break;                               // BINBYTES
                case '\x8E': Push(Take(Length8()).ToArray()); break;                            // BINBYTES8
                case '}': Push(new Dictionary<object, object?>()); break;
                case ']': Push(new List<object?>()); break;
                case '\x8F': Push(new List<object?>()); break;                                  // EMPTY_SET
                case ')': Push(Array.Empty<object?>()); break;
                case 't': Push(PopToMark()); break;                                             // TUPLE
                case '\x85': Push(PopMany(1)); break;
                case '\x86': Push(PopMany(2)); break;
                case '\x87': Push(PopMany(3)); break;
                case 'l': Push(new List<object?>(PopToMark())); break;                          // LIST
                case 'd': { var items = PopToMark(); Push(new Dictionary<object, object?>()); SetItems(items); break; }
                case 'a': { var item = Pop(); ((List<object?>)Peek()!).Add(item); break; }      // APPEND
                case 'e': case '\x90': { var items = PopToMark(); ((List<object?>)Peek()!).AddRange(items); break; }    // APPENDS, ADDITEMS
                case 's': SetItems(PopMany(2)); break;
                case 'u': SetItems(PopToMark()); break;
                case 'q': memo[Byte()] = Peek(); break;                                         // BINPUT
                case 'r': memo[BinaryPrimitives.ReadUInt32LittleEndian(Take(4))] = Peek(); break;
                case '\x94': memo[memo.Count] = Peek(); break;                                  // MEMOIZE
                case 'h': Push(Recall(Byte())); break;                                          // BINGET
                case 'j': Push(Recall(BinaryPrimitives.ReadUInt32LittleEndian(Take(4)))); break;
                case 'c': Push(Named($"{Line()}.{Line()}")); break;                             // GLOBAL
                case '\x93': { var pair = PopMany(2); Push(Named($"{(string)pair[0]!}.{(string)pair[1]!}")); break; }   // STACK_GLOBAL
                case 'Q': Push(Storage((object?[])Pop()!)); break;                              // BINPERSID
                case 'R': case '\x81': { var arguments = (object?[])Pop()!; Push(Call((Global)Pop()!, arguments)); break; }     // REDUCE, NEWOBJ
                case 'b': { Pop(); if (Peek() is not (Dictionary<object, object?> or TorchTensor)) throw new FormatException("the pickle sets the state of what has none"); break; }    // BUILD
                default: throw new FormatException($"the pickle has the instruction 0x{op:X2} at byte {at - 1}, which PyTorch does not write");
            }
        }
    }

    /// <summary>What a pickle may name.</summary>
    static object Named(string name) => name switch
    {
        "collections.OrderedDict" or "torch._utils._rebuild_tensor_v2" or "torch._utils._rebuild_parameter" or "torch.Size" => new Global(name),
        _ when StorageDtype(name) is not null => new Global(name),
        "torch.float32" or "torch.float16" or "torch.bfloat16" or "torch.float64" or "torch.int64" or "torch.int32" => name,
        _ => throw new FormatException($"the pickle names '{name}', which is neither a tensor nor a plain value; nothing in it was run"),
    };

    static SafetensorsDtype? StorageDtype(string name) => name switch
    {
        "torch.FloatStorage" => SafetensorsDtype.F32,
        "torch.HalfStorage" => SafetensorsDtype.F16,
        "torch.BFloat16Storage" => SafetensorsDtype.BF16,
        "torch.DoubleStorage" => SafetensorsDtype.F64,
        "torch.LongStorage" => SafetensorsDtype.I64,
        "torch.IntStorage" => SafetensorsDtype.I32,
        "torch.ShortStorage" => SafetensorsDtype.I16,
        "torch.CharStorage" => SafetensorsDtype.I8,
        "torch.ByteStorage" => SafetensorsDtype.U8,
        "torch.BoolStorage" => SafetensorsDtype.BOOL,
        _ => null,
    };

    static object Call(Global callable, object?[] arguments)
    {
        switch (callable.Name, arguments)
        {
            case ("collections.OrderedDict", []):
                return new Dictionary<object, object?>();
            case ("torch._utils._rebuild_tensor_v2", [TorchStorage storage, long offset, object?[] { Length: <= TorchTensor.MostDimensions } shape, object?[] { Length: <= TorchTensor.MostDimensions } strides, ..]):
                var tensor = new TorchTensor(storage, offset, [.. shape.Select(size => (long)size!)], [.. strides.Select(stride => (long)stride!)]);
                return tensor.Fault() is { } fault ? throw new FormatException($"a tensor in storage '{storage.Key}' is impossible: {fault}") : tensor;
            case ("torch._utils._rebuild_parameter", [TorchTensor data, ..]):
                return data;
            case ("torch.Size", [object?[] size]):
                return size;
            default:
                throw new FormatException($"the pickle calls '{callable.Name}' with what it does not take");
        }
    }

    static TorchStorage Storage(object?[] id) =>
        id is ["storage", Global type, string key, string, long count, ..] && StorageDtype(type.Name) is { } dtype && count >= 0
            ? new TorchStorage(key, dtype, count)
            : throw new FormatException("the pickle refers to something outside it that is not a storage");

    void SetItems(object?[] items)
    {
        var dictionary = (Dictionary<object, object?>)Peek()!;
        if (items.Length % 2 != 0) throw new FormatException($"the pickle is garbled at byte {at}");
        for (int i = 0; i < items.Length; i += 2)
            // Keys of other kinds could be chosen to collide in the table; PyTorch has no use for them.
            dictionary[items[i] is string or (>= 0L and <= int.MaxValue) ? items[i]! : throw new FormatException("the pickle has a dictionary key that is neither text nor a small number")] = items[i + 1];
    }

    readonly void PushInteger(ReadOnlySpan<byte> little)
    {
        if (little.Length > 255) throw new FormatException("the pickle has a number of more than 255 bytes");
        var value = new BigInteger(little);
        if (value >= long.MinValue && value <= long.MaxValue) Push((long)value);
        else Push(value);
    }

    readonly object? Recall(long index) => memo.TryGetValue(index, out object? value) ? value : throw new FormatException($"the pickle recalls {index}, which it never kept");

    readonly void Push(object? value) => stack.Add(value);

    /// <summary>How many values lie above the last mark: those below it cannot be reached.</summary>
    readonly int Reachable => stack.Count - (marks.Count > 0 ? marks.Peek() : 0);

    readonly object? Peek() => Reachable > 0 ? stack[^1] : throw new FormatException($"the pickle takes from an empty stack at byte {at}");

    readonly object? Pop()
    {
        object? top = Peek();
        stack.RemoveAt(stack.Count - 1);
        return top;
    }

    readonly object?[] PopMany(int count)
    {
        if (Reachable < count) throw new FormatException($"the pickle takes from an empty stack at byte {at}");
        object?[] top = [.. stack.GetRange(stack.Count - count, count)];
        stack.RemoveRange(stack.Count - count, count);
        return top;
    }

    readonly object?[] PopToMark()
    {
        if (marks.Count == 0) throw new FormatException($"the pickle lacks a mark at byte {at}");
        var top = PopMany(Reachable);
        marks.Pop();
        return top;
    }

    string Line()
    {
        int length = bytes[at..].IndexOf((byte)'\n');
        if (length < 0) throw new FormatException("the pickle is cut short");
        string line = Encoding.UTF8.GetString(Take(length));
        at++;
        return line;
    }

    int Length4() => checked((int)BinaryPrimitives.ReadUInt32LittleEndian(Take(4)));

    int Length8() => checked((int)BinaryPrimitives.ReadUInt64LittleEndian(Take(8)));

    byte Byte() => Take(1)[0];

    ReadOnlySpan<byte> Take(int count)
    {
        if (count > bytes.Length - at) throw new FormatException("the pickle is cut short");
        at += count;
        return bytes.Slice(at - count, count);
    }
}
