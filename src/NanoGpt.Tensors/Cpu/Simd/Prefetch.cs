using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace NanoGpt.Tensors.Cpu.Simd;

/// <summary>
/// Asks for memory ahead of its use. The hardware's own prefetchers follow a run of lines, not rows that are kilobytes apart,
/// as packing reads them; without this hint packing waits for memory at every row.
/// </summary>
internal static unsafe class Prefetch
{
    /// <summary>How many rows ahead.</summary>
    public const int Rows = 8;

    /// <summary>Asks for a row of <paramref name="count"/> floats; nothing where the processor has no such instruction.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Row(float* row, int count)
    {
        if (!Sse.IsSupported) return;
        for (int i = 0; i < count; i += 16) Sse.Prefetch0(row + i);
    }
}
