namespace NanoGpt.Tensors.Tests;

/// <summary>Comparison of tensors.</summary>
static class Closeness
{
    /// <summary>Every element within tolerance · (|expected| + root mean square of the tensor).</summary>
    public static void Assert(double[] expected, float[] actual, double tolerance, string what)
    {
        Xunit.Assert.True(expected.Length == actual.Length, $"{what}: {actual.Length} elements instead of {expected.Length}.");
        double rms = Math.Sqrt(expected.Sum(e => e * e) / Math.Max(1, expected.Length));
        for (int i = 0; i < expected.Length; i++)
        {
            // Written so that NaN fails.
            if (!(Math.Abs(actual[i] - expected[i]) <= tolerance * (Math.Abs(expected[i]) + rms) + 1e-9))
                Xunit.Assert.Fail($"{what}: {actual[i]} instead of {expected[i]} at {i} of {expected.Length}.");
        }
    }

    /// <summary>The same of two fp32 tensors.</summary>
    public static void Assert(float[] expected, float[] actual, double tolerance, string what) =>
        Assert([.. expected.Select(e => (double)e)], actual, tolerance, what);
}
