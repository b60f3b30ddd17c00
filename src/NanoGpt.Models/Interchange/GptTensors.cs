using System.Text.RegularExpressions;

namespace NanoGpt.Models;

/// <summary>
/// Finds the tensors of a GPT among those of a file, whoever wrote it: with or without <c>transformer.</c> before their names,
/// with what torch.compile and DistributedDataParallel put there, matrices as Linear (out, in) or as OpenAI's Conv1D (in, out).
/// </summary>
internal static partial class GptTensors
{
    const int Shown = 3, Piece = 1 << 20;

    /// <summary>The tensors under nanoGPT's names and in its layout, and sentences about what is left over.</summary>
    /// <exception cref="InvalidDataException">A tensor is missing, has another shape or occurs twice, or the head has weights of its own.</exception>
    public static (Dictionary<string, StoredTensor> Tensors, IReadOnlyList<string> Notes) Gather(WeightSource source)
    {
        var found = new Dictionary<string, StoredTensor>();
        foreach (var tensor in source.Tensors)
        {
            string name = NanoGptName(tensor.Name);
            if (!MaskName().IsMatch(name) && !found.TryAdd(name, tensor)) throw Fault(source, $"it has two tensors for '{name}'");
        }
        if (source.Config.NLayer > found.Count) throw Fault(source, $"it has {found.Count} tensors, too few for {source.Config.NLayer} layers");

        var wanted = new Gpt(source.Config).Parameters;
        string[] missing = [.. wanted.Select(p => p.Name).Where(name => !found.ContainsKey(name))];
        if (missing.Length > 0) throw Fault(source, $"it lacks {Listed(missing)} of the model's {wanted.Count} tensors");

        bool transposed = IsTransposed(source.Config, found);
        var tensors = new Dictionary<string, StoredTensor>();
        foreach (var parameter in wanted)
        {
            var tensor = found[parameter.Name];
            bool turn = transposed && MatrixName().IsMatch(parameter.Name);
            long[] shape = [.. Enumerable.Range(0, parameter.Shape.Rank).Select(i => (long)parameter.Shape[i])];
            if (!shape.SequenceEqual(turn ? tensor.Shape.Reverse() : tensor.Shape))
                throw Fault(source, $"'{tensor.Name}' is ({string.Join(", ", tensor.Shape)}), but the model that its configuration describes has ({string.Join(", ", turn ? shape.Reverse() : shape)})");
            tensors.Add(parameter.Name, turn ? Transpose(tensor) : tensor);
        }
        if (found.Remove("lm_head.weight", out var head)) CheckTied(source, tensors["transformer.wte.weight"], head);
        string[] extra = [.. found.Where(entry => !tensors.ContainsKey(entry.Key)).Select(entry => entry.Value.Name)];
        return (tensors, extra.Length == 0 ? [] : [$"{source.Path} holds {OneLine.Of(Listed(extra))} that this model has no use for; left out."]);
    }

    static string NanoGptName(string name)
    {
        foreach (string wrapper in (string[])["module.", "_orig_mod."])
            while (name.StartsWith(wrapper, StringComparison.Ordinal)) name = name[wrapper.Length..];
        return name.StartsWith("transformer.", StringComparison.Ordinal) || name == "lm_head.weight" ? name : $"transformer.{name}";
    }

    /// <summary>Whether matrices are (in, out): told by the one that is not square for sure.</summary>
    static bool IsTransposed(GptConfig config, Dictionary<string, StoredTensor> found) =>
        found["transformer.h.0.attn.c_attn.weight"].Shape.SequenceEqual([config.NEmbd, 3L * config.NEmbd]);

    /// <summary>(in, out) as (out, in), or back. The turned copy lives from the first piece read to the last.</summary>
    internal static StoredTensor Transpose(StoredTensor tensor)
    {
        int rows = checked((int)tensor.Shape[0]), columns = checked((int)tensor.Shape[1]);
        float[]? turned = null;
        return new StoredTensor(tensor.Name, [columns, rows], (destination, start) =>
        {
            turned ??= Turn(tensor, rows, columns);
            turned.AsSpan((int)start, destination.Length).CopyTo(destination);
            if (start + destination.Length == turned.Length) turned = null;
        });
    }

    /// <summary>The columns of a tensor as rows; by squares, so that neither side leaves the cache.</summary>
    internal static float[] Turn(StoredTensor tensor, int rows, int columns)
    {
        const int side = 32;
        float[] from = new float[checked(rows * columns)], to = new float[from.Length];
        tensor.Read(from, 0);
        for (int r = 0; r < rows; r += side)
            for (int c = 0; c < columns; c += side)
                for (int i = r; i < Math.Min(r + side, rows); i++)
                    for (int j = c; j < Math.Min(c + side, columns); j++) to[j * rows + i] = from[i * columns + j];
        return to;
    }

    /// <summary>The head must be the token embedding, as in every GPT-2. Rows beyond the vocabulary pad it and do not count.</summary>
    static void CheckTied(WeightSource source, StoredTensor embedding, StoredTensor head)
    {
        if (!head.Shape.SequenceEqual(embedding.Shape)) throw Fault(source, $"its head is ({string.Join(", ", head.Shape)}), but its token embedding ({string.Join(", ", embedding.Shape)})");
        float[] a = new float[(int)Math.Min(Piece, embedding.Count)], b = new float[a.Length];
        for (long start = 0; start < embedding.Count; start += Piece)
        {
            int count = (int)Math.Min(Piece, embedding.Count - start);
            embedding.Read(a.AsSpan(0, count), start);
            head.Read(b.AsSpan(0, count), start);
            if (!a.AsSpan(0, count).SequenceEqual(b.AsSpan(0, count))) throw Fault(source, "its head has weights of its own; a GPT-2's head is its token embedding");
        }
    }

    static string Listed(string[] names) =>
        $"{names.Length} ({string.Join(", ", names.Take(Shown).Select(name => $"'{name}'"))}{(names.Length > Shown ? ", …" : "")})";

    static InvalidDataException Fault(WeightSource source, string what) => new($"{source.Path}: these weights cannot be loaded: {OneLine.Of(what)}.");

    /// <summary>The causal masks that Hugging Face saves.</summary>
    [GeneratedRegex(@"^transformer\.h\.[0-9]+\.attn\.(bias|masked_bias)$", RegexOptions.CultureInvariant)]
    private static partial Regex MaskName();

    /// <summary>The matrices that are Conv1D in OpenAI's code.</summary>
    [GeneratedRegex(@"\.(attn\.c_attn|attn\.c_proj|mlp\.c_fc|mlp\.c_proj)\.weight$", RegexOptions.CultureInvariant)]
    internal static partial Regex MatrixName();
}
