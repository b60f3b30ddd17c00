namespace NanoGpt.Tensors.Tests;

/// <summary>Sizes to run the kernels at.</summary>
sealed record Sizes(int Rows, int Channels, int Outputs, int Batch, int Time, int Heads, int HeadSize, int Vocabulary)
{
    /// <summary>Around the edges of vectors and tiles.</summary>
    public static Sizes[] Odd { get; } =
    [
        new(1, 1, 1, 1, 1, 1, 1, 1),
        new(3, 7, 5, 1, 5, 1, 3, 2),
        new(7, 9, 17, 2, 17, 2, 5, 15),
        new(9, 15, 33, 1, 31, 3, 8, 17),
        new(33, 31, 49, 2, 33, 1, 17, 65),
        new(65, 97, 47, 1, 65, 2, 33, 131),
        new(5, 513, 3, 1, 100, 1, 16, 1001),
    ];

    /// <summary>Every kernel has several work items.</summary>
    public static Sizes Large { get; } = new(Rows: 333, Channels: 193, Outputs: 391, Batch: 3, Time: 70, Heads: 5, HeadSize: 24, Vocabulary: 1003);

    /// <summary>The same, with sequences of a few positions: attention has a kernel of its own for them.</summary>
    public static Sizes Short { get; } = new(Rows: 333, Channels: 200, Outputs: 392, Batch: 97, Time: 8, Heads: 4, HeadSize: 50, Vocabulary: 65);
}

/// <summary>A way to call one kernel of the <see cref="Device"/> contract.</summary>
/// <param name="Kernel">The method.</param>
/// <param name="Variant">Which optional operands and flags.</param>
/// <param name="Run">Makes operands on the workbench and calls it.</param>
sealed record KernelCase(string Kernel, string Variant, Action<Workbench> Run)
{
    public override string ToString() => Variant.Length == 0 ? Kernel : $"{Kernel} ({Variant})";

