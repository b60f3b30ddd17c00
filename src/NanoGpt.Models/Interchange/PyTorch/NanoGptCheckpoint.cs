using System.Collections.Specialized;
using System.IO.Compression;
using System.Runtime.InteropServices;

namespace NanoGpt.Models;

/// <summary>
/// Writes a <c>ckpt.pt</c> as nanoGPT's train.py does: a dictionary of <c>model</c>, <c>model_args</c>, <c>iter_num</c>, <c>best_val_loss</c>
/// and <c>config</c> in the zip that torch.load reads. The optimizer's state is not in it.
/// </summary>
public static class NanoGptCheckpoint
{
    /// <summary>The name of the file.</summary>
    public const string FileName = "ckpt.pt";

    const int Piece = 1 << 20;
    static readonly DateTimeOffset timeless = new(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);     // equal weights give equal files

    /// <summary>Writes a file.</summary>
    /// <param name="output">Receives it.</param>
    /// <param name="weights">The weights, as they are.</param>
    /// <param name="iterNum">Steps of training done.</param>
    /// <param name="bestValLoss">The smallest validation loss so far.</param>
    /// <param name="config">The run's configuration: ints, doubles, bools and strings by their names.</param>
    /// <param name="progress">Told how many values are written.</param>
    public static void Write(Stream output, PretrainedWeights weights, int iterNum, double bestValLoss, IReadOnlyDictionary<string, object> config, Action<long>? progress = null)
    {
        string[] names = [.. new Gpt(weights.Config).Parameters.Select(parameter => parameter.Name)];
        using var zip = new ZipArchive(output, ZipArchiveMode.Create, leaveOpen: true);
        using (var entry = Entry(zip, "data.pkl")) entry.Write(PickleWriter.Write(Root(weights, names, iterNum, bestValLoss, config)));
        var buffer = new float[Piece];
        long done = 0;
        for (int i = 0; i < names.Length; i++)
        {
            using var entry = Entry(zip, $"data/{i}");
            weights.Tensors[names[i]].ReadAll(buffer, part =>
            {
                entry.Write(MemoryMarshal.AsBytes(part));
                progress?.Invoke(done += part.Length);
            });
        }
        using (var entry = Entry(zip, "version")) entry.Write("3\n"u8);
    }

    static OrderedDictionary Root(PretrainedWeights weights, string[] names, int iterNum, double bestValLoss, IReadOnlyDictionary<string, object> config)
    {
        var model = new OrderedDictionary();
        for (int i = 0; i < names.Length; i++) model.Add(names[i], new PickledTensor(i, weights.Tensors[names[i]].Shape));
        model.Add("lm_head.weight", model["transformer.wte.weight"]);       // one storage: they are tied
        var sizes = weights.Config;
        var settings = new OrderedDictionary();
        foreach (var (key, value) in config) settings.Add(key, value);
        return new OrderedDictionary
        {
            ["model"] = model,
            ["model_args"] = new OrderedDictionary
            {
                ["n_layer"] = sizes.NLayer, ["n_head"] = sizes.NHead, ["n_embd"] = sizes.NEmbd, ["block_size"] = sizes.BlockSize,
                ["bias"] = sizes.Bias, ["vocab_size"] = sizes.VocabSize, ["dropout"] = sizes.Dropout,
            },
            ["iter_num"] = iterNum, ["best_val_loss"] = bestValLoss, ["config"] = settings,
        };
    }

    /// <summary>An entry of torch's archive, stored as it is.</summary>
    static Stream Entry(ZipArchive zip, string name)
    {
        var entry = zip.CreateEntry($"archive/{name}", CompressionLevel.NoCompression);
        entry.LastWriteTime = timeless;
        return entry.Open();
    }
}
