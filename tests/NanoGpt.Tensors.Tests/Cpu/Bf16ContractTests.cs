using System.Runtime.InteropServices;
using NanoGpt.Tensors.Cpu;
using NanoGpt.Tensors.Cpu.Amx;
using NanoGpt.Tensors.Cpu.Bf16;
using NanoGpt.Tensors.Cpu.Simd;

namespace NanoGpt.Tensors.Tests;

/// <summary>What every kernel owes, in bf16 as in fp32; and that both ways to bf16 are one.</summary>
public class Bf16ContractTests
{
    [Theory, MemberData(nameof(Bf16.Paths), MemberType = typeof(Bf16))]
    public void A_kernel_writes_its_destination_in_full_and_nothing_else(Bf16Path path)
    {
        foreach (var sizes in Sizes.Odd)
            foreach (var kernel in Products(sizes)) Run(Bf16.Device(path), kernel, new CanaryFence(), sizes.ToString());
    }

    [Theory, MemberData(nameof(Bf16.Paths), MemberType = typeof(Bf16))]
    public void A_kernel_does_not_even_read_behind_its_operands(Bf16Path path)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() || OperatingSystem.IsMacOS(), "Guard pages are made with mmap.");
        foreach (var sizes in Sizes.Odd)
            foreach (var kernel in Products(sizes)) Run(Bf16.Device(path), kernel, new GuardPageFence(), sizes.ToString());
    }

    [Theory, MemberData(nameof(Bf16.Paths), MemberType = typeof(Bf16))]
    public void Results_have_the_same_bits_with_any_number_of_threads(Bf16Path path)
    {
        foreach (var kernel in Products(Sizes.Large).Concat(SlicedProducts()))
        {
            // Slices are cut alike at every width; narrow ones would take their time.
            if (kernel.Variant == Sliced && path is not (Bf16Path.Tiles or Bf16Path.Instruction or Bf16Path.Rounded512)) continue;
            var expected = Run(Bf16.Device(path, threads: 1), kernel, new CanaryFence(), "1 thread");
            foreach (int threads in (int[])[2, 3, 5])
            {
                var actual = Run(Bf16.Device(path, threads), kernel, new CanaryFence(), $"{threads} threads");
                for (int i = 0; i < expected.Count; i++)
                    Assert.True(MemoryMarshal.AsBytes(expected[i].AsSpan()).SequenceEqual(MemoryMarshal.AsBytes(actual[i].AsSpan())),
                        $"{kernel}: result {i} differs between 1 and {threads} threads.");
            }
        }
    }

    /// <summary>
    /// The operands are the same numbers, so products differ by the order of their sums alone. Where a product is rounded
    /// and multiplied again, as in attention, such a difference now and then tips an element to the other side of a tie: by
    /// 2⁻⁸ of itself, but seldom.
    /// </summary>
    [Theory]
    [InlineData(Bf16Path.Tiles)]
    [InlineData(Bf16Path.Instruction)]
    public void The_instructions_and_the_fallback_give_the_same_numbers_but_for_the_order_of_sums(Bf16Path path)
    {
        foreach (var kernel in Products(Sizes.Large).Concat(SlicedProducts()))
        {
            var expected = Run(Bf16.Device(Bf16Path.Rounded512), kernel, new CanaryFence(), "rounded");
            var actual = Run(Bf16.Device(path), kernel, new CanaryFence(), path.ToString());
            bool once = kernel.Kernel.StartsWith("LinearF", StringComparison.Ordinal) || kernel.Kernel.StartsWith("LinearB", StringComparison.Ordinal);
            for (int i = 0; i < expected.Count; i++)
            {
                double difference = expected[i].Zip(actual[i], (e, a) => ((double)e - a) * ((double)e - a)).Sum(), size = expected[i].Sum(e => (double)e * e);
                Assert.InRange(Math.Sqrt(difference / size), 0, once ? 1e-6 : 2e-4);
            }
        }
    }

    [Theory, MemberData(nameof(Devices.Widths), MemberType = typeof(Devices))]
    public void The_peak_is_a_number_in_every_format(SimdWidth width)
    {
        foreach (var device in (CpuDevice[])[Devices.Of(width), Bf16.Device(PathOf(width))])
        {
            double peak = device.MeasurePeakFlops(TimeSpan.FromMilliseconds(20));
            // From a processor of long ago to one of many cores.
            Assert.InRange(peak, 1e7, 1e15);
        }
    }

    [Theory, MemberData(nameof(Devices.Widths), MemberType = typeof(Devices))]
    public void The_public_way_to_bf16_is_the_fastest_that_there_is(SimdWidth width)
    {
        Assert.SkipUnless(width <= SimdWidths.Widest, $"This processor has no {(int)width}-bit vectors.");
        using var device = CpuDevice.Create(threads: 1, width, Precision.BFloat16);
        Assert.IsType(PathOf(width) switch
        {
            Bf16Path.RoundedScalar => typeof(CpuDevice<SimdScalar, Bf16RoundedFormat<SimdScalar>>),
            Bf16Path.Rounded128 => typeof(CpuDevice<Simd128, Bf16RoundedFormat<Simd128>>),
            Bf16Path.Rounded256 => typeof(CpuDevice<Simd256, Bf16RoundedFormat<Simd256>>),
            Bf16Path.Rounded512 => typeof(CpuDevice<Simd512, Bf16RoundedFormat<Simd512>>),
            Bf16Path.Instruction => typeof(CpuDevice<Simd512, Bf16Format>),
            _ => typeof(CpuDevice<Simd512, AmxFormat>),
        }, device);
    }

    static Bf16Path PathOf(SimdWidth width) => width switch
    {
        SimdWidth.Scalar => Bf16Path.RoundedScalar,
        SimdWidth.V128 => Bf16Path.Rounded128,
        SimdWidth.V256 => Bf16Path.Rounded256,
        _ when CpuFeatures.HasTiles => Bf16Path.Tiles,
        _ => CpuDevice.HasFastBFloat16 ? Bf16Path.Instruction : Bf16Path.Rounded512,
    };

    /// <summary>The kernels that multiply matrices; the others do not know the precision.</summary>
    static IEnumerable<KernelCase> Products(Sizes sizes) =>
        KernelCase.All(sizes).Where(c => c.Kernel.StartsWith("Linear", StringComparison.Ordinal) || c.Kernel.StartsWith("Attention", StringComparison.Ordinal));

    const string Sliced = "large";

    /// <summary>Products so large that k goes in several slices (8 MB of packed words each) and in several blocks.</summary>
    static IEnumerable<KernelCase> SlicedProducts()
    {
        const int rows = 401, inputs = 2101, outputs = 2203;
        yield return new("LinearForward", Sliced, w => w.Device.LinearForward(
            w.In(rows * inputs), w.In(outputs * inputs), w.In(outputs), w.Out(rows * outputs), rows, inputs, outputs));
        yield return new("LinearBackwardInput", Sliced, w => w.Device.LinearBackwardInput(
            w.In(rows * outputs), w.In(outputs * inputs), w.Out(rows * inputs), rows, inputs, outputs, accumulate: false));
        yield return new("LinearBackwardWeight", Sliced, w => w.Device.LinearBackwardWeight(
            w.In(inputs * outputs), w.In(inputs * rows), w.Out(outputs * rows), default, inputs, rows, outputs, accumulate: false));
    }

    static List<float[]> Run(Device device, KernelCase kernel, IFence fence, string at)
    {
        using var bench = new Workbench(device, fence);
        kernel.Run(bench);
        bench.Judge($"{kernel} at {at}");
        return bench.Results;
    }
}
