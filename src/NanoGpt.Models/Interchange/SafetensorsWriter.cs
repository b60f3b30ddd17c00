using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace NanoGpt.Models;

/// <summary>
/// Writes the safetensors format of Hugging Face, straight through: first every tensor is declared, then their values are
/// written in that order, each in as many pieces as one likes. The same calls always give the same bytes.
/// </summary>
/// <example><code>
/// writer.Declare("wte.weight", 65, 64);
/// writer.Declare("wpe.weight", 64, 64);
/// writer.Write("wte.weight", wte);
/// writer.Write("wpe.weight", firstHalf);
/// writer.Write("wpe.weight", secondHalf);
/// writer.Complete();
/// </code></example>
public sealed class SafetensorsWriter
{
    const int PieceFloats = 1 << 18;
    static readonly JsonWriterOptions Compact = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    readonly Stream output;
    readonly SortedDictionary<string, string> metadata;
    readonly List<(string Name, long[] Shape, long Count)> tensors = [];
    readonly HashSet<string> names = ["__metadata__"];
    bool headerWritten;
    int current;            // the tensor being written
    long written;           // elements of it written so far

    /// <summary>A writer over a stream, which it neither flushes nor closes.</summary>
    /// <param name="output">Receives the file; need not be seekable.</param>
    /// <param name="metadata">Free text for the header.</param>
    public SafetensorsWriter(Stream output, IReadOnlyDictionary<string, string>? metadata = null)
    {
        this.output = output;
        this.metadata = new(StringComparer.Ordinal);
        foreach (var (key, value) in metadata ?? new Dictionary<string, string>())
            this.metadata.Add(key, value);
    }

    /// <summary>Announces a tensor of floats. All are announced before the first is written.</summary>
    /// <param name="name">Its name, unique in the file.</param>
    /// <param name="shape">Its dimensions, outermost first; none for a scalar.</param>
    /// <exception cref="ArgumentException">The name is taken, or the shape has a negative size or too many elements.</exception>
    /// <exception cref="InvalidOperationException">Writing has begun.</exception>
    public void Declare(string name, params ReadOnlySpan<long> shape)
    {
        if (headerWritten)
            throw new InvalidOperationException($"cannot declare '{name}': declare every tensor before writing the first.");
        if (!names.Add(name))
            throw new ArgumentException($"the name '{name}' is taken.");
        Int128 count = 1;
        foreach (long size in shape)
            if (size < 0 || (count *= size) > long.MaxValue / sizeof(float))
                throw new ArgumentException($"'{name}' cannot have the shape [{string.Join(", ", shape.ToArray())}].");
        tensors.Add((name, shape.ToArray(), (long)count));
    }

    /// <summary>Writes the next values of a tensor, in row-major order.</summary>
    /// <param name="name">The tensor: the first in order of declaration that is not complete.</param>
    /// <param name="values">All of its values, or the next piece of them.</param>
    /// <exception cref="InvalidOperationException">It is another tensor's turn, or the values are more than its shape holds.</exception>
    public void Write(string name, ReadOnlySpan<float> values)
    {
        WriteHeaderOnce();
        if (values.IsEmpty && names.Contains(name))
            return;
        if (current == tensors.Count || tensors[current].Name != name)
            throw new InvalidOperationException($"cannot write '{name}': it is the turn of {(current == tensors.Count ? "none" : $"'{tensors[current].Name}'")}.");
        if (values.Length > tensors[current].Count - written)
            throw new InvalidOperationException($"'{name}' has {tensors[current].Count} values; {written} are written and {values.Length} more do not fit.");
        written += values.Length;
        for (; !values.IsEmpty; values = values[Math.Min(values.Length, PieceFloats)..])
            output.Write(MemoryMarshal.AsBytes(values[..Math.Min(values.Length, PieceFloats)]));
        SkipComplete();
    }

    /// <summary>Ends the file.</summary>
    /// <exception cref="InvalidOperationException">A declared tensor is not wholly written.</exception>
    public void Complete()
    {
        WriteHeaderOnce();
        if (current < tensors.Count)
            throw new InvalidOperationException($"'{tensors[current].Name}' has {tensors[current].Count} values, of which {written} are written.");
    }

    void SkipComplete()
    {
        for (; current < tensors.Count && written == tensors[current].Count; written = 0)
            current++;
    }

    void WriteHeaderOnce()
    {
        if (headerWritten)
            return;
        headerWritten = true;
        using var header = new MemoryStream();
        header.Write(stackalloc byte[8]);
        using (var json = new Utf8JsonWriter(header, Compact))
            WriteHeader(json);
        while (header.Length % 8 != 0)
            header.WriteByte((byte)' ');
        BinaryPrimitives.WriteInt64LittleEndian(header.GetBuffer(), header.Length - 8);
        output.Write(header.GetBuffer().AsSpan(0, (int)header.Length));
        SkipComplete();
    }

    void WriteHeader(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        if (metadata.Count > 0)
        {
            json.WriteStartObject("__metadata__");
            foreach (var (key, value) in metadata)
                json.WriteString(key, value);
            json.WriteEndObject();
        }
        long offset = 0;
        foreach (var (name, shape, count) in tensors)
        {
            json.WriteStartObject(name);
            json.WriteString("dtype", "F32");
            json.WriteStartArray("shape");
            foreach (long size in shape)
                json.WriteNumberValue(size);
            json.WriteEndArray();
            json.WriteStartArray("data_offsets");
            json.WriteNumberValue(offset);
            json.WriteNumberValue(offset = checked(offset + count * sizeof(float)));
            json.WriteEndArray();
            json.WriteEndObject();
        }
        json.WriteEndObject();
    }
}
