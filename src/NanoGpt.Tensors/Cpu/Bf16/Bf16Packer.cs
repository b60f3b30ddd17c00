using System.Runtime.InteropServices;

namespace NanoGpt.Tensors.Cpu.Bf16;

/// <summary>The argument of the assembled loops of <see cref="Bf16PackAssembler"/>. Strides and lengths in bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct PackCall
{
    public const int OffsetSource = 0, OffsetRowStride = 8, OffsetRows = 16, OffsetAhead = 24, OffsetDestination = 32, OffsetDestinationStride = 40,
        OffsetWhole = 48, OffsetOrder = 56, OffsetFirstMask = 64, OffsetSecondMask = 66;

    public float* Source;
    public long RowStride;
    public long Rows;           // or pairs of rows
    public long Ahead;          // to the row that will be needed soon
    public float* Destination;
    public long DestinationStride;
    public long Whole;          // of each row of the destination, as far as whole vectors fill it
    public ushort* Order;       // that interleaves two halves of 16
    public ushort FirstMask, SecondMask;        // which columns of the last, partial vector exist; none: there is no such vector
}

/// <summary>Rounds rows of fp32 to pairs of bf16, 16 pairs to a vector.</summary>
internal static unsafe class Bf16Packer
{
    const int Lanes = 16, RowsAhead = 32;

    static readonly delegate* unmanaged[SuppressGCTransition]<PackCall*, void> alongRows, acrossRows;
    static readonly ushort* order;

    static Bf16Packer()
    {
        if (!CpuFeatures.HasBFloat16Instruction) return;
        alongRows = (delegate* unmanaged[SuppressGCTransition]<PackCall*, void>)ExecutableMemory.Place(Bf16PackAssembler.AlongRows());
        acrossRows = (delegate* unmanaged[SuppressGCTransition]<PackCall*, void>)ExecutableMemory.Place(Bf16PackAssembler.AcrossRows());
        order = (ushort*)NativeMemory.AlignedAlloc(64, 64);
        for (int i = 0; i < 2 * Lanes; i++) order[i] = (ushort)(i / 2 + i % 2 * Lanes);
        Available = alongRows != null && acrossRows != null;
    }

    /// <summary>Whether this processor has the instruction and this system let the code be placed. Elsewhere plain code does the same, for tests of packed layouts.</summary>
    public static bool Available { get; }

    /// <summary>Word s of a row becomes (x[2s], x[2s + 1]); what is past <paramref name="columns"/> in the last 16 words of a row becomes zero.</summary>
    public static void AlongRows(float* source, long rowStride, int rows, int columns, float* destination, long destinationStride)
    {
        if (rows <= 0) return;
        if (!Available)
        {
            for (int r = 0; r < rows; r++)
                for (int s = 0; s < (columns + 2 * Lanes - 1) / (2 * Lanes) * Lanes; s++)
                    destination[r * destinationStride + s] = 2 * s < columns ? Bf16Format.Pair(source + r * rowStride + 2 * s, 1, 2 * s + 1 < columns) : 0;
            return;
        }
        int rest = columns % (2 * Lanes);
        var call = new PackCall
        {
            Source = source, RowStride = 4 * rowStride, Rows = rows, Ahead = 4 * rowStride * RowsAhead,
            Destination = destination, DestinationStride = 4 * destinationStride, Whole = columns / (2 * Lanes) * 64L,
            FirstMask = Mask(rest), SecondMask = Mask(rest - Lanes),
        };
        alongRows(&call);
    }

    /// <summary>Word j of a pair of rows becomes (x[0][j], x[1][j]); what is past <paramref name="columns"/> in the last 16 words of a row becomes zero.</summary>
    public static void AcrossRows(float* source, long rowStride, int pairs, int columns, float* destination, long destinationStride)
    {
        if (pairs <= 0) return;
        if (!Available)
        {
            for (int k = 0; k < pairs; k++)
                for (int j = 0; j < (columns + Lanes - 1) / Lanes * Lanes; j++)
                    destination[k * destinationStride + j] = j < columns ? Bf16Format.Pair(source + 2 * k * rowStride + j, rowStride, two: true) : 0;
            return;
        }
        var call = new PackCall
        {
            Source = source, RowStride = 4 * rowStride, Rows = pairs, Ahead = 4 * rowStride * RowsAhead, Order = order,
            Destination = destination, DestinationStride = 4 * destinationStride, Whole = columns / Lanes * 64L,
            FirstMask = Mask(columns % Lanes),
        };
        acrossRows(&call);
    }

    static ushort Mask(int columns) => (ushort)((1u << Math.Clamp(columns, 0, Lanes)) - 1);
}
