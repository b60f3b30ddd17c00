using System.Runtime.CompilerServices;

namespace NanoGpt.Tensors.Cpu.Simd;

/// <summary>One lane: plain C#, for machines without vectors and as the yardstick in tests.</summary>
internal readonly unsafe struct SimdScalar(float value) : ISimd<SimdScalar>
{
    const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    readonly float v = value;

    public static int Count => 1;

    public static int TileRows { [MethodImpl(Inline)] get => 4; }

    [MethodImpl(Inline)] public static SimdScalar Load(float* p) => new(*p);
    [MethodImpl(Inline)] public static SimdScalar LoadNarrow(ushort* p) => new(BitConverter.UInt32BitsToSingle((uint)*p << 16));
    [MethodImpl(Inline)] public static void Store(SimdScalar v, float* p) => *p = v.v;
    [MethodImpl(Inline)] public static SimdScalar LoadPartial(float* p, int count) => default;
    [MethodImpl(Inline)] public static SimdScalar LoadPartial(float* p, int count, SimdScalar rest) => rest;
    [MethodImpl(Inline)] public static void StorePartial(SimdScalar v, float* p, int count) { }
    [MethodImpl(Inline)] public static SimdScalar Create(float x) => new(x);

    [MethodImpl(Inline)] public static SimdScalar operator +(SimdScalar a, SimdScalar b) => new(a.v + b.v);
    [MethodImpl(Inline)] public static SimdScalar operator -(SimdScalar a, SimdScalar b) => new(a.v - b.v);
    [MethodImpl(Inline)] public static SimdScalar operator *(SimdScalar a, SimdScalar b) => new(a.v * b.v);
    [MethodImpl(Inline)] public static SimdScalar operator /(SimdScalar a, SimdScalar b) => new(a.v / b.v);

    [MethodImpl(Inline)] public static SimdScalar Fma(SimdScalar a, SimdScalar b, SimdScalar c) => new(MathF.FusedMultiplyAdd(a.v, b.v, c.v));
    [MethodImpl(Inline)] public static SimdScalar Min(SimdScalar a, SimdScalar b) => new(a.v < b.v ? a.v : b.v);
    [MethodImpl(Inline)] public static SimdScalar Max(SimdScalar a, SimdScalar b) => new(a.v > b.v ? a.v : b.v);
    [MethodImpl(Inline)] public static SimdScalar Sqrt(SimdScalar a) => new(MathF.Sqrt(a.v));
    [MethodImpl(Inline)] public static SimdScalar Round(SimdScalar a) => new(MathF.Round(a.v));

    [MethodImpl(Inline)]
    public static SimdScalar RoundToBFloat16(SimdScalar a)
    {
        uint x = BitConverter.SingleToUInt32Bits(a.v);
        return new(BitConverter.UInt32BitsToSingle((float.IsNaN(a.v) ? x | 0x400000 : x + 0x7FFF + (x >> 16 & 1)) & 0xFFFF0000));
    }

    [MethodImpl(Inline)]
    public static SimdScalar TimesPowerOfTwo(SimdScalar x, SimdScalar n) => new(x.v * BitConverter.Int32BitsToSingle(((int)n.v + 127) << 23));

    [MethodImpl(Inline)]
    public static SimdScalar SelectLess(SimdScalar a, SimdScalar b, SimdScalar x, SimdScalar y) => a.v < b.v ? x : y;

    [MethodImpl(Inline)] public static float Sum(SimdScalar a) => a.v;
    [MethodImpl(Inline)] public static float MaxLane(SimdScalar a) => a.v;

    [MethodImpl(Inline)]
    public static void Transpose(float* source, long sourceStride, float* destination, long destinationStride) => *destination = *source;
}
