using System.Runtime.CompilerServices;
using NanoGpt.Tensors.Cpu.Simd;

namespace NanoGpt.Tensors.Cpu.Kernels;

/// <summary>
/// <code>
/// mean = Σ x / C,  rstd = 1/√(Σ (x - mean)² / C + ε),  y = (x - mean)·rstd·weight + bias
/// </code>
/// Items are rows.
/// </summary>
internal readonly unsafe struct LayerNormForward<V>(float* x, float* weight, float* bias, float* y, float* mean, float* rstd, int channels) : IWork
    where V : unmanaged, ISimd<V>
{
    const float Epsilon = 1e-5f;

    public void Run(int from, int to)
    {
        int whole = channels / V.Count * V.Count, rest = channels - whole;
        V alive = SimdMath<V>.Ones(rest);
        V lastWeight = V.LoadPartial(weight + whole, rest), lastBias = bias == null ? V.Create(0) : V.LoadPartial(bias + whole, rest);
        for (int row = from; row < to; row++)
        {
            float* xr = x + (long)row * channels;
            float* yr = y + (long)row * channels;

            V last = rest == 0 ? V.Create(0) : V.LoadPartial(xr + whole, rest);
            float m = V.Sum(Sum(xr, whole) + last) / channels;

            V mv = V.Create(m);
            last -= mv * alive;
            float r = 1 / MathF.Sqrt(V.Sum(V.Fma(last, last, SumOfSquares(xr, mv, whole))) / channels + Epsilon);

            V rv = V.Create(r);
            for (int i = 0; i < whole; i += V.Count)
            {
                V n = (V.Load(xr + i) - mv) * rv;
                V.Store(V.Fma(n, V.Load(weight + i), bias == null ? V.Create(0) : V.Load(bias + i)), yr + i);
            }
            if (rest > 0) V.StorePartial(V.Fma(last * rv, lastWeight, lastBias), yr + whole, rest);      // a masked store of nothing takes as long as several vectors
            mean[row] = m;
            rstd[row] = r;
        }
    }

    // Four sums each, for one would have every addition wait for the one before.

    /// <summary>Σ x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V Sum(float* x, int length)
    {
        V a = V.Create(0), b = a, c = a, d = a;
        int i = 0;
        for (; i + 4 * V.Count <= length; i += 4 * V.Count)
        {
            a += V.Load(x + i);
            b += V.Load(x + i + V.Count);
            c += V.Load(x + i + 2 * V.Count);
            d += V.Load(x + i + 3 * V.Count);
        }
        for (; i < length; i += V.Count) a += V.Load(x + i);
        return a + b + (c + d);
    }

    /// <summary>Σ (x - mean)².</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V SumOfSquares(float* x, V mean, int length)
    {
        V a = V.Create(0), b = a, c = a, d = a;
        int i = 0;
        for (; i + 4 * V.Count <= length; i += 4 * V.Count)
        {
            a = AddSquare(a, V.Load(x + i) - mean);
            b = AddSquare(b, V.Load(x + i + V.Count) - mean);
            c = AddSquare(c, V.Load(x + i + 2 * V.Count) - mean);
            d = AddSquare(d, V.Load(x + i + 3 * V.Count) - mean);
        }
        for (; i < length; i += V.Count) a = AddSquare(a, V.Load(x + i) - mean);
        return a + b + (c + d);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V AddSquare(V sum, V x) => V.Fma(x, x, sum);
}

/// <summary>
/// <code>
/// dx̂ = dy·weight,  dx (+)= rstd·(dx̂ - Σ dx̂/C - x̂·Σ (dx̂·x̂)/C)
/// </code>
/// and each block's share of dWeight = Σ dy·x̂ and dBias = Σ dy, into its own row of <paramref name="partial"/>
/// (blocks, 2, channels). Items are blocks of <paramref name="blockRows"/> rows, a number that does not depend on the threads.
/// </summary>
internal readonly unsafe struct LayerNormBackward<V>(float* dy, float* x, float* weight, float* mean, float* rstd, float* dx,
    float* partial, int rows, int channels, int blockRows, bool accumulate) : IWork where V : unmanaged, ISimd<V>
{
    public void Run(int from, int to)
    {
        int whole = channels / V.Count * V.Count, rest = channels - whole;
        V alive = SimdMath<V>.Ones(rest), lastWeight = V.LoadPartial(weight + whole, rest);
        for (int block = from; block < to; block++)
        {
            float* dWeight = partial + 2L * block * channels;
            float* dBias = dWeight + channels;
            new Span<float>(dWeight, 2 * channels).Clear();
            V lastDWeight = V.Create(0), lastDBias = V.Create(0);
            int end = Math.Min(rows, (block + 1) * blockRows);
            for (int row = block * blockRows; row < end; row++)
            {
                float* dyr = dy + (long)row * channels;
                float* xr = x + (long)row * channels;
                float* dxr = dx + (long)row * channels;
                float m = mean[row], r = rstd[row];
                V mv = V.Create(m), rv = V.Create(r);

                V lastDy = V.LoadPartial(dyr + whole, rest), lastN = (V.LoadPartial(xr + whole, rest) - mv * alive) * rv, lastG = lastDy * lastWeight;
                lastDWeight = V.Fma(lastDy, lastN, lastDWeight);
                lastDBias += lastDy;
                V sum = lastG, dot = lastG * lastN;
                for (int i = 0; i < whole; i += V.Count)
                {
                    V d = V.Load(dyr + i), n = (V.Load(xr + i) - mv) * rv;
                    V.Store(V.Fma(d, n, V.Load(dWeight + i)), dWeight + i);
                    V.Store(d + V.Load(dBias + i), dBias + i);
                    V g = d * V.Load(weight + i);
                    sum += g;
                    dot = V.Fma(g, n, dot);
                }

                V sv = V.Create(V.Sum(sum) / channels), pv = V.Create(V.Sum(dot) / channels);
                for (int i = 0; i < whole; i += V.Count)
                {
                    V n = (V.Load(xr + i) - mv) * rv, g = V.Load(dyr + i) * V.Load(weight + i);
                    V d = rv * (g - sv - n * pv);
                    V.Store(accumulate ? d + V.Load(dxr + i) : d, dxr + i);
                }
                V lastD = rv * (lastG - sv - lastN * pv);
                if (rest > 0) V.StorePartial(accumulate ? lastD + V.LoadPartial(dxr + whole, rest) : lastD, dxr + whole, rest);
            }
            V.StorePartial(lastDWeight, dWeight + whole, rest);
            V.StorePartial(lastDBias, dBias + whole, rest);
        }
    }
}

/// <summary>y[j] += Σ over rows of partial[row·stride + j], rows in order. Items are columns.</summary>
internal readonly unsafe struct SumRows<V>(float* partial, int rows, long stride, float* y) : IWork where V : unmanaged, ISimd<V>
{
    public void Run(int from, int to)
    {
        int j = from;
        for (; j + V.Count <= to; j += V.Count)
        {
            V sum = V.Create(0);
            for (int row = 0; row < rows; row++) sum += V.Load(partial + row * stride + j);
            V.Store(V.Load(y + j) + sum, y + j);
        }
        V last = V.Create(0);
        for (int row = 0; row < rows && j < to; row++) last += V.LoadPartial(partial + row * stride + j, to - j);
        V.StorePartial(V.LoadPartial(y + j, to - j) + last, y + j, to - j);
    }
}
