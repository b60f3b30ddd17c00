using NanoGpt.Tensors.Cpu.Amx;
using NanoGpt.Tensors.Cpu.Bf16;
using NanoGpt.Tensors.Cpu.Gemm;
using NanoGpt.Tensors.Cpu.Simd;

namespace NanoGpt.Tensors.Tests;

/// <summary>What packing makes of a number: the nearest bf16, whatever the layout and wherever the number stands.</summary>
public unsafe class Bf16RoundingTests
{
    /// <summary>
    /// Every sign, exponent and leading bit (65,536 of them) with trailing bits at, beside and far from a tie: every tie,
    /// denormal, infinity and kind of NaN there is.
    /// </summary>
    static readonly float[] numbers =
    [
        .. from high in Enumerable.Range(0, 1 << 16)
           from low in (uint[])[0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF]
           select BitConverter.UInt32BitsToSingle((uint)high << 16 | low)
    ];

    [Theory]
    [InlineData(0x3F808000u, 0x3F800000u)]      // 1 + half a step: the tie goes to the even 1
    [InlineData(0x3F818000u, 0x3F820000u)]      // the next tie goes up
    [InlineData(0x3F808001u, 0x3F810000u)]      // just above a tie
    [InlineData(0x3F817FFFu, 0x3F810000u)]      // just below
    [InlineData(0x80000000u, 0x80000000u)]      // -0
    [InlineData(0x00000001u, 0x00000000u)]      // the smallest denormal
    [InlineData(0x00008000u, 0x00000000u)]      // a tie of denormals
    [InlineData(0x00018000u, 0x00020000u)]
    [InlineData(0x807FFFFFu, 0x80800000u)]      // the largest denormal becomes normal
    [InlineData(0x7F7FFFFFu, 0x7F800000u)]      // the largest fp32 overflows
    [InlineData(0x7F7F7FFFu, 0x7F7F0000u)]      // the largest that does not
    [InlineData(0xFF800000u, 0xFF800000u)]
    public void The_yardstick_itself_is_right(uint x, uint expected) =>
        Assert.Equal(expected, BitConverter.SingleToUInt32Bits(Bf16.Nearest(BitConverter.UInt32BitsToSingle(x))));

    [Theory, MemberData(nameof(Bf16.Paths), MemberType = typeof(Bf16))]
    public void Every_number_becomes_the_nearest_bf16(Bf16Path path)
    {
        Bf16.SkipWhereMissing(path);
        switch (path)
        {
            case Bf16Path.Tiles: Check<Simd512, AmxFormat>(); break;
            case Bf16Path.InterpretedTiles: Check<Lanes16, InterpretedAmxFormat>(); break;
            case Bf16Path.Instruction: Check<Simd512, Bf16Format>(); break;
            case Bf16Path.RoundedScalar: Check<SimdScalar, Bf16RoundedFormat<SimdScalar>>(); break;
            case Bf16Path.Rounded128: Check<Simd128, Bf16RoundedFormat<Simd128>>(); break;
            case Bf16Path.Rounded256: Check<Simd256, Bf16RoundedFormat<Simd256>>(); break;
            case Bf16Path.Rounded512: Check<Simd512, Bf16RoundedFormat<Simd512>>(); break;
            default: throw new ArgumentOutOfRangeException(nameof(path));
        }
    }

    /// <summary>Packs all numbers as either operand, by rows and by columns: first in whole vectors, mostly, then all where a vector does not fit.</summary>
    static void Check<V, F>() where V : unmanaged, ISimd<V> where F : IFormat<V>
    {
        Check<V, F>(rows: 397, columns: 991);       // primes; together just more than there are numbers
        Check<V, F>(rows: 30_259, columns: 13);
    }

    static void Check<V, F>(int rows, int columns) where V : unmanaged, ISimd<V> where F : IFormat<V>
    {
        var source = new float[rows * columns];
        for (int i = 0; i < source.Length; i++) source[i] = numbers[i % numbers.Length];
        Assert.True(source.Length >= numbers.Length);
        fixed (float* data = source)
        {
            var byRows = new MatrixView(data, rows, columns);
            foreach (var matrix in (MatrixView[])[byRows, byRows.Transposed])
            {
                CheckLeft<V, F>(matrix);
                CheckRight<V, F>(matrix);
            }
        }
    }

