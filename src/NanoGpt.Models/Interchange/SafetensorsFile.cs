using System.Buffers.Binary;

namespace NanoGpt.Models;

/// <summary>
/// Reads the safetensors format of Hugging Face: 8 bytes of header length (little-endian), a JSON header with
/// <c>dtype</c>, <c>shape</c> and <c>data_offsets</c> of each tensor, then the raw little-endian data.
/// The whole header is checked when the file is opened; data is read when asked for, at any offset, from any thread.
/// </summary>
/// <remarks>https://huggingface.co/docs/safetensors</remarks>
public sealed class SafetensorsFile : IDisposable
{
    readonly FileBytes file;
    readonly Dictionary<string, SafetensorsEntry> byName;

    SafetensorsFile(FileBytes file)
    {
        this.file = file;
        var metadata = new Dictionary<string, string>();
        try
        {
            Tensors = ReadHeader(metadata);
        }
        catch (FormatException fault)
        {
            throw new InvalidDataException($"{Path}: not a valid safetensors file: {OneLine.Of(fault.Message)}.", fault);
        }
        Metadata = metadata;
        byName = Tensors.ToDictionary(entry => entry.Name);
    }

    /// <summary>Opens a file and checks its header.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">The file breaks a rule of the format, or is cut short.</exception>
    public static SafetensorsFile Open(string path)
    {
        var file = new FileBytes(path);
        try
        {
            return new SafetensorsFile(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The file.</summary>
    public string Path => file.Path;

    /// <summary>The tensors, in the order of their data.</summary>
    public IReadOnlyList<SafetensorsEntry> Tensors { get; }

    /// <summary>The free text in the header, <c>__metadata__</c>.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Whether the file has a tensor of this name.</summary>
    public bool Contains(string name) => byName.ContainsKey(name);

    /// <summary>The tensor of a name.</summary>
    /// <exception cref="InvalidDataException">The file has none of that name.</exception>
    public SafetensorsEntry this[string name] =>
        byName.TryGetValue(name, out var entry) ? entry : throw new InvalidDataException($"{Path}: there is no tensor '{name}'.");

    /// <summary>Reads elements of a floating-point tensor, F32, F64, F16 or BF16, as floats.</summary>
    /// <param name="name">The tensor.</param>
    /// <param name="destination">Receives as many elements as it is long.</param>
    /// <param name="start">The first element to read, counted in row-major order.</param>
    /// <exception cref="InvalidDataException">The tensor is missing or not of floating point, or the file was cut short meanwhile.</exception>
    /// <exception cref="ArgumentException">The tensor does not have that many elements there.</exception>
    public void ReadFloat32(string name, Span<float> destination, long start)
    {
        var entry = this[name];
        if (start < 0 || destination.Length > entry.ElementCount - start)
            throw new ArgumentException($"{Path}: '{name}' has {entry.ElementCount} elements; cannot read {destination.Length} from {start}.");
        if (!FloatBytes.IsFloat(entry.Dtype))
            throw new InvalidDataException($"{Path}: '{name}' is {entry.Dtype}, not floating point.");
        new FloatBytes(file, entry.Dtype, entry.Offset, entry.ElementCount).Read(destination, start);
    }

    /// <summary>Reads a whole floating-point tensor, F32, F64, F16 or BF16, as floats.</summary>
    /// <param name="name">The tensor.</param>
    /// <param name="destination">Receives the elements in row-major order; exactly as long as the tensor.</param>
    /// <exception cref="InvalidDataException">The tensor is missing or not of floating point, or the file was cut short meanwhile.</exception>
    /// <exception cref="ArgumentException">The tensor has another number of elements.</exception>
    public void ReadFloat32(string name, Span<float> destination)
    {
        if (this[name].ElementCount != destination.Length)
            throw new ArgumentException($"{Path}: '{name}' has {this[name].ElementCount} elements, not {destination.Length}.");
        ReadFloat32(name, destination, 0);
    }

    /// <summary>Reads the raw bytes of a tensor of any type.</summary>
    /// <param name="name">The tensor.</param>
    /// <param name="destination">Receives as many bytes as it is long.</param>
    /// <param name="start">The first byte to read, counted from the beginning of the tensor.</param>
    /// <exception cref="InvalidDataException">The tensor is missing, or the file was cut short meanwhile.</exception>
    /// <exception cref="ArgumentException">The tensor does not have that many bytes there.</exception>
    public void ReadBytes(string name, Span<byte> destination, long start = 0)
    {
        var entry = this[name];
        if (start < 0 || destination.Length > entry.ByteLength - start)
            throw new ArgumentException($"{Path}: '{name}' has {entry.ByteLength} bytes; cannot read {destination.Length} from {start}.");
        file.ReadExactly(destination, entry.Offset + start);
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => file.Dispose();

    List<SafetensorsEntry> ReadHeader(Dictionary<string, string> metadata)
    {
        long fileLength = file.Length;
        if (fileLength < 8)
            throw new FormatException($"it has {fileLength} bytes, fewer than the 8 of the header length");
        Span<byte> prefix = stackalloc byte[8];
        file.ReadExactly(prefix, 0);
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (length > SafetensorsHeader.MaxBytes)
            throw new FormatException($"the header length, {length} bytes, is above the limit of {SafetensorsHeader.MaxBytes}");
        if ((long)length > fileLength - 8)
            throw new FormatException($"the header length, {length} bytes, goes beyond the file of {fileLength}");
        byte[] json = new byte[(int)length];
        file.ReadExactly(json, 8);
        return SafetensorsHeader.Parse(json, fileLength - 8 - json.Length, metadata);
    }
}