    /// <summary>Every kernel of the contract, in every variant.</summary>
    public static List<KernelCase> All(Sizes s)
    {
        int rows = s.Rows, channels = s.Channels, outputs = s.Outputs, batch = s.Batch, time = s.Time, vocabulary = s.Vocabulary;
        int width = s.Heads * s.HeadSize;
        long count = (long)rows * channels * 3 + 1, places = (long)batch * time;
        var cases = new List<KernelCase>
        {
            new("Fill", "", w => w.Device.Fill(w.Out(count), 1.5f)),
            new("Copy", "", w => w.Device.Copy(w.In(count), w.Out(count))),
            new("FillNormal", "", w => w.Device.FillNormal(w.Out(count), 0.02f, 1, 2)),
            new("Add", "", w => w.Device.Add(w.In(count), w.In(count), w.Out(count))),
            new("Accumulate", "", w => w.Device.Accumulate(w.In(count), w.InOut(count))),
            new("Mean", "", w => w.Device.Mean(w.In(count), w.Out(1))),
            new("SumOfSquares", "", w => w.Device.SumOfSquares(w.In(count), w.Out(1))),
            new("GeluForward", "", w => w.Device.GeluForward(w.In(count), w.Out(count))),
            new("GeluTanhForward", "", w => w.Device.GeluTanhForward(w.In(count), w.Out(count))),
            new("DropoutForward", "", w => w.Device.DropoutForward(w.In(count), w.Out(count), 0.3f, w.RandomKey)),
            new("EmbeddingForward", "", w => w.Device.EmbeddingForward(
                w.Ids((int)places, vocabulary), w.In((long)vocabulary * channels), w.In((long)time * channels), w.Out(places * channels), batch, time, channels)),
            new("NarrowEmbeddingForward", "", w => w.Device.NarrowEmbeddingForward(
                w.Ids((int)places, vocabulary), w.Narrow((long)vocabulary * channels), w.Narrow((time + 2L) * channels), w.Out(places * channels), batch, time, channels, 2)),
            new("Narrow", "", w => w.Device.Narrow(w.In(2 * count), w.Out(count))),
            new("AppendKeyValues", "", w => w.Device.AppendKeyValues(
                w.In(places * 3 * width), w.InOut((long)batch * width * (time + 5)), w.InOut((long)batch * width * (time + 5)), batch, time, 3, time + 5, s.Heads, s.HeadSize)),
            new("CachedAttention", "", w => w.Device.CachedAttention(
                w.In(places * 3 * width), w.In((long)batch * width * (time + 5)), w.In((long)batch * width * (time + 5)), w.Out(places * width), batch, time, 3, time + 5, s.Heads, s.HeadSize)),
            new("EmbeddingBackward", "", w => w.Device.EmbeddingBackward(
                w.Ids((int)places, vocabulary), w.In(places * channels), w.InOut((long)vocabulary * channels), w.InOut((long)time * channels), batch, time, channels)),
            new("AdamW", "", w => w.Device.AdamW(w.InOut(count), w.In(count), w.InOut(count), w.InOut(count), w.Positive(4), 0.9f, 0.95f, 1e-8f, 0.1f)),
            new("CrossEntropy", "loss", w => w.Device.CrossEntropy(w.In((long)rows * vocabulary), w.Ids(rows, vocabulary), w.Out(rows), default, rows, vocabulary, 0.5f)),
            new("CrossEntropy", "gradient", w => w.Device.CrossEntropy(
                w.In((long)rows * vocabulary), w.Ids(rows, vocabulary), w.Out(rows), w.Out((long)rows * vocabulary), rows, vocabulary, 0.5f)),
            new("LinearCrossEntropy", "loss", w => w.Device.LinearCrossEntropy(
                w.In((long)rows * channels), w.In((long)vocabulary * channels), w.Ids(rows, vocabulary), w.Out(rows), default, default, rows, channels, vocabulary, 0.5f, false)),
        };

        foreach (bool bias in (bool[])[false, true])
        {
            string variant = bias ? "bias" : "no bias";
            cases.Add(new("LayerNormForward", variant, w => w.Device.LayerNormForward(
                w.In((long)rows * channels), w.In(channels), bias ? w.In(channels) : default, w.Out((long)rows * channels), w.Out(rows), w.Out(rows), rows, channels)));
            cases.Add(new("LinearForward", variant, w => w.Device.LinearForward(
                w.In((long)rows * channels), w.In((long)outputs * channels), bias ? w.In(outputs) : default, w.Out((long)rows * outputs), rows, channels, outputs)));
            cases.Add(new("NarrowLinearForward", variant, w => w.Device.NarrowLinearForward(
                w.In((long)rows * channels), w.Narrow((long)outputs * channels), bias ? w.In(outputs) : default, w.Out((long)rows * outputs), rows, channels, outputs)));
        }

        foreach (bool accumulate in (bool[])[false, true])
        {
            string variant = accumulate ? "accumulate" : "overwrite";
            Storage To(Workbench w, long n) => accumulate ? w.InOut(n) : w.Out(n);
            cases.Add(new("LinearBackwardWeight", $"{variant}, bias", w => w.Device.LinearBackwardWeight(
                w.In((long)rows * outputs), w.In((long)rows * channels), To(w, (long)outputs * channels), w.InOut(outputs), rows, channels, outputs, accumulate)));
            cases.Add(new("LinearBackwardWeight", $"{variant}, no bias", w => w.Device.LinearBackwardWeight(
                w.In((long)rows * outputs), w.In((long)rows * channels), To(w, (long)outputs * channels), default, rows, channels, outputs, accumulate)));
            cases.Add(new("LinearCrossEntropy", $"gradient, {variant}", w => w.Device.LinearCrossEntropy(
                w.In((long)rows * channels), w.In((long)vocabulary * channels), w.Ids(rows, vocabulary), w.Out(rows),
                w.Out((long)rows * channels), To(w, (long)vocabulary * channels), rows, channels, vocabulary, 0.5f, accumulate)));
            cases.Add(new("Scale", variant, w => w.Device.Scale(w.In(count), 0.7f, To(w, count), accumulate)));
            cases.Add(new("GeluTanhBackward", variant, w => w.Device.GeluTanhBackward(w.In(count), w.In(count), To(w, count), accumulate)));
            cases.Add(new("GeluBackward", variant, w => w.Device.GeluBackward(w.In(count), w.In(count), To(w, count), accumulate)));
            cases.Add(new("DropoutBackward", variant, w => w.Device.DropoutBackward(w.In(count), To(w, count), 0.3f, w.RandomKey, accumulate)));
            cases.Add(new("LinearBackwardInput", variant, w => w.Device.LinearBackwardInput(
                w.In((long)rows * outputs), w.In((long)outputs * channels), To(w, (long)rows * channels), rows, channels, outputs, accumulate)));
            cases.Add(new("LayerNormBackward", variant, w => w.Device.LayerNormBackward(
                w.In((long)rows * channels), w.In((long)rows * channels), w.In(channels), w.In(rows), w.Positive(rows),
                To(w, (long)rows * channels), w.InOut(channels), accumulate ? w.InOut(channels) : default, rows, channels, accumulate)));
        }

        foreach (float dropout in (float[])[0, 0.3f])
        {
            string variant = $"dropout {dropout}";
            cases.Add(new("AttentionForward", variant, w => w.Device.AttentionForward(
                w.In(places * 3 * width), w.Out(places * width), w.Out((long)batch * s.Heads * time), batch, time, s.Heads, s.HeadSize, dropout, w.RandomKey)));
            foreach (bool accumulate in (bool[])[false, true])
                cases.Add(new("AttentionBackward", $"{variant}, {(accumulate ? "accumulate" : "overwrite")}", w => w.Device.AttentionBackward(
                    w.In(places * width), w.In(places * 3 * width), w.In(places * width), w.Positive((long)batch * s.Heads * time),
                    accumulate ? w.InOut(places * 3 * width) : w.Out(places * 3 * width), batch, time, s.Heads, s.HeadSize, dropout, w.RandomKey, accumulate)));
        }
        return cases;
    }
}
