using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace NanoGpt.Tensors.Cpu.Simd;

/// <summary>Four lanes: NEON, or SSE where nothing wider is there.</summary>
internal readonly unsafe struct Simd128(Vector128<float> value) : ISimd<Simd128>
{
    const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    readonly Vector128<float> v = value;

    public static int Count => 4;

    public static int TileRows { [MethodImpl(Inline)] get => System.Runtime.Intrinsics.Arm.AdvSimd.Arm64.IsSupported ? 8 : 4; }

    [MethodImpl(Inline)] public static Simd128 Load(float* p) => new(Vector128.Load(p));
    [MethodImpl(Inline)] public static Simd128 LoadNarrow(ushort* p) => new((Vector128.WidenLower(Vector64.Load(p).ToVector128Unsafe()) << 16).AsSingle());
    [MethodImpl(Inline)] public static void Store(Simd128 v, float* p) => v.v.Store(p);
    [MethodImpl(Inline)] public static Simd128 LoadPartial(float* p, int count) => new(Vector128.Create(count > 0 ? p[0] : 0, count > 1 ? p[1] : 0, count > 2 ? p[2] : 0, 0));

    [MethodImpl(Inline)]
    public static Simd128 LoadPartial(float* p, int count, Simd128 rest) =>
        new(Vector128.Create(count > 0 ? p[0] : rest.v[0], count > 1 ? p[1] : rest.v[1], count > 2 ? p[2] : rest.v[2], rest.v[3]));

    [MethodImpl(Inline)]
    public static void StorePartial(Simd128 v, float* p, int count)
    {
        if (count > 0) p[0] = v.v[0];
        if (count > 1) p[1] = v.v[1];
        if (count > 2) p[2] = v.v[2];
    }

    [MethodImpl(Inline)] public static Simd128 Create(float x) => new(Vector128.Create(x));

    [MethodImpl(Inline)] public static Simd128 operator +(Simd128 a, Simd128 b) => new(a.v + b.v);
    [MethodImpl(Inline)] public static Simd128 operator -(Simd128 a, Simd128 b) => new(a.v - b.v);
    [MethodImpl(Inline)] public static Simd128 operator *(Simd128 a, Simd128 b) => new(a.v * b.v);
    [MethodImpl(Inline)] public static Simd128 operator /(Simd128 a, Simd128 b) => new(a.v / b.v);

    [MethodImpl(Inline)] public static Simd128 Fma(Simd128 a, Simd128 b, Simd128 c) => new(Vector128.FusedMultiplyAdd(a.v, b.v, c.v));
    [MethodImpl(Inline)] public static Simd128 Min(Simd128 a, Simd128 b) => new(Vector128.MinNative(a.v, b.v));
    [MethodImpl(Inline)] public static Simd128 Max(Simd128 a, Simd128 b) => new(Vector128.MaxNative(a.v, b.v));
    [MethodImpl(Inline)] public static Simd128 Sqrt(Simd128 a) => new(Vector128.Sqrt(a.v));
    [MethodImpl(Inline)] public static Simd128 Round(Simd128 a) => new(Vector128.Round(a.v));

    [MethodImpl(Inline)]
    public static Simd128 RoundToBFloat16(Simd128 a)
    {
        var x = a.v.AsUInt32();
        var nearest = x + Vector128.Create(0x7FFFu) + (x >>> 16 & Vector128<uint>.One);
        return new((Vector128.ConditionalSelect(Vector128.IsNaN(a.v).AsUInt32(), x | Vector128.Create(0x400000u), nearest) & Vector128.Create(0xFFFF0000u)).AsSingle());
    }

    [MethodImpl(Inline)]
    public static Simd128 TimesPowerOfTwo(Simd128 x, Simd128 n) =>
        new(x.v * (Vector128.ConvertToInt32Native(n.v) + Vector128.Create(127) << 23).AsSingle());

    [MethodImpl(Inline)]
    public static Simd128 SelectLess(Simd128 a, Simd128 b, Simd128 x, Simd128 y) =>
        new(Vector128.ConditionalSelect(Vector128.LessThan(a.v, b.v), x.v, y.v));

    [MethodImpl(Inline)]
    public static float Sum(Simd128 a) => (a.v[0] + a.v[2]) + (a.v[1] + a.v[3]);

    [MethodImpl(Inline)]
    public static float MaxLane(Simd128 a) => MathF.Max(MathF.Max(a.v[0], a.v[2]), MathF.Max(a.v[1], a.v[3]));

    [MethodImpl(Inline)]
    public static void Transpose(float* source, long sourceStride, float* destination, long destinationStride)
    {
        for (int r = 0; r < 4; r++)
            for (int c = 0; c < 4; c++)
                destination[c * destinationStride + r] = source[r * sourceStride + c];
    }
}
