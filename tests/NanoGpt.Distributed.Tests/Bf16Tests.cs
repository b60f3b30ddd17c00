namespace NanoGpt.Distributed.Tests;

public class Bf16Tests
{
    [Fact]
    public void Rounding_is_to_nearest_ties_to_even_and_keeps_what_is_no_number()
    {
        var random = new Random(7);
        float[] values = [.. Enumerable.Range(0, 1000).Select(_ => BitConverter.Int32BitsToSingle(random.Next(int.MinValue, int.MaxValue))),
            0, -0f, 1, 1.00390625f, 1.01171875f, float.MaxValue, float.PositiveInfinity, float.NegativeInfinity, float.NaN, BitConverter.Int32BitsToSingle(0x7f800001), float.Epsilon];
        foreach (int length in (int[])[values.Length, 1, 15, 16, 33])
        {
            var rounded = new ushort[length];
            var wide = new float[length];
            Bf16.Round(values.AsSpan(^length..), rounded);
            Bf16.Widen(rounded, wide);
            for (int i = 0; i < length; i++) Assert.Equal(Expected(values[values.Length - length + i]), wide[i]);
        }
    }

    [Fact]
    public void Sums_are_in_fp32()
    {
        float[] sum = [.. Enumerable.Range(0, 37).Select(i => i + 1 / 512f)], more = [.. Enumerable.Range(0, 37).Select(i => 2f * i)];
        var narrow = new ushort[37];
        Bf16.Round(more, narrow);
        Bf16.Add(narrow, sum);
        Bf16.Add(more, sum);
        for (int i = 0; i < 37; i++) Assert.Equal(5 * i + 1 / 512f, sum[i]);
    }

    /// <summary>By the distance to the two neighbours.</summary>
    static float Expected(float value)
    {
        if (!float.IsFinite(value)) return value;
        int bits = BitConverter.SingleToInt32Bits(value) & unchecked((int)0xffff0000);
        float low = BitConverter.Int32BitsToSingle(bits), high = BitConverter.Int32BitsToSingle(bits + 0x10000);
        double below = Math.Abs((double)value - low), above = float.IsFinite(high) ? Math.Abs(high - (double)value) : Math.Abs((double)low - BitConverter.Int32BitsToSingle(bits - 0x10000)) - below;
        return below < above || below == above && (bits & 0x10000) == 0 ? low : high;
    }
}
