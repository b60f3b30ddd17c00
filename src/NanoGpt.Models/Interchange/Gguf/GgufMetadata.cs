using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;

namespace NanoGpt.Models;

/// <summary>The entries of a GGUF file to be written, in the order in which they are added.</summary>
public sealed class GgufMetadata
{
    readonly ArrayBufferWriter<byte> bytes = new();

    /// <summary>How many there are.</summary>
    public int Count { get; private set; }

    /// <summary>Adds a whole number.</summary>
    public void Add(string key, int value)
    {
        Begin(key, 4);
        Put((uint)value);
    }

    /// <summary>Adds a number.</summary>
    public void Add(string key, float value)
    {
        Begin(key, 6);
        Put(value);
    }

    /// <summary>Adds a yes or no.</summary>
    public void Add(string key, bool value)
    {
        Begin(key, 7);
        Put(value ? (byte)1 : (byte)0);
    }

    /// <summary>Adds a text.</summary>
    public void Add(string key, string value)
    {
        Begin(key, 8);
        Text(value);
    }

    /// <summary>Adds a list of texts.</summary>
    public void Add(string key, IReadOnlyCollection<string> values)
    {
        Begin(key, 9);
        Put(8u);
        Put((ulong)values.Count);
        foreach (string value in values) Text(value);
    }

    /// <summary>Adds a list of whole numbers.</summary>
    public void Add(string key, IReadOnlyCollection<int> values)
    {
        Begin(key, 9);
        Put(5u);
        Put((ulong)values.Count);
        foreach (int value in values) Put(value);
    }

    /// <summary>The entries as they stand in the file.</summary>
    internal ReadOnlySpan<byte> Bytes => bytes.WrittenSpan;

    void Begin(string key, uint type)
    {
        Text(key);
        Put(type);
        Count++;
    }

    void Text(string text)
    {
        byte[] utf8 = Encoding.UTF8.GetBytes(text);
        Put((ulong)utf8.Length);
        bytes.Write(utf8);
    }

    void Put<T>(T value) where T : unmanaged => bytes.Write(MemoryMarshal.AsBytes<T>([value]));
}
