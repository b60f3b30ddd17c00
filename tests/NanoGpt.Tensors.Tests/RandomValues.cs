namespace NanoGpt.Tensors.Tests;

/// <summary>Values for tests, the same in every run.</summary>
static class RandomValues
{
    /// <summary>Numbers from N(0, std²).</summary>
    public static float[] Normal(long count, int seed, double std = 1)
    {
        var random = new Random(seed);
        var values = new float[count];
        for (long i = 0; i < count; i++)
            values[i] = (float)(std * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
        return values;
    }

    /// <summary>Whole numbers in [0, below).</summary>
    public static int[] Ids(int count, int below, int seed)
    {
        var random = new Random(seed);
        var ids = new int[count];
        for (int i = 0; i < count; i++) ids[i] = random.Next(below);
        return ids;
    }
}
