using NanoGpt.Tensors;

namespace NanoGpt.Models;

/// <summary>Named device memory to and from safetensors, in pieces, so that no tensor needs a second copy in full.</summary>
public static class WeightFiles
{
    const int Piece = 1 << 20;

    /// <summary>Writes tensors under their names.</summary>
    public static void Write(SafetensorsWriter writer, Device device, IEnumerable<(string Name, Shape Shape, Storage Values)> tensors)
    {
        var list = tensors.ToList();
        foreach (var (name, shape, _) in list) writer.Declare(name, [.. Enumerable.Range(0, shape.Rank).Select(i => (long)shape[i])]);
        var buffer = new float[Piece];
        foreach (var (name, _, values) in list)
        {
            for (long start = 0; start < values.Length; start += Piece)
            {
                var part = buffer.AsSpan(0, (int)Math.Min(Piece, values.Length - start));
                device.Read(values.Slice(start, part.Length), part);
                writer.Write(name, part);
            }
        }
    }

    /// <summary>
    /// Reads tensors by their names. A position table in the file may be longer than the model's: its first rows are taken
    /// (nanoGPT's <c>crop_block_size</c>), and likewise what an optimizer keeps of it.
    /// </summary>
    /// <exception cref="InvalidDataException">One is missing or has another shape.</exception>
    public static void Read(SafetensorsFile file, Device device, IEnumerable<(string Name, Shape Shape, Storage Values)> tensors)
    {
        var buffer = new float[Piece];
        foreach (var (name, shape, values) in tensors)
        {
            if (!file.Contains(name)) throw new InvalidDataException($"{file.Path}: the tensor '{name}' is missing; the file is of another model.");
            var found = new Shape([.. file[name].Shape.Select(size => checked((int)size))]);
            bool cropped = name.StartsWith("transformer.wpe.", StringComparison.Ordinal) && found.Rank == 2 && found[1] == shape[1] && found[0] > shape[0];
            if (found != shape && !cropped) throw new InvalidDataException($"{file.Path}: '{name}' is {found}, but the model has {shape}; the file is of another model.");
            for (long start = 0; start < values.Length; start += Piece)
            {
                var part = buffer.AsSpan(0, (int)Math.Min(Piece, values.Length - start));
                file.ReadFloat32(name, part, start);
                device.Write(part, values.Slice(start, part.Length));
            }
        }
    }
}
