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
        int vectorEnd = channels / V.Count * V.Count;
        for (int row = from; row < to; row++)
        {
            float* xr = x + (long)row * channels;
            float* yr = y + (long)row * channels;

            V sum = V.Create(0);
            for (int i = 0; i < vectorEnd; i += V.Count) sum += V.Load(xr + i);
            float s = V.Sum(sum);
            for (int i = vectorEnd; i < channels; i++) s += xr[i];
            float m = s / channels;

            V mv = V.Create(m), squares = V.Create(0);
            for (int i = 0; i < vectorEnd; i += V.Count) { V d = V.Load(xr + i) - mv; squares = V.Fma(d, d, squares); }
            float q = V.Sum(squares);
            for (int i = vectorEnd; i < channels; i++) { float d = xr[i] - m; q += d * d; }
            float r = 1 / MathF.Sqrt(q / channels + Epsilon);

            V rv = V.Create(r);
            for (int i = 0; i < vectorEnd; i += V.Count)
            {
                V n = (V.Load(xr + i) - mv) * rv;
                V.Store(V.Fma(n, V.Load(weight + i), bias == null ? V.Create(0) : V.Load(bias + i)), yr + i);
            }
            for (int i = vectorEnd; i < channels; i++) yr[i] = (xr[i] - m) * r * weight[i] + (bias == null ? 0 : bias[i]);
            mean[row] = m;
            rstd[row] = r;
        }
    }
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
        int vectorEnd = channels / V.Count * V.Count;
        for (int block = from; block < to; block++)
        {
            float* dWeight = partial + 2L * block * channels;
            float* dBias = dWeight + channels;
            new Span<float>(dWeight, 2 * channels).Clear();
            int end = Math.Min(rows, (block + 1) * blockRows);
            for (int row = block * blockRows; row < end; row++)
            {
                float* dyr = dy + (long)row * channels;
                float* xr = x + (long)row * channels;
                float* dxr = dx + (long)row * channels;
                float m = mean[row], r = rstd[row];
                V mv = V.Create(m), rv = V.Create(r);

                V sum = V.Create(0), dot = V.Create(0);
                for (int i = 0; i < vectorEnd; i += V.Count)
                {
                    V d = V.Load(dyr + i), n = (V.Load(xr + i) - mv) * rv;
                    V.Store(V.Fma(d, n, V.Load(dWeight + i)), dWeight + i);
                    V.Store(d + V.Load(dBias + i), dBias + i);
                    V g = d * V.Load(weight + i);
                    sum += g;
                    dot = V.Fma(g, n, dot);
                }
                float s = V.Sum(sum), p = V.Sum(dot);
                for (int i = vectorEnd; i < channels; i++)
                {
                    float n = (xr[i] - m) * r, g = dyr[i] * weight[i];
                    dWeight[i] += dyr[i] * n;
                    dBias[i] += dyr[i];
                    s += g;
                    p += g * n;
                }
                s /= channels;
                p /= channels;

                V sv = V.Create(s), pv = V.Create(p);
                for (int i = 0; i < vectorEnd; i += V.Count)
                {
                    V n = (V.Load(xr + i) - mv) * rv, g = V.Load(dyr + i) * V.Load(weight + i);
                    V d = rv * (g - sv - n * pv);
                    V.Store(accumulate ? d + V.Load(dxr + i) : d, dxr + i);
                }
                for (int i = vectorEnd; i < channels; i++)
                {
                    float n = (xr[i] - m) * r, g = dyr[i] * weight[i], d = r * (g - s - n * p);
                    dxr[i] = accumulate ? dxr[i] + d : d;
                }
            }
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
        for (; j < to; j++)
        {
            float sum = 0;
            for (int row = 0; row < rows; row++) sum += partial[row * stride + j];
            y[j] += sum;
        }
    }
}
