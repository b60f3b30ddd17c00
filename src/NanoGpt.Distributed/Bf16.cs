using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace NanoGpt.Distributed;

/// <summary>fp32 to bf16 and back, 16 at a time.</summary>
internal static class Bf16
{
    /// <summary>Rounds to nearest, ties to even; what is not a number stays so.</summary>
    public static void Round(ReadOnlySpan<float> source, Span<ushort> destination)
    {
        var bits = MemoryMarshal.Cast<float, uint>(source);
        int i = 0;
        for (; i <= source.Length - 16; i += 16)
            Vector256.Narrow(Round(Vector256.Create(bits[i..])), Round(Vector256.Create(bits[(i + 8)..]))).CopyTo(destination[i..]);
        for (; i < source.Length; i++) destination[i] = Round(bits[i]);
    }

    /// <summary>Values as fp32.</summary>
    public static void Widen(ReadOnlySpan<ushort> source, Span<float> destination)
    {
        int i = 0;
        for (; i <= source.Length - 16; i += 16)
        {
            var (low, high) = Widen(source[i..]);
            low.CopyTo(destination[i..]);
            high.CopyTo(destination[(i + 8)..]);
        }
        for (; i < source.Length; i++) destination[i] = BitConverter.UInt32BitsToSingle((uint)source[i] << 16);
    }

    /// <summary>sum += source, in fp32.</summary>
    public static void Add(ReadOnlySpan<ushort> source, Span<float> sum)
    {
        int i = 0;
        for (; i <= source.Length - 16; i += 16)
        {
            var (low, high) = Widen(source[i..]);
            (Vector256.Create<float>(sum[i..]) + low).CopyTo(sum[i..]);
            (Vector256.Create<float>(sum[(i + 8)..]) + high).CopyTo(sum[(i + 8)..]);
        }
        for (; i < source.Length; i++) sum[i] += BitConverter.UInt32BitsToSingle((uint)source[i] << 16);
    }

    /// <summary>sum += source.</summary>
    public static void Add(ReadOnlySpan<float> source, Span<float> sum)
    {
        int i = 0;
        for (; i <= source.Length - 8; i += 8) (Vector256.Create<float>(sum[i..]) + Vector256.Create(source[i..])).CopyTo(sum[i..]);
        for (; i < source.Length; i++) sum[i] += source[i];
    }

    static (Vector256<float> Low, Vector256<float> High) Widen(ReadOnlySpan<ushort> source)
    {
        var narrow = Vector256.Create(source);
        return ((Vector256.WidenLower(narrow) << 16).AsSingle(), (Vector256.WidenUpper(narrow) << 16).AsSingle());
    }

    static Vector256<uint> Round(Vector256<uint> bits)
    {
        var rounded = (bits + Vector256.Create(0x7fffu) + ((bits >>> 16) & Vector256.Create(1u))) >>> 16;
        var isNumber = Vector256.Equals(bits.AsSingle(), bits.AsSingle()).AsUInt32();
        return Vector256.ConditionalSelect(isNumber, rounded, (bits >>> 16) | Vector256.Create(0x40u));
    }

    static ushort Round(uint bits) =>
        (ushort)(float.IsNaN(BitConverter.UInt32BitsToSingle(bits)) ? bits >> 16 | 0x40 : (bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}
