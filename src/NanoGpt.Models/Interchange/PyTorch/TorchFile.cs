using System.Text;

namespace NanoGpt.Models;

/// <summary>
/// A file that <c>torch.save</c> wrote (PyTorch 1.6 and later): a zip with <c>data.pkl</c>, the objects, in which tensors are
/// views of storages, and <c>data/KEY</c>, the storages. Nothing in it is executed: see <see cref="Pickle"/>.
/// </summary>
internal sealed class TorchFile : IDisposable
{
    const int MaxPickleBytes = 4 << 20;

    readonly FileBytes file;
    readonly StoredZip zip;
    readonly string root;

    /// <summary>Opens a file; disposes of it if that fails.</summary>
    /// <exception cref="InvalidDataException">It is damaged or holds something that is neither a tensor nor a plain value.</exception>
    public TorchFile(string path)
    {
        file = new FileBytes(path);
        try
        {
            zip = new StoredZip(file);
            string pickle = zip.Names.FirstOrDefault(name => name.EndsWith("/data.pkl", StringComparison.Ordinal)) ?? throw new FormatException("it has no data.pkl");
            root = pickle[..^"data.pkl".Length];
            if (zip.Contains(root + "byteorder") && Text(root + "byteorder") == "big") throw new FormatException("its numbers are big-endian; save it again on a little-endian machine");
            var (offset, length) = zip.Locate(pickle);
            if (length > MaxPickleBytes) throw new FormatException($"its data.pkl has {length} bytes, above the limit of {MaxPickleBytes}");
            Value = Pickle.Load(file.ReadBytes(offset, length));
        }
        catch (FormatException fault)
        {
            file.Dispose();
            throw new InvalidDataException($"{path}: this PyTorch file cannot be read: {OneLine.Of(fault.Message)}.", fault);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>What was saved, as <see cref="Pickle"/> represents it.</summary>
    public object? Value { get; }

    /// <summary>The tensors of a dictionary of names; what is no tensor is left out.</summary>
    /// <exception cref="InvalidDataException">A storage is not in the file, or shorter than it should be.</exception>
    public IReadOnlyList<StoredTensor> Tensors(IReadOnlyDictionary<object, object?> state) =>
        [.. state.Where(entry => entry is { Key: string, Value: TorchTensor }).Select(entry => Tensor((string)entry.Key, (TorchTensor)entry.Value!))];

    StoredTensor Tensor(string name, TorchTensor tensor)
    {
        var storage = tensor.Storage;
        var (offset, length) = zip.Locate($"{root}data/{storage.Key}");
        if (length / storage.Dtype.Size() < storage.Count)
            throw new InvalidDataException($"{file.Path}: the storage of '{OneLine.Of(name)}' has {length} bytes, too few for {storage.Count} {storage.Dtype}; the file is damaged, get it again.");
        var elements = new FloatBytes(file, storage.Dtype, offset, storage.Count);
        if (!FloatBytes.IsFloat(storage.Dtype))
            return new StoredTensor(name, tensor.Shape, (_, _) => throw new InvalidDataException($"{file.Path}: '{OneLine.Of(name)}' is {storage.Dtype}, not floating point."));
        return new StoredTensor(name, tensor.Shape, tensor.IsContiguous
            ? (destination, start) => elements.Read(destination, tensor.Offset + start)
            : Scattered(tensor, elements));
    }

    /// <summary>A reader of elements that do not lie one after another: takes the stretch of the storage that they lie in, once.</summary>
    static FloatReader Scattered(TorchTensor tensor, FloatBytes elements)
    {
        float[]? stretch = null;
        return (destination, start) =>
        {
            if (destination.IsEmpty) return;
            if (stretch is null)
            {
                stretch = new float[tensor.Place(tensor.Shape.Aggregate(1L, (product, size) => product * size) - 1) - tensor.Offset + 1];
                elements.Read(stretch, tensor.Offset);
            }
            for (int i = 0; i < destination.Length; i++) destination[i] = stretch[tensor.Place(start + i) - tensor.Offset];
        };
    }

    string Text(string entry)
    {
        var (offset, length) = zip.Locate(entry);
        return length > 16 ? "" : Encoding.ASCII.GetString(file.ReadBytes(offset, length)).Trim();
    }

    public void Dispose() => file.Dispose();
}
