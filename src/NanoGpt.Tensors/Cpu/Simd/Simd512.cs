using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace NanoGpt.Tensors.Cpu.Simd;

/// <summary>Sixteen lanes: AVX-512.</summary>
internal readonly unsafe struct Simd512(Vector512<float> value) : ISimd<Simd512>
{
    const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    readonly Vector512<float> v = value;

    public static int Count => 16;

    public static int TileRows { [MethodImpl(Inline)] get => 8; }

    [MethodImpl(Inline)] public static Simd512 Load(float* p) => new(Vector512.Load(p));
    [MethodImpl(Inline)] public static Simd512 LoadNarrow(ushort* p) => new((Vector512.WidenLower(Vector256.Load(p).ToVector512Unsafe()) << 16).AsSingle());
    [MethodImpl(Inline)] public static void Store(Simd512 v, float* p) => v.v.Store(p);
    [MethodImpl(Inline)] public static Simd512 LoadPartial(float* p, int count) => new(Avx512F.MaskLoad(p, First(count), Vector512<float>.Zero));
    [MethodImpl(Inline)] public static Simd512 LoadPartial(float* p, int count, Simd512 rest) => new(Avx512F.MaskLoad(p, First(count), rest.v));
    [MethodImpl(Inline)] public static void StorePartial(Simd512 v, float* p, int count) => Avx512F.MaskStore(p, First(count), v.v);
    [MethodImpl(Inline)] static Vector512<float> First(int count) => Vector512.LessThan(Vector512<int>.Indices, Vector512.Create(count)).AsSingle();
    [MethodImpl(Inline)] public static Simd512 Create(float x) => new(Vector512.Create(x));

    [MethodImpl(Inline)] public static Simd512 operator +(Simd512 a, Simd512 b) => new(a.v + b.v);
    [MethodImpl(Inline)] public static Simd512 operator -(Simd512 a, Simd512 b) => new(a.v - b.v);
    [MethodImpl(Inline)] public static Simd512 operator *(Simd512 a, Simd512 b) => new(a.v * b.v);
    [MethodImpl(Inline)] public static Simd512 operator /(Simd512 a, Simd512 b) => new(a.v / b.v);

    [MethodImpl(Inline)] public static Simd512 Fma(Simd512 a, Simd512 b, Simd512 c) => new(Vector512.FusedMultiplyAdd(a.v, b.v, c.v));
    [MethodImpl(Inline)] public static Simd512 Min(Simd512 a, Simd512 b) => new(Vector512.MinNative(a.v, b.v));
    [MethodImpl(Inline)] public static Simd512 Max(Simd512 a, Simd512 b) => new(Vector512.MaxNative(a.v, b.v));
    [MethodImpl(Inline)] public static Simd512 Sqrt(Simd512 a) => new(Vector512.Sqrt(a.v));
    [MethodImpl(Inline)] public static Simd512 Round(Simd512 a) => new(Vector512.Round(a.v));

    [MethodImpl(Inline)]
    public static Simd512 RoundToBFloat16(Simd512 a)
    {
        var x = a.v.AsUInt32();
        var nearest = x + Vector512.Create(0x7FFFu) + (x >>> 16 & Vector512<uint>.One);
        return new((Vector512.ConditionalSelect(Vector512.IsNaN(a.v).AsUInt32(), x | Vector512.Create(0x400000u), nearest) & Vector512.Create(0xFFFF0000u)).AsSingle());
    }

    [MethodImpl(Inline)] public static Simd512 TimesPowerOfTwo(Simd512 x, Simd512 n) => new(Avx512F.Scale(x.v, n.v));

    [MethodImpl(Inline)]
    public static Simd512 SelectLess(Simd512 a, Simd512 b, Simd512 x, Simd512 y) =>
        new(Vector512.ConditionalSelect(Vector512.LessThan(a.v, b.v), x.v, y.v));

    [MethodImpl(Inline)]
    public static float Sum(Simd512 a) => Simd256.Sum(new Simd256(a.v.GetLower() + a.v.GetUpper()));

    [MethodImpl(Inline)]
    public static float MaxLane(Simd512 a) => Simd256.MaxLane(new Simd256(Vector256.MaxNative(a.v.GetLower(), a.v.GetUpper())));

    /// <summary>Four 8 × 8 blocks, each to its mirrored place.</summary>
    public static void Transpose(float* source, long sourceStride, float* destination, long destinationStride)
    {
        for (int r = 0; r < 16; r += 8)
            for (int c = 0; c < 16; c += 8)
                Simd256.Transpose(source + r * sourceStride + c, sourceStride, destination + c * destinationStride + r, destinationStride);
    }
}
