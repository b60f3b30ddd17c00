using NanoGpt.Tensors.Cpu.Simd;

namespace NanoGpt.Tensors.Tests;

/// <summary>Sixteen lanes for processors without AVX-512: two vectors of eight. What is packed for vectors of sixteen can then be tested there.</summary>
readonly unsafe struct Lanes16(Simd256 low, Simd256 high) : ISimd<Lanes16>
{
    const int Half = 8;

    readonly Simd256 low = low, high = high;

    public static int Count => 2 * Half;
    public static int TileRows => 8;

    public static Lanes16 Load(float* p) => new(Simd256.Load(p), Simd256.Load(p + Half));
    public static Lanes16 LoadNarrow(ushort* p) => new(Simd256.LoadNarrow(p), Simd256.LoadNarrow(p + Half));
    public static Lanes16 LoadPartial(float* p, int count) => LoadPartial(p, count, Create(0));

    public static Lanes16 LoadPartial(float* p, int count, Lanes16 rest) =>
        count < Half ? new(Simd256.LoadPartial(p, count, rest.low), rest.high) : new(Simd256.Load(p), Simd256.LoadPartial(p + Half, count - Half, rest.high));

    public static void Store(Lanes16 v, float* p)
    {
        Simd256.Store(v.low, p);
        Simd256.Store(v.high, p + Half);
    }

    public static void StorePartial(Lanes16 v, float* p, int count)
    {
        if (count < Half)
        {
            Simd256.StorePartial(v.low, p, count);
            return;
        }
        Simd256.Store(v.low, p);
        Simd256.StorePartial(v.high, p + Half, count - Half);
    }

    public static Lanes16 Create(float x) => new(Simd256.Create(x), Simd256.Create(x));
    public static Lanes16 operator +(Lanes16 a, Lanes16 b) => new(a.low + b.low, a.high + b.high);
    public static Lanes16 operator -(Lanes16 a, Lanes16 b) => new(a.low - b.low, a.high - b.high);
    public static Lanes16 operator *(Lanes16 a, Lanes16 b) => new(a.low * b.low, a.high * b.high);
    public static Lanes16 operator /(Lanes16 a, Lanes16 b) => new(a.low / b.low, a.high / b.high);
    public static Lanes16 Fma(Lanes16 a, Lanes16 b, Lanes16 c) => new(Simd256.Fma(a.low, b.low, c.low), Simd256.Fma(a.high, b.high, c.high));
    public static Lanes16 Min(Lanes16 a, Lanes16 b) => new(Simd256.Min(a.low, b.low), Simd256.Min(a.high, b.high));
    public static Lanes16 Max(Lanes16 a, Lanes16 b) => new(Simd256.Max(a.low, b.low), Simd256.Max(a.high, b.high));
    public static Lanes16 Sqrt(Lanes16 a) => new(Simd256.Sqrt(a.low), Simd256.Sqrt(a.high));
    public static Lanes16 Round(Lanes16 a) => new(Simd256.Round(a.low), Simd256.Round(a.high));
    public static Lanes16 RoundToBFloat16(Lanes16 a) => new(Simd256.RoundToBFloat16(a.low), Simd256.RoundToBFloat16(a.high));
    public static Lanes16 TimesPowerOfTwo(Lanes16 x, Lanes16 n) => new(Simd256.TimesPowerOfTwo(x.low, n.low), Simd256.TimesPowerOfTwo(x.high, n.high));
    public static Lanes16 SelectLess(Lanes16 a, Lanes16 b, Lanes16 x, Lanes16 y) => new(Simd256.SelectLess(a.low, b.low, x.low, y.low), Simd256.SelectLess(a.high, b.high, x.high, y.high));
    public static float Sum(Lanes16 a) => Simd256.Sum(a.low + a.high);
    public static float MaxLane(Lanes16 a) => Simd256.MaxLane(Simd256.Max(a.low, a.high));
    public static void Transpose(float* source, long sourceStride, float* destination, long destinationStride) => Simd512.Transpose(source, sourceStride, destination, destinationStride);
}
