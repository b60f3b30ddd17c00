namespace NanoGpt.Tensors.Tests;

/// <summary>
/// Every operation's forward in double precision, as naive as the formula: the yardstick that the engine's values are held
/// against, and that gradients are differenced from.
/// </summary>
static class Reference
{
    public static double[] Add(double[] a, double[] b) => [.. a.Zip(b, (x, y) => x + y)];

    public static double[] Scale(double[] x, double factor) => [.. x.Select(v => factor * v)];

    /// <summary>x ∘ mask.</summary>
    public static double[] Mask(double[] x, float[] mask) => [.. x.Zip(mask, (v, m) => v * m)];

    public static double[] GeluTanh(double[] x) => [.. x.Select(v => v / 2 * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (v + 0.044715 * v * v * v))))];

    public static double[] Gelu(double[] x) => [.. x.Select(v => v / 2 * (1 + Erf(v / Math.Sqrt(2))))];

    /// <summary>erf(x) = 2/√π · e^(-x²) · Σ 2ⁿ x^(2n+1) / (2n+1)!!: no term cancels another, so it is good to the last digits.</summary>
    public static double Erf(double x)
    {
        if (double.IsNaN(x)) return x;
        if (Math.Abs(x) > 6) return Math.Sign(x);
        double term = x, sum = x;
        for (int n = 1; Math.Abs(term) > 1e-17 * Math.Abs(sum); n++) sum += term *= 2 * x * x / (2 * n + 1);
        return 2 / Math.Sqrt(Math.PI) * Math.Exp(-x * x) * sum;
    }

    public static double[] Embedding(int[] ids, double[] tokens, double[] positions, int time, int channels)
    {
        var y = new double[ids.Length * channels];
        for (int place = 0; place < ids.Length; place++)
            for (int c = 0; c < channels; c++)
                y[place * channels + c] = tokens[ids[place] * channels + c] + positions[place % time * channels + c];
        return y;
    }

    public static double[] LayerNorm(double[] x, double[] weight, double[]? bias)
    {
        int channels = weight.Length;
        var y = new double[x.Length];
        for (int start = 0; start < x.Length; start += channels)
        {
            var row = x.AsSpan(start, channels);
            double mean = 0, variance = 0;
            foreach (double v in row) mean += v / channels;
            foreach (double v in row) variance += (v - mean) * (v - mean) / channels;
            double rstd = 1 / Math.Sqrt(variance + 1e-5);
            for (int c = 0; c < channels; c++) y[start + c] = (row[c] - mean) * rstd * weight[c] + (bias?[c] ?? 0);
        }
        return y;
    }

    public static double[] Linear(double[] x, double[] weight, double[]? bias, int inputs)
    {
        int rows = x.Length / inputs, outputs = weight.Length / inputs;
        var y = new double[rows * outputs];
        for (int row = 0; row < rows; row++)
            for (int o = 0; o < outputs; o++)
            {
                double sum = bias?[o] ?? 0;
                for (int i = 0; i < inputs; i++) sum += x[row * inputs + i] * weight[o * inputs + i];
                y[row * outputs + o] = sum;
            }
        return y;
    }

    /// <param name="qkv">(B, T, 3C).</param>
    /// <param name="mask">(B, heads, T, T), 0 or 1/(1 - p), or null.</param>
    public static double[] CausalAttention(double[] qkv, int time, int heads, int headSize, float[]? mask = null)
    {
        int channels = heads * headSize, batch = qkv.Length / (time * 3 * channels);
        var y = new double[batch * time * channels];
        var p = new double[time];
        for (int b = 0; b < batch; b++)
            for (int h = 0; h < heads; h++)
                for (int i = 0; i < time; i++)
                {
                    double sum = 0;
                    for (int j = 0; j <= i; j++)
                    {
                        double score = 0;
                        for (int d = 0; d < headSize; d++) score += qkv[At(b, i, 0, h, d)] * qkv[At(b, j, 1, h, d)];
                        sum += p[j] = Math.Exp(score / Math.Sqrt(headSize));
                    }
                    for (int j = 0; j <= i; j++)
                    {
                        double weight = p[j] / sum * (mask?[((b * heads + h) * time + i) * time + j] ?? 1);
                        for (int d = 0; d < headSize; d++) y[(b * time + i) * channels + h * headSize + d] += weight * qkv[At(b, j, 2, h, d)];
                    }
                }
        return y;

        int At(int b, int t, int part, int h, int d) => (b * time + t) * 3 * channels + part * channels + h * headSize + d;
    }

    /// <summary>Rows with a negative target count 0, and are counted.</summary>
    public static double[] CrossEntropy(double[] logits, int[] targets)
    {
        int rows = targets.Length, vocabulary = logits.Length / rows;
        double loss = 0;
        for (int row = 0; row < rows; row++)
        {
            if (targets[row] < 0) continue;
            var z = logits.AsSpan(row * vocabulary, vocabulary);
            double max = double.NegativeInfinity, sum = 0;
            foreach (double v in z) max = Math.Max(max, v);
            foreach (double v in z) sum += Math.Exp(v - max);
            loss += Math.Log(sum) + max - z[targets[row]];
        }
        return [loss / rows];
    }
}
