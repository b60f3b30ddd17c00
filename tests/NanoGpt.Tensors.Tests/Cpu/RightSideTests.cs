using NanoGpt.Tensors.Cpu.Gemm;
using NanoGpt.Tensors.Cpu.Simd;

namespace NanoGpt.Tensors.Tests;

/// <summary>Where packing puts the elements of a right-hand side: block, panel, step, column.</summary>
public unsafe class RightSideTests
{
    const float Untouched = -7;

    [Theory]
    [InlineData(1, 1)]
    [InlineData(5, 33)]
    [InlineData(100, 64)]           // two panels of two vectors of 16
    [InlineData(401, 88)]           // panels of 3 and 2 vectors of 8, two blocks
    [InlineData(33, 2000)]          // more panels than are described at a time
    [InlineData(800, 50)]
    public void Every_element_is_packed_to_its_place(int rows, int columns)
    {
        Check<Simd256, Fp32Format<Simd256>>(rows, columns);
        Check<Simd128, Fp32Format<Simd128>>(rows, columns);
        Check<SimdScalar, Fp32Format<SimdScalar>>(rows, columns);
        Check<Lanes16, InterpretedAmxFormat>(rows, columns);
    }

    static void Check<V, F>(int rows, int columns) where V : unmanaged, ISimd<V> where F : IFormat<V>
    {
        using IFence fence = OperatingSystem.IsLinux() ? new GuardPageFence() : new CanaryFence();
        float* data = (float*)fence.Allocate((long)rows * columns).Address;
        for (int i = 0; i < rows * columns; i++) data[i] = i % 251 + 1;     // whole numbers below 256: bf16 has them, too
        foreach (var b in new[] { new MatrixView(data, rows, columns), new MatrixView(data, columns, rows).Transposed })
        {
            var panels = RightSide<V, F>.Cut(rows, columns);
            var packed = new float[panels.Length + 16];
            fixed (float* to = packed)
            {
                RightSide<V, F>.Pack(b, to);
                CheckPlaces<V, F>(b, panels, to);
                Array.Fill(packed, Untouched);
                var side = RightSide<V, F>.PackedAt(to, panels);
                for (int step = 0, piece = 1; step < panels.Steps; piece = piece % 7 + 1)
                {
                    int count = Math.Min(Math.Min(piece, panels.Steps - step), panels.BlockSize - step % panels.BlockSize);
                    side.PackSteps(b, step, count);
                    step += count;
                }
                CheckPlaces<V, F>(b, panels, to);
                Assert.All(packed[(int)panels.Length..], x => Assert.Equal(Untouched, x));
            }
        }
    }

    static void CheckPlaces<V, F>(MatrixView b, PackedPanels<V> panels, float* packed) where V : unmanaged, ISimd<V> where F : IFormat<V>
    {
        for (int panel = 0; panel < panels.Panels; panel++)
            for (int k = 0; k < panels.Steps * F.Pairing; k++)
                for (int j = 0, width = panels.Vectors(panel) * V.Count; j < width; j++)
                {
                    int step = k / F.Pairing, within = step % panels.BlockSize, column = panels.FirstColumn(panel) + j;
                    float* word = packed + panels.Offset(step - within, panel) + (long)within * width + j;
                    float found = Bf16RoundingTests.Element<V, F>(word, k), expected = k < b.Rows && j < panels.Columns(panel) ? *b.At(k, column) : 0;
                    if (found != expected) Assert.Fail($"{typeof(F).Name}, B at ({k}, {column}): {found} instead of {expected}.");
                }
    }
}
