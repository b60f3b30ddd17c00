using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace NanoGpt.Tensors.Cpu.Simd;

/// <summary>Eight lanes: AVX2.</summary>
internal readonly unsafe struct Simd256(Vector256<float> value) : ISimd<Simd256>
{
    const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    readonly Vector256<float> v = value;

    public static int Count => 8;

    public static int TileRows { [MethodImpl(Inline)] get => 4; }

    [MethodImpl(Inline)] public static Simd256 Load(float* p) => new(Vector256.Load(p));
    [MethodImpl(Inline)] public static Simd256 LoadNarrow(ushort* p) => new((Vector256.WidenLower(Vector128.Load(p).ToVector256Unsafe()) << 16).AsSingle());
    [MethodImpl(Inline)] public static void Store(Simd256 v, float* p) => v.v.Store(p);
    [MethodImpl(Inline)] public static Simd256 LoadPartial(float* p, int count) => new(Avx.MaskLoad(p, First(count)));
    [MethodImpl(Inline)] public static Simd256 LoadPartial(float* p, int count, Simd256 rest) => new(Vector256.ConditionalSelect(First(count), Avx.MaskLoad(p, First(count)), rest.v));
    [MethodImpl(Inline)] public static void StorePartial(Simd256 v, float* p, int count) => Avx.MaskStore(p, First(count), v.v);
    [MethodImpl(Inline)] static Vector256<float> First(int count) => Vector256.LessThan(Vector256<int>.Indices, Vector256.Create(count)).AsSingle();
    [MethodImpl(Inline)] public static Simd256 Create(float x) => new(Vector256.Create(x));

    [MethodImpl(Inline)] public static Simd256 operator +(Simd256 a, Simd256 b) => new(a.v + b.v);
    [MethodImpl(Inline)] public static Simd256 operator -(Simd256 a, Simd256 b) => new(a.v - b.v);
    [MethodImpl(Inline)] public static Simd256 operator *(Simd256 a, Simd256 b) => new(a.v * b.v);
    [MethodImpl(Inline)] public static Simd256 operator /(Simd256 a, Simd256 b) => new(a.v / b.v);

    [MethodImpl(Inline)] public static Simd256 Fma(Simd256 a, Simd256 b, Simd256 c) => new(Vector256.FusedMultiplyAdd(a.v, b.v, c.v));
    [MethodImpl(Inline)] public static Simd256 Min(Simd256 a, Simd256 b) => new(Vector256.MinNative(a.v, b.v));
    [MethodImpl(Inline)] public static Simd256 Max(Simd256 a, Simd256 b) => new(Vector256.MaxNative(a.v, b.v));
    [MethodImpl(Inline)] public static Simd256 Sqrt(Simd256 a) => new(Vector256.Sqrt(a.v));
    [MethodImpl(Inline)] public static Simd256 Round(Simd256 a) => new(Vector256.Round(a.v));

    [MethodImpl(Inline)]
    public static Simd256 RoundToBFloat16(Simd256 a)
    {
        var x = a.v.AsUInt32();
        var nearest = x + Vector256.Create(0x7FFFu) + (x >>> 16 & Vector256<uint>.One);
        return new((Vector256.ConditionalSelect(Vector256.IsNaN(a.v).AsUInt32(), x | Vector256.Create(0x400000u), nearest) & Vector256.Create(0xFFFF0000u)).AsSingle());
    }

    [MethodImpl(Inline)]
    public static Simd256 TimesPowerOfTwo(Simd256 x, Simd256 n) =>
        new(x.v * (Vector256.ConvertToInt32Native(n.v) + Vector256.Create(127) << 23).AsSingle());

    [MethodImpl(Inline)]
    public static Simd256 SelectLess(Simd256 a, Simd256 b, Simd256 x, Simd256 y) =>
        new(Vector256.ConditionalSelect(Vector256.LessThan(a.v, b.v), x.v, y.v));

    [MethodImpl(Inline)]
    public static float Sum(Simd256 a) => Simd128.Sum(new Simd128(a.v.GetLower() + a.v.GetUpper()));

    [MethodImpl(Inline)]
    public static float MaxLane(Simd256 a) => Simd128.MaxLane(new Simd128(Vector128.MaxNative(a.v.GetLower(), a.v.GetUpper())));

    /// <summary>Two interleavings within 128-bit halves: row r fills the lower half of a register and row r + 4 the upper.</summary>
    [MethodImpl(Inline)]
    public static void Transpose(float* source, long sourceStride, float* destination, long destinationStride)
    {
        for (int half = 0; half < 8; half += 4)
        {
            float* s = source + half;
            float* d = destination + half * destinationStride;
            var r0 = Vector256.Create(Vector128.Load(s), Vector128.Load(s + 4 * sourceStride));
            var r1 = Vector256.Create(Vector128.Load(s + sourceStride), Vector128.Load(s + 5 * sourceStride));
            var r2 = Vector256.Create(Vector128.Load(s + 2 * sourceStride), Vector128.Load(s + 6 * sourceStride));
            var r3 = Vector256.Create(Vector128.Load(s + 3 * sourceStride), Vector128.Load(s + 7 * sourceStride));

            var low01 = Avx.UnpackLow(r0, r1).AsDouble();
            var high01 = Avx.UnpackHigh(r0, r1).AsDouble();
            var low23 = Avx.UnpackLow(r2, r3).AsDouble();
            var high23 = Avx.UnpackHigh(r2, r3).AsDouble();

            Avx.UnpackLow(low01, low23).AsSingle().Store(d);
            Avx.UnpackHigh(low01, low23).AsSingle().Store(d + destinationStride);
            Avx.UnpackLow(high01, high23).AsSingle().Store(d + 2 * destinationStride);
            Avx.UnpackHigh(high01, high23).AsSingle().Store(d + 3 * destinationStride);
        }
    }
}
