namespace NanoGpt.Models;

/// <summary>A run of elements that a PyTorch file holds under a key; several tensors may look at one.</summary>
internal sealed record TorchStorage(string Key, SafetensorsDtype Dtype, long Count);

/// <summary>A tensor of a PyTorch file: a view of a storage.</summary>
internal sealed record TorchTensor(TorchStorage Storage, long Offset, long[] Shape, long[] Strides)
{
    /// <summary>The most dimensions of a tensor that is read.</summary>
    public const int MostDimensions = 8;

    /// <summary>What is wrong with the view, or null: it must not look outside its storage, nor show more than that holds.</summary>
    public string? Fault()
    {
        if (Shape.Length != Strides.Length || Offset < 0 || Shape.Concat(Strides).Any(number => number < 0)) return "its sizes and strides are not those of a tensor";
        if (Shape.Contains(0)) return null;
        Int128 count = 1, last = Offset;
        for (int i = 0; i < Shape.Length; i++)
        {
            if ((count *= Shape[i]) > Storage.Count) return $"it has more elements than the {Storage.Count} of its storage";
            if ((last += (Int128)(Shape[i] - 1) * Strides[i]) >= Storage.Count)
                return $"it looks outside the {Storage.Count} elements of its storage";
        }
        return last < Storage.Count ? null : $"it looks outside the {Storage.Count} elements of its storage";
    }

    /// <summary>Whether the elements lie one after another in row-major order.</summary>
    public bool IsContiguous
    {
        get
        {
            long expected = 1;
            for (int i = Shape.Length - 1; i >= 0; i--)
            {
                if (Shape[i] != 1 && Strides[i] != expected) return false;
                expected *= Shape[i];
            }
            return true;
        }
    }

    /// <summary>The place in the storage of the element with a row-major index.</summary>
    public long Place(long index)
    {
        long place = Offset;
        for (int i = Shape.Length - 1; i >= 0; i--)
        {
            place += index % Shape[i] * Strides[i];
            index /= Shape[i];
        }
        return place;
    }
}
