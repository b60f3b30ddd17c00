using System.Runtime.InteropServices;
using NanoGpt.Tensors.Cpu;
using NanoGpt.Tensors.Cpu.Gemm;
using NanoGpt.Tensors.Cpu.Simd;

namespace NanoGpt.Tensors.Tests;

/// <summary>What every kernel owes, whatever it computes.</summary>
public class KernelContractTests
{
    [Theory, MemberData(nameof(Devices.Widths), MemberType = typeof(Devices))]
    public void A_kernel_writes_its_destination_in_full_and_nothing_else(SimdWidth width)
    {
        foreach (var sizes in Sizes.Odd)
            foreach (var kernel in KernelCase.All(sizes))
            {
                using var bench = new Workbench(Devices.Of(width), new CanaryFence());
                kernel.Run(bench);
                bench.Judge($"{kernel} at {sizes}");
            }
    }

    [Theory, MemberData(nameof(Devices.Widths), MemberType = typeof(Devices))]
    public void A_kernel_does_not_even_read_behind_its_operands(SimdWidth width)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() || OperatingSystem.IsMacOS(), "Guard pages are made with mmap.");
        foreach (var sizes in Sizes.Odd)
            foreach (var kernel in KernelCase.All(sizes))
            {
                using var bench = new Workbench(Devices.Of(width), new GuardPageFence());
                kernel.Run(bench);
                bench.Judge($"{kernel} at {sizes}");
            }
    }

    [Theory, MemberData(nameof(Devices.Widths), MemberType = typeof(Devices))]
    public void Results_have_the_same_bits_with_any_number_of_threads(SimdWidth width)
    {
        foreach (var kernel in KernelCase.All(Sizes.Large).Concat(KernelCase.All(Sizes.Short)))
        {
            var expected = Run(Devices.Of(width, threads: 1), kernel);
            foreach (int threads in (int[])[2, 3, 5])
            {
                var actual = Run(Devices.Of(width, threads), kernel);
                for (int i = 0; i < expected.Count; i++)
                    Assert.True(MemoryMarshal.AsBytes(expected[i].AsSpan()).SequenceEqual(MemoryMarshal.AsBytes(actual[i].AsSpan())),
                        $"{kernel}: result {i} differs between 1 and {threads} threads.");
            }
        }
    }

    /// <summary>As memory of more elements than an int counts is taken.</summary>
    [Fact]
    public void Flat_memory_in_several_runs_has_the_same_bits_as_in_one()
    {
        using var device = new CpuDevice<SimdScalar, Fp32Format<SimdScalar>>(2, SimdWidth.Scalar, Precision.Float32) { FlatRun = 1 << 14 };
        foreach (var kernel in KernelCase.All(Sizes.Large)) Assert.Equal(Run(Devices.Of(SimdWidth.Scalar), kernel), Run(device, kernel));
    }

    /// <summary>2048 queries · 32768 keys · 64 channels are 2³².</summary>
    [Fact]
    public void Work_is_shared_out_where_the_product_of_sizes_is_no_int()
    {
        const int time = 2048, past = 30_720, headSize = 64;
        using var bench = new Workbench(Devices.Widest, new CanaryFence());
        Storage caches = bench.In(headSize * (past + time));
        bench.Device.CachedAttention(bench.In(time * 3 * headSize), caches, caches, bench.Out(time * headSize), 1, time, past, past + time, 1, headSize);
        bench.Judge("CachedAttention");
    }

    [Fact]
    public void Every_kernel_of_the_contract_is_held_to_it()
    {
        string[] notKernels = ["get_Name", nameof(Device.Allocate), nameof(Device.Free), nameof(Device.Read), nameof(Device.Write), "Dispose"];
        var kernels = typeof(Device).GetMethods(System.Reflection.BindingFlags.Instance | System.Reflection.BindingFlags.Public)
            .Where(m => m.IsAbstract).Select(m => m.Name).Except(notKernels);
        Assert.Equal(kernels.Order(), KernelCase.All(Sizes.Odd[0]).Select(c => c.Kernel).Distinct().Order());
    }

    static List<float[]> Run(Device device, KernelCase kernel)
    {
        using var bench = new Workbench(device, new CanaryFence());
        kernel.Run(bench);
        bench.Judge(kernel.ToString());
        return bench.Results;
    }
}
