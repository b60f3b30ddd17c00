using NanoGpt.Tensors;

namespace NanoGpt.Models;

/// <summary>Gives a part of a tensor, from element <paramref name="start"/> on.</summary>
public delegate void PieceReader(long start, Span<float> piece);

/// <summary>Takes a part of a tensor, from element <paramref name="start"/> on.</summary>
public delegate void PieceWriter(long start, ReadOnlySpan<float> piece);

/// <summary>Named device memory to and from safetensors, in pieces, so that no tensor needs a second copy in full.</summary>
public static class WeightFiles
{
    /// <summary>Elements of the largest piece.</summary>
    public const int Piece = 1 << 20;

    /// <summary>Writes tensors under their names.</summary>
    public static void Write(SafetensorsWriter writer, Device device, IEnumerable<(string Name, Shape Shape, Storage Values)> tensors) =>
        Write(writer, tensors.Select(t => (t.Name, t.Shape, (PieceReader)((start, piece) => device.Read(t.Values.Slice(start, piece.Length), piece)))));

    /// <summary>Writes tensors under their names, wherever their pieces come from.</summary>
    public static void Write(SafetensorsWriter writer, IEnumerable<(string Name, Shape Shape, PieceReader Read)> tensors)
    {
        var list = tensors.ToList();
        foreach (var (name, shape, _) in list) writer.Declare(name, [.. Enumerable.Range(0, shape.Rank).Select(i => (long)shape[i])]);
        var buffer = new float[Piece];
        foreach (var (name, shape, read) in list)
        {
            for (long start = 0; start < shape.Count; start += Piece)
            {
                var part = buffer.AsSpan(0, (int)Math.Min(Piece, shape.Count - start));
                read(start, part);
                writer.Write(name, part);
            }
        }
    }

    /// <summary>
    /// Reads tensors by their names. A position table in the file may be longer than the model's: its first rows are taken
    /// (nanoGPT's <c>crop_block_size</c>), and likewise what an optimizer keeps of it.
    /// </summary>
    /// <exception cref="InvalidDataException">One is missing or has another shape.</exception>
    public static void Read(SafetensorsFile file, Device device, IEnumerable<(string Name, Shape Shape, Storage Values)> tensors) =>
        Read(file, tensors.Select(t => (t.Name, t.Shape, (PieceWriter)((start, piece) => device.Write(piece, t.Values.Slice(start, piece.Length))))));

    /// <summary>As the other, wherever the pieces go to.</summary>
    /// <exception cref="InvalidDataException">One is missing or has another shape.</exception>
    public static void Read(SafetensorsFile file, IEnumerable<(string Name, Shape Shape, PieceWriter Write)> tensors)
    {
        var buffer = new float[Piece];
        foreach (var (name, shape, write) in tensors)
        {
            if (!file.Contains(name)) throw new InvalidDataException($"{file.Path}: the tensor '{name}' is missing; the file is of another model.");
            var found = new Shape([.. file[name].Shape.Select(size => checked((int)size))]);
            bool cropped = name.StartsWith("transformer.wpe.", StringComparison.Ordinal) && found.Rank == 2 && found[1] == shape[1] && found[0] > shape[0];
            if (found != shape && !cropped) throw new InvalidDataException($"{file.Path}: '{name}' is {found}, but the model has {shape}; the file is of another model.");
            for (long start = 0; start < shape.Count; start += Piece)
            {
                var part = buffer.AsSpan(0, (int)Math.Min(Piece, shape.Count - start));
                file.ReadFloat32(name, part, start);
                write(start, part);
            }
        }
    }
}
