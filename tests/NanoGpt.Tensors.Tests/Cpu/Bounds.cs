namespace NanoGpt.Tensors.Tests;

/// <summary>Comparison with a bound for each element.</summary>
static class Bounds
{
    public static void Assert(double[] expected, double[] bounds, float[] actual, string what)
    {
        Xunit.Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
        {
            // Written so that NaN fails.
            if (!(Math.Abs(actual[i] - expected[i]) <= bounds[i] + 1e-9))
                Xunit.Assert.Fail($"{what}: {actual[i]} instead of {expected[i]} at {i} of {expected.Length}; allowed {bounds[i]:g3} off.");
        }
    }

    /// <summary>All of a storage.</summary>
    public static float[] ReadAll(this Device device, Storage storage)
    {
        var values = new float[storage.Length];
        device.Read(storage, values);
        return values;
    }
}
