using System.Text.Json;

namespace NanoGpt.Training;

/// <summary>One point of a reference: what runs with different seeds have there.</summary>
/// <param name="From">The iteration of an evaluation, or the first of a span whose training losses are averaged.</param>
/// <param name="To">The iteration after the last of the span.</param>
/// <param name="Losses">One loss per run.</param>
public sealed record ReferencePoint(int From, int To, IReadOnlyList<double> Losses);

/// <summary>
/// How a training run goes when all is well: the losses of a few runs that differ in the seed alone. Stored as JSON lines: first what
/// the runs are, then a line per point: <c>iter, to, loss</c> (a span of the training loss) or <c>iter, val_loss</c>.
/// </summary>
/// <param name="Name">What it is called.</param>
/// <param name="Config">The configuration of the runs.</param>
/// <param name="Data">The SHA-256 of their training data.</param>
/// <param name="Spans">The training loss.</param>
/// <param name="Evaluations">The validation loss.</param>
public sealed record ReferenceCurve(string Name, TrainConfig Config, string Data, IReadOnlyList<ReferencePoint> Spans, IReadOnlyList<ReferencePoint> Evaluations)
{
    const int SpanCount = 50;
    const string Resources = "reference/";

    /// <summary>How many runs it is made of.</summary>
    public int Runs => Spans.Concat(Evaluations).First().Losses.Count;

    /// <summary>The iteration at which it ends.</summary>
    public int LastIteration => Spans.Concat(Evaluations).Max(point => Math.Max(point.From, point.To - 1));

    /// <summary>The references that come with the program, for presets that a small machine can run.</summary>
    public static IReadOnlyList<ReferenceCurve> Known() =>
    [
        .. typeof(ReferenceCurve).Assembly.GetManifestResourceNames().Where(name => name.StartsWith(Resources, StringComparison.Ordinal)).Order(StringComparer.Ordinal).Select(name =>
        {
            using var reader = new StreamReader(typeof(ReferenceCurve).Assembly.GetManifestResourceStream(name)!);
            return Parse(name, reader.ReadToEnd());
        }),
    ];

    /// <summary>Makes a reference of runs.</summary>
    public static ReferenceCurve Of(string name, IReadOnlyList<LossCurve> runs)
    {
        int end = runs.Min(run => run.LastIteration) + 1, length = (end + SpanCount - 1) / SpanCount, every = runs.Max(run => run.Config.LogInterval);
        var spans = Enumerable.Range(0, SpanCount).Select(i => Point(i * length, Math.Min(end, (i + 1) * length), run => run.MeanOf(i * length, (i + 1) * length, every)));
        var evaluations = runs[0].Evaluations.Select(e => Point(e.Iter, e.Iter, run => run.EvaluationAt(e.Iter)));
        return new(name, runs[0].Config with { OutDir = new TrainConfig().OutDir, LogInterval = every }, runs[0].Data, [.. spans.OfType<ReferencePoint>()], [.. evaluations.OfType<ReferencePoint>()]);

        ReferencePoint? Point(int from, int to, Func<LossCurve, double?> loss)
        {
            double?[] losses = [.. runs.Select(loss)];
            return losses.Contains(null) ? null : new(from, to, [.. losses.Select(value => Math.Round(value!.Value, 5))]);
        }
    }

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    /// <exception cref="InvalidDataException">It is not that.</exception>
    public static ReferenceCurve Parse(string source, string text)
    {
        int number = 0;
        try
        {
            string[] lines = text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
            using var head = JsonDocument.Parse(lines[0]);
            var config = TrainConfig.FromJson(head.RootElement.GetProperty("config").GetRawText(), source);
            List<ReferencePoint> spans = [], evaluations = [];
            for (number = 1; number < lines.Length; number++)
            {
                using var json = JsonDocument.Parse(lines[number]);
                int from = json.RootElement.GetProperty("iter").GetInt32();
                if (json.RootElement.TryGetProperty("val_loss", out var losses)) evaluations.Add(new(from, from, Numbers(losses)));
                else spans.Add(new(from, json.RootElement.GetProperty("to").GetInt32(), Numbers(json.RootElement.GetProperty("loss"))));
            }
            if (spans.Count + evaluations.Count == 0) throw new FormatException("it has no losses");
            return new(head.RootElement.GetProperty("reference").GetString()!, config, head.RootElement.GetProperty("data").GetString()!, spans, evaluations);
        }
        catch (Exception fault) when (fault is JsonException or KeyNotFoundException or InvalidOperationException or FormatException or IndexOutOfRangeException)
        {
            throw new InvalidDataException($"{source}:{number + 1}: not a reference curve ({fault.Message.TrimEnd('.')}); nanogpt compare --save makes one.", fault);
        }

        static double[] Numbers(JsonElement array) => [.. array.EnumerateArray().Select(number => number.GetDouble())];
    }

    /// <summary>The lines of the file.</summary>
    public void Write(Stream stream)
    {
        using var json = new Utf8JsonWriter(stream, new JsonWriterOptions { SkipValidation = true });
        json.WriteStartObject();
        json.WriteString("reference", Name);
        json.WriteString("data", Data);
        json.WritePropertyName("config");
        Config.WriteTo(json);
        EndLine(json);
        foreach (var point in Spans.Concat(Evaluations).OrderBy(point => point.From))
        {
            json.WriteStartObject();
            json.WriteNumber("iter", point.From);
            if (point.To > point.From) json.WriteNumber("to", point.To);
            json.WriteStartArray(point.To > point.From ? "loss" : "val_loss");
            foreach (double loss in point.Losses) json.WriteNumberValue(loss);
            json.WriteEndArray();
            EndLine(json);
        }

        void EndLine(Utf8JsonWriter json)
        {
            json.WriteEndObject();
            json.Flush();
            stream.WriteByte((byte)'\n');
            json.Reset();
        }
    }
}