    static void CheckLeft<V, F>(MatrixView a) where V : unmanaged, ISimd<V> where F : IFormat<V>
    {
        int steps = (a.Columns + F.Pairing - 1) / F.Pairing;
        var room = new float[(a.Rows + 32) * (steps + 32)];
        fixed (float* destination = room)
        {
            var packed = F.PackA(a, 0, a.Rows, 0, steps, destination);
            for (int i = 0; i < packed.Rows; i++)
                for (int k = 0; k < steps * F.Pairing; k++)
                    Compare(i < a.Rows && k < a.Columns ? *a.At(i, k) : 0, Element<V, F>(packed.Data + i / F.TileRows * packed.TileStride + i % F.TileRows * packed.RowStride + k / F.Pairing * packed.ColumnStride, k), $"A at ({i}, {k})");
        }
    }

    static void CheckRight<V, F>(MatrixView b) where V : unmanaged, ISimd<V> where F : IFormat<V>
    {
        int steps = (b.Rows + F.Pairing - 1) / F.Pairing, width = 3 * V.Count;
        var room = new float[steps * width];
        fixed (float* destination = room)
            for (int column = 0; column < b.Columns; column += width)
            {
                int valid = Math.Min(width, b.Columns - column);
                F.PackB(b, 0, steps, column, [width], destination, 0, steps);
                for (int k = 0; k < steps * F.Pairing; k++)
                    for (int j = 0; j < width; j++)
                        Compare(k < b.Rows && j < valid ? *b.At(k, column + j) : 0, Element<V, F>(destination + k / F.Pairing * width + j, k), $"B at ({k}, {column + j})");
            }
    }

    /// <summary>Element k of its step: a word of its own, or the lower or upper half of a pair's.</summary>
    internal static float Element<V, F>(float* word, int k) where V : unmanaged, ISimd<V> where F : IFormat<V>
    {
        uint bits = *(uint*)word;
        return BitConverter.UInt32BitsToSingle(F.Pairing == 1 ? bits : k % 2 == 0 ? bits << 16 : bits & 0xFFFF0000u);
    }

    static void Compare(float x, float packed, string where)
    {
        // The instruction takes what is below 2⁻¹²⁶ for 0, on its way in as in its products.
        bool right = float.IsSubnormal(x) && packed == 0 || (float.IsNaN(x) ? float.IsNaN(packed) : BitConverter.SingleToUInt32Bits(Bf16.Nearest(x)) == BitConverter.SingleToUInt32Bits(packed));
        if (!right) Assert.Fail($"{where}: {x:R} (0x{BitConverter.SingleToUInt32Bits(x):X8}) became {packed:R} (0x{BitConverter.SingleToUInt32Bits(packed):X8}).");
    }

    /// <summary>Through a whole product: what is too large becomes infinite, NaN spreads, infinity times zero is NaN.</summary>
    [Theory, MemberData(nameof(Bf16.Paths), MemberType = typeof(Bf16))]
    public void Products_of_special_numbers_are_those_of_the_rounded_numbers(Bf16Path path)
    {
        var device = Bf16.Device(path);
        float[] special =
            [0, 1, -1, 1 + 1f / 256, 1 + 3f / 256, -(1 + 1f / 256), float.MaxValue, -float.MaxValue, 3.3895314e38f, float.PositiveInfinity, float.NegativeInfinity, float.NaN,
                BitConverter.UInt32BitsToSingle(0x7F800001), 1e-20f, 65504.5f];
        using var fence = new CanaryFence();
        Storage x = fence.Allocate(1), w = fence.Allocate(1), y = fence.Allocate(1);
        var actual = new float[1];
        foreach (float a in special)
            foreach (float b in special)
            {
                device.Write([a], x);
                device.Write([b], w);
                device.LinearForward(x, w, default, y, 1, 1, 1);
                device.Read(y, actual);
                // Products below the smallest normal number may become zero.
                float expected = Bf16.Nearest(a) * Bf16.Nearest(b);
                if (Math.Abs(expected) < 1.2e-38f) Assert.InRange(Math.Abs(actual[0]), 0, 1.2e-38f);
                else Assert.True(expected.Equals(actual[0]), $"{a:R} · {b:R} = {actual[0]:R} instead of {expected:R}.");
            }
    }
}
