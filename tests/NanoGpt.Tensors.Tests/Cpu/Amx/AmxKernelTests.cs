using Iced.Intel;
using NanoGpt.Tensors.Cpu;
using NanoGpt.Tensors.Cpu.Amx;
using NanoGpt.Tensors.Cpu.Gemm;

namespace NanoGpt.Tensors.Tests;

/// <summary>The AMX kernel by itself, interpreted anywhere, and executed where there is such a processor.</summary>
public unsafe class AmxKernelTests
{
    const int Side = 16, Rows = 2 * Side;

    /// <summary>Where the sums begin.</summary>
    public enum Start { Zero, Bias, Result, Elsewhere }

    public static TheoryData<bool> Machines => [false, true];

    static readonly int[] depths = [1, 2, 3, 15, 16, 17, 31, 32, 33, 48, 95, 100];

    /// <summary>From the manual: VEX.128, map 0F38, W0; the last operand but one in ModRM.rm, the last in VEX.vvvv.</summary>
    [Theory]
    [InlineData("C4E27B4B3C10")]        // tileloadd tmm7, [rax+rdx]
    [InlineData("C4827B4B741840")]      // tileloadd tmm6, [r8+r11+64]
    [InlineData("C4E24A5CC7")]          // tdpbf16ps tmm0, tmm7, tmm6
    [InlineData("C4E27B49E8")]          // tilezero tmm5
    [InlineData("C4C27A4B1C10")]        // tilestored [r8+rdx], tmm3
    public void The_widest_kernel_has_the_instruction(string bytes) => Assert.Contains(bytes, Convert.ToHexString(AmxAssembler.Tile(3)), StringComparison.Ordinal);

    [Fact]
    public void Tiles_are_configured_and_released_by_one_instruction_each()
    {
        Assert.Equal(OperatingSystem.IsWindows() ? "C4E2784901C3" : "C4E2784907C3", Convert.ToHexString(AmxAssembler.Configure()));
        Assert.Equal("C4E27849C0C3", Convert.ToHexString(AmxAssembler.Release()));
    }

    [Fact]
    public void The_test_of_the_system_is_xgetbv_of_register_0() => Assert.Equal("31C90F01D048C1E2204809D0C3", Convert.ToHexString(AmxAssembler.ExtendedControl()));

    [Fact]
    public void Tiles_are_usable_only_where_the_processor_has_them_and_bf16() =>
        Assert.True(!CpuFeatures.HasTiles || CpuFeatures.HasTileInstructions && CpuFeatures.HasBFloat16Instruction && CpuDevice.HasFastBFloat16);

    [Fact]
    public void A_kernel_spoils_no_register_that_its_caller_needs()
    {
        Register[] free = [Register.RAX, Register.RDX, Register.R8, Register.R9, Register.R10, Register.R11];
        for (int vectors = 1; vectors <= 3; vectors++) Verify<InterpretedMachine>(vectors * Side, 33, Start.Elsewhere);
        Assert.All(TileInterpreter.OfThread.Spoiled, register => Assert.Contains(register, free));
    }

    [Fact]
    public void A_kernel_makes_as_many_products_as_there_are_tiles()
    {
        long before = TileInterpreter.OfThread.Products;
        Verify<InterpretedMachine>(48, 100, Start.Zero);
        Assert.Equal(6 * 7, TileInterpreter.OfThread.Products - before);
    }

    [Fact]
    public void Whole_tiles_are_configured_once()
    {
        Verify<InterpretedMachine>(48, 64, Start.Zero);
        long before = TileInterpreter.OfThread.Configurations;
        for (int vectors = 1; vectors <= 3; vectors++) Verify<InterpretedMachine>(vectors * Side, 32, Start.Zero);
        Assert.Equal(before, TileInterpreter.OfThread.Configurations);
        Verify<InterpretedMachine>(48, 33, Start.Zero);
        Assert.Equal(before + 1, TileInterpreter.OfThread.Configurations);
        AmxKernel.Release<InterpretedMachine>();
        Assert.False(TileInterpreter.OfThread.IsConfigured);
    }

    [Fact]
    public void A_product_leaves_no_tiles()
    {
        var device = Bf16.Device(Bf16Path.InterpretedTiles, threads: 1);
        using var fence = new CanaryFence();
        long before = TileInterpreter.OfThread.Products;
        Storage x = fence.Allocate(64 * 40), w = fence.Allocate(70 * 40), y = fence.Allocate(64 * 70);
        device.LinearForward(x, w, default, y, 64, 40, 70);
        Assert.True(TileInterpreter.OfThread.Products > before);
        Assert.False(TileInterpreter.OfThread.IsConfigured);
    }

