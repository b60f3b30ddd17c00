using System.Text.Json;
using NanoGpt.Data;

namespace NanoGpt.Training;

/// <summary>The losses of a run, as its folder has them.</summary>
/// <param name="Name">The folder.</param>
/// <param name="Config">Its configuration.</param>
/// <param name="Data">The SHA-256 of its training data, or empty where nothing says it.</param>
/// <param name="Training">Iterations and their training losses, in order.</param>
/// <param name="Evaluations">Iterations and their validation losses, in order.</param>
public sealed record LossCurve(string Name, TrainConfig Config, string Data, IReadOnlyList<(int Iter, double Loss)> Training, IReadOnlyList<(int Iter, double Loss)> Evaluations)
{
    /// <summary>The last iteration that it has a loss of.</summary>
    public int LastIteration => Math.Max(Training.Count > 0 ? Training[^1].Iter : 0, Evaluations.Count > 0 ? Evaluations[^1].Iter : 0);

    /// <summary>The mean training loss of every so many iterations from one, inclusive, to another, exclusive; null where it logged none of them.</summary>
    public double? MeanOf(int from, int to, int every)
    {
        double[] losses = [.. Training.Where(point => point.Iter >= from && point.Iter < to && point.Iter % every == 0).Select(point => point.Loss)];
        return losses.Length == 0 ? null : losses.Average();
    }

    /// <summary>The validation loss at an iteration; null where it did not evaluate there.</summary>
    public double? EvaluationAt(int iteration) => Evaluations.Where(point => point.Iter == iteration).Select(point => (double?)point.Loss).FirstOrDefault();

    /// <summary>Reads the folder of a run.</summary>
    /// <exception cref="FileNotFoundException">It is not one: <c>config.json</c> or <c>metrics.jsonl</c> is missing.</exception>
    /// <exception cref="InvalidDataException">A file is malformed, or has no losses.</exception>
    public static LossCurve Read(string folder)
    {
        string configPath = Path.Combine(folder, RunFolder.ConfigFile), metricsPath = Path.Combine(folder, MetricsLog.FileName), metaPath = RunFolder.MetaPath(folder);
        foreach (string path in (string[])[configPath, metricsPath])
            if (!File.Exists(path)) throw new FileNotFoundException($"{path}: there is no such file, so '{folder}' is not the folder of a run; name the out_dir of one.", path);
        var (training, evaluations) = ReadMetrics(metricsPath);
        if (training.Count + evaluations.Count == 0) throw new InvalidDataException($"{metricsPath}: there is no loss in it yet; let the run go on for a while.");
        return new(folder, TrainConfig.FromJson(File.ReadAllText(configPath), configPath), File.Exists(metaPath) ? DatasetMeta.Load(metaPath).TrainSha256 ?? "" : "", training, evaluations);
    }

    static (List<(int, double)> Training, List<(int, double)> Evaluations) ReadMetrics(string path)
    {
        List<(int, double)> training = [], evaluations = [];
        using var reader = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete));      // the run may be writing it
        string[] lines = reader.ReadToEnd().TrimEnd('\n').Split('\n');
        for (int i = 0; i < lines.Length; i++)
        {
            try
            {
                using var json = JsonDocument.Parse(lines[i]);
                int iter = json.RootElement.GetProperty("iter").GetInt32();
                if (json.RootElement.TryGetProperty("loss", out var loss)) training.Add((iter, loss.GetDouble()));
                if (json.RootElement.TryGetProperty("val_loss", out loss)) evaluations.Add((iter, loss.GetDouble()));
            }
            catch (JsonException) when (i == lines.Length - 1)
            {
                // The run is writing this line just now, or was killed while it did.
            }
            catch (Exception fault) when (fault is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
            {
                throw new InvalidDataException($"{path}:{i + 1}: not a line of metrics.", fault);
            }
        }
        return (training, evaluations);
    }
}