    [Theory, MemberData(nameof(Machines))]
    public void Products_are_exact_at_every_width_and_depth(bool processor)
    {
        SkipWhereMissing(processor);
        for (int columns = 1; columns <= 3 * Side; columns++)
            foreach (int steps in depths)
                foreach (var start in Enum.GetValues<Start>())
                    if (processor) Verify<AmxKernel.Processor>(columns, steps, start);
                    else Verify<InterpretedMachine>(columns, steps, start);
    }

    [Theory, MemberData(nameof(Machines))]
    public void Long_sums_are_exact(bool processor)
    {
        SkipWhereMissing(processor);
        foreach (int columns in (int[])[16, 32, 41, 48])
            foreach (int steps in (int[])[384, 768, 761])
                if (processor) Verify<AmxKernel.Processor>(columns, steps, Start.Zero);
                else Verify<InterpretedMachine>(columns, steps, Start.Zero);
    }

    static void SkipWhereMissing(bool processor)
    {
        if (processor) Assert.SkipUnless(CpuFeatures.HasTiles, "This processor has no AMX, or the system does not let it be used.");
    }

    /// <summary>
    /// Small whole numbers, whose sums are exact in any order. What lies beside the operands, and in them past columns and steps, is NaN or a page that may not
    /// even be read.
    /// </summary>
    static void Verify<M>(int columns, int steps, Start kind) where M : ITileMachine
    {
        var random = new Random(columns * 1000 + steps);
        int width = (columns + Side - 1) / Side * Side, rowStride = steps + random.Next(0, 3), cStride = columns + random.Next(0, 20), startStride = columns + random.Next(0, 5);
        using IFence fence = OperatingSystem.IsLinux() ? new GuardPageFence() : new CanaryFence();
        using var around = new CanaryFence();
        var a = Fill(fence.Allocate((Rows - 1) * rowStride + steps), (i, word) => i % rowStride < steps ? word : float.NaN, random);
        // A tile is loaded as far as it has columns.
        var b = Fill(fence.Allocate((steps - 1) * width + columns), (i, word) => i % width < columns ? word : float.NaN, random);
        var c = around.Allocate((Rows - 1) * cStride + columns);
        var start = kind switch
        {
            Start.Zero => default,
            Start.Bias => fence.Allocate(columns),
            Start.Result => c,
            _ => fence.Allocate((Rows - 1) * startStride + columns),
        };
        int stride = kind switch { Start.Bias => 0, Start.Result => cStride, _ => startStride };
        for (long i = 0; i < c.Length; i++) At(c)[i] = float.NaN;
        var expected = new double[Rows, columns];
        for (int i = 0; i < Rows; i++)
            for (int j = 0; j < columns; j++)
            {
                if (kind != Start.Zero && (i == 0 || stride != 0)) At(start)[i * stride + j] = random.Next(-99, 99);
                expected[i, j] = kind == Start.Zero ? 0 : At(start)[i * stride + j];
                for (int s = 0; s < steps; s++)
                {
                    uint x = ((uint*)At(a))[i * rowStride + s], y = ((uint*)At(b))[s * width + j];
                    expected[i, j] += Value(x << 16) * Value(y << 16) + Value(x & 0xFFFF0000) * Value(y & 0xFFFF0000);
                }
            }

        AmxKernel.Run<M>(1, columns, steps, new LeftTiles(new MatrixView(At(a), AmxKernel.Rows, steps, rowStride, 1), AmxKernel.Rows), At(b), kind == Start.Zero ? null : At(start), stride, At(c), cStride);

        string what = $"the kernel for {columns} columns, {steps} steps, {kind}";
        for (int i = 0; i < c.Length; i++)
        {
            int row = i / cStride, column = i % cStride;
            if (column >= columns) Assert.True(float.IsNaN(At(c)[i]), $"{what} wrote beside row {row}.");
            else if (At(c)[i] != expected[row, column]) Assert.Fail($"{what}: {At(c)[i]} instead of {expected[row, column]} at ({row}, {column}).");
        }
        fence.AssertIntact(what);
        around.AssertIntact(what);
    }

    static float* At(Storage storage) => (float*)storage.Address;

    static double Value(uint bits) => BitConverter.UInt32BitsToSingle(bits);

    /// <summary>Fills a run with pairs of whole numbers in bf16.</summary>
    static Storage Fill(Storage storage, Func<int, float, float> word, Random random)
    {
        for (int i = 0; i < storage.Length; i++) At(storage)[i] = word(i, BitConverter.UInt32BitsToSingle(Number() >> 16 | Number()));
        return storage;

        uint Number() => BitConverter.SingleToUInt32Bits(random.Next(-9, 10));
    }
}
