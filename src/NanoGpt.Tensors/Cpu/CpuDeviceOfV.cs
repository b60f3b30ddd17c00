using System.Diagnostics;
using NanoGpt.Tensors.Cpu.Gemm;
using NanoGpt.Tensors.Cpu.Kernels;
using NanoGpt.Tensors.Cpu.Simd;

namespace NanoGpt.Tensors.Cpu;

/// <summary>The CPU with vectors of one width: hands each kernel to the worker pool in pieces. Where they depend on the threads, too, no element's sum does.</summary>
internal sealed unsafe class CpuDevice<V, F>(int threads, SimdWidth width, Precision precision) : CpuDevice where V : unmanaged, ISimd<V> where F : IFormat<V>
{
    const int ElementGrain = 16384;             // elements per piece of an elementwise kernel
    const int ReductionBlock = 1 << 16;         // elements per partial sum
    const int NormBlocks = 32;                  // partial sums of a bias or gain gradient
    const int Ignored = int.MinValue;           // the least target: one below 0 counts for nothing
    const int StreamPiece = 256 << 10;          // bytes of weights per piece, where they are only read through

    readonly WorkerPool pool = new(threads);
    readonly ScratchBuffer scratch = new();
    readonly PackedMatrix<V, F> head = new();
    Gemm<V, F>? gemm;

    /// <summary>Elements of flat memory that one job takes at most: whole pieces, and fewer than an <see cref="int"/> counts.</summary>
    internal int FlatRun { get; init; } = 1 << 30;

    public override int Threads => pool.Workers;
    public override long WorkDone => pool.Done;
    public override SimdWidth Width => width;
    public override Precision Precision => precision;

    Gemm<V, F> Gemm => gemm ??= new(pool);

    // ---- memory

    public override Storage Allocate(long count) => new(CpuMemory.Allocate(Math.Max(1, count) * sizeof(float)), count);
    public override void Free(Storage storage) => CpuMemory.Free(storage.Address);
    public override void Read(Storage source, Span<float> destination) => new ReadOnlySpan<float>(Within(source, destination.Length), destination.Length).CopyTo(destination);
    public override void Write(ReadOnlySpan<float> source, Storage destination) => source.CopyTo(new Span<float>(Within(destination, source.Length), source.Length));
    public override void Write(ReadOnlySpan<int> source, Storage destination) => source.CopyTo(new Span<int>(Within(destination, source.Length), source.Length));
    public override void Fill(Storage x, float value) => RunFlat(x.Length, new FillWork(P(x), value));

    public override void Copy(Storage x, Storage y)
    {
        if (x.Length != y.Length) throw new ArgumentException($"{x.Length} elements cannot be copied to a storage of {y.Length}.");
        bool overlap = x.Address < y.Address + y.Length * sizeof(float) && y.Address < x.Address + x.Length * sizeof(float);
        if (overlap) Buffer.MemoryCopy(P(x), P(y), y.Length * sizeof(float), x.Length * sizeof(float));
        else RunFlat(x.Length, new CopyWork(P(x), P(y)));
    }

    public override void FillNormal(Storage x, float std, ulong seed, uint stream) =>
        pool.Run(Fours(x), ElementGrain / 4, new NormalWork(P(x), x.Length, std, seed, stream));

    // ---- elementwise

    public override void Add(Storage a, Storage b, Storage y) => RunFlat(y.Length, new AddWork<V>(P(a), P(b), P(y)));
    public override void Accumulate(Storage x, Storage y) => RunFlat(y.Length, new AddWork<V>(P(x), P(y), P(y)));
    public override void Scale(Storage x, float factor, Storage y, bool accumulate) => RunFlat(x.Length, new ScaleWork<V>(P(x), factor, P(y), accumulate));
    public override void GeluForward(Storage x, Storage y) => RunFlat(x.Length, new ActivationForward<V, GeluErf<V>, GeluErf<SimdScalar>>(P(x), P(y)));
    public override void GeluBackward(Storage dy, Storage x, Storage dx, bool accumulate) =>
        RunFlat(x.Length, new ActivationBackward<V, GeluErf<V>, GeluErf<SimdScalar>>(P(dy), P(x), P(dx), accumulate));
    public override void GeluTanhForward(Storage x, Storage y) => RunFlat(x.Length, new ActivationForward<V, GeluTanh<V>, GeluTanh<SimdScalar>>(P(x), P(y)));
    public override void GeluTanhBackward(Storage dy, Storage x, Storage dx, bool accumulate) =>
        RunFlat(x.Length, new ActivationBackward<V, GeluTanh<V>, GeluTanh<SimdScalar>>(P(dy), P(x), P(dx), accumulate));

    public override void DropoutForward(Storage x, Storage y, float probability, RandomKey random) => Dropout(x, y, probability, random, accumulate: false);
    public override void DropoutBackward(Storage dy, Storage dx, float probability, RandomKey random, bool accumulate) => Dropout(dy, dx, probability, random, accumulate);

    void Dropout(Storage x, Storage y, float probability, RandomKey random, bool accumulate) =>
        pool.Run(Fours(x), ElementGrain / 16, new DropoutWork<V>(P(x), P(y), x.Length, new DropoutMask(random, probability), accumulate));

    // ---- reductions

    public override void Mean(Storage x, Storage result)
    {
        double sum = 0;
        for (long i = 0; i < x.Length; i++) sum += P(x)[i];
        *P(result) = (float)(sum / x.Length);
    }

    public override void SumOfSquares(Storage x, Storage result)
    {
        int blocks = checked((int)((x.Length + ReductionBlock - 1) / ReductionBlock));
        double* partial = (double*)scratch.Get(2L * blocks);
        pool.Run(blocks, 1, new SumOfSquaresWork<V>(P(x), x.Length, ReductionBlock, partial));
        double sum = 0;
        for (int i = 0; i < blocks; i++) sum += partial[i];
        *P(result) = (float)sum;
    }

    // ---- layers

    public override void EmbeddingForward(Storage ids, Storage tokens, Storage positions, Storage y, int batch, int time, int channels) =>
        pool.Run(batch * time, Rows(channels), new EmbeddingForward<V>(Ids(ids, batch * time, tokens.Length / channels), P(tokens), P(positions), P(y), time, channels));

    public override void EmbeddingBackward(Storage ids, Storage dy, Storage dTokens, Storage dPositions, int batch, int time, int channels) =>
        pool.Run(channels, Math.Max(16, channels / 8 / 16 * 16),
            new EmbeddingBackward<V>(Ids(ids, batch * time, dTokens.Length / channels), P(dy), P(dTokens), P(dPositions), batch * time, time, channels));

    public override void LayerNormForward(Storage x, Storage weight, Storage bias, Storage y, Storage mean, Storage rstd, int rows, int channels) =>
        pool.Run(rows, Rows(channels), new LayerNormForward<V>(P(x), P(weight), P(bias), P(y), P(mean), P(rstd), channels));

    public override void LayerNormBackward(Storage dy, Storage x, Storage weight, Storage mean, Storage rstd,
        Storage dx, Storage dWeight, Storage dBias, int rows, int channels, bool accumulate)
    {
        int blockRows = (rows + NormBlocks - 1) / NormBlocks, blocks = (rows + blockRows - 1) / blockRows;
        float* partial = scratch.Get(2L * blocks * channels);
        pool.Run(blocks, 1, new LayerNormBackward<V>(P(dy), P(x), P(weight), P(mean), P(rstd), P(dx), partial, rows, channels, blockRows, accumulate));
        new SumRows<V>(partial, blocks, 2L * channels, P(dWeight)).Run(0, channels);
        if (!dBias.IsNone) new SumRows<V>(partial + channels, blocks, 2L * channels, P(dBias)).Run(0, channels);
    }

    public override void LinearForward(Storage x, Storage weight, Storage bias, Storage y, int rows, int inputs, int outputs)
    {
        if (rows <= FewRowsWork<V, WideWeights<V>>.MaxRows && precision == Precision.Float32) FewRows<WideWeights<V>>(x, weight, bias, y, rows, inputs, outputs);
        else Gemm.Multiply(new(P(x), rows, inputs), new MatrixView(P(weight), outputs, inputs).Transposed, new(P(y), rows, outputs), P(bias));
    }

    public override void NarrowLinearForward(Storage x, Storage weight, Storage bias, Storage y, int rows, int inputs, int outputs)
    {
        if (rows <= FewRowsWork<V, NarrowWeights<V>>.MaxRows)
        {
            FewRows<NarrowWeights<V>>(x, weight, bias, y, rows, inputs, outputs);
            return;
        }
        // Many rows use each weight often: to widen them first costs little.
        float* wide = scratch.Get((long)outputs * inputs);
        RunFlat((long)outputs * inputs, new WidenWork<V>((ushort*)P(weight), wide));
        Gemm.Multiply(new(P(x), rows, inputs), new MatrixView(wide, outputs, inputs).Transposed, new(P(y), rows, outputs), P(bias));
    }

    void FewRows<W>(Storage x, Storage weight, Storage bias, Storage y, int rows, int inputs, int outputs) where W : IWeights<V>
    {
        float* interleaved = null;
        if (rows > 1)
        {
            int groups = (rows + V.TileRows - 1) / V.TileRows;
            interleaved = scratch.Get((long)groups * V.TileRows * inputs);
            new InterleaveRowsWork<V>(P(x), interleaved, rows, inputs).Run(0, groups);
        }
        pool.Run(outputs, StreamGrain((long)inputs * W.Size, outputs, FewRowsWork<V, W>.Tile), new FewRowsWork<V, W>(P(x), interleaved, (byte*)P(weight), P(bias), P(y), rows, inputs, outputs));
    }

    /// <summary>
    /// Rows per piece, so that each worker reads the same number of equally long runs of memory. (Each row's result is its own, so the cut may
    /// depend on the threads.)
    /// </summary>
    int StreamGrain(long rowBytes, int rows, int multiple)
    {
        long pieces = Math.Max(1, (rowBytes * rows / threads + StreamPiece / 2) / StreamPiece) * threads;
        long grain = Math.Max((rows + pieces - 1) / pieces, StreamPiece / 4 / rowBytes + 1);
        return checked((int)((grain + multiple - 1) / multiple * multiple));
    }

    public override void Narrow(Storage x, Storage y) => RunFlat(x.Length, new NarrowWork(P(x), (ushort*)P(y)));

    public override void NarrowEmbeddingForward(Storage ids, Storage tokens, Storage positions, Storage y, int batch, int time, int channels, int first) =>
        pool.Run(batch * time, Rows(channels), new NarrowEmbeddingForward(Ids(ids, batch * time, 2 * tokens.Length / channels), (ushort*)P(tokens), (ushort*)P(positions) + (long)first * channels, P(y), time, channels));

    public override void AppendKeyValues(Storage qkv, Storage keys, Storage values, int batch, int time, int past, int capacity, int heads, int headSize) =>
        pool.Run(batch * heads, Rows((long)time * headSize), new AppendKeyValuesWork(P(qkv), P(keys), P(values), new(time, heads, headSize), new(past, capacity)));

    public override void CachedAttention(Storage qkv, Storage keys, Storage values, Storage y, int batch, int time, int past, int capacity, int heads, int headSize) =>
        pool.Run(batch * heads, Rows((long)time * (past + time) * headSize), new CachedAttentionWork<V>(P(qkv), P(keys), P(values), P(y), new(time, heads, headSize), new(past, capacity)));

    public override void LinearBackwardInput(Storage dy, Storage weight, Storage dx, int rows, int inputs, int outputs, bool accumulate) =>
        Gemm.Multiply(new(P(dy), rows, outputs), new MatrixView(P(weight), outputs, inputs), new(P(dx), rows, inputs), accumulate: accumulate);

    public override void LinearBackwardWeight(Storage dy, Storage x, Storage dWeight, Storage dBias, int rows, int inputs, int outputs, bool accumulate)
    {
        Gemm.Multiply(new MatrixView(P(dy), rows, outputs).Transposed, new MatrixView(P(x), rows, inputs), new(P(dWeight), outputs, inputs), accumulate: accumulate);
        // Columns are shared out; each column's sum over the rows is formed in one place.
        if (!dBias.IsNone) pool.Run(outputs, 64, new SumRows<V>(P(dy), rows, outputs, P(dBias)));
    }

    public override void AttentionForward(Storage qkv, Storage y, Storage logSumExp, int batch, int time, int heads, int headSize, float dropout, RandomKey random)
    {
        int items = batch * heads, grain = HeadGrain(time, headSize);
        var shape = new AttentionShape(time, heads, headSize);
        if (time <= ShortAttentionForward<V>.MaxTime)
            pool.Run(items, grain, new ShortAttentionForward<V>(P(qkv), P(y), P(logSumExp), shape, dropout > 0, Mask(dropout, random)));
        else
            pool.Run(items, grain, new AttentionForward<V, F>(P(qkv), P(y), P(logSumExp), shape, dropout > 0, Mask(dropout, random)));
    }

    public override void AttentionBackward(Storage dy, Storage qkv, Storage y, Storage logSumExp, Storage dqkv,
        int batch, int time, int heads, int headSize, float dropout, RandomKey random, bool accumulate)
    {
        int items = batch * heads, grain = HeadGrain(time, headSize);
        var shape = new AttentionShape(time, heads, headSize);
        if (time <= ShortAttentionForward<V>.MaxTime)
            pool.Run(items, grain, new ShortAttentionBackward<V>(P(dy), P(qkv), P(y), P(logSumExp), P(dqkv), shape, dropout > 0, Mask(dropout, random), accumulate));
        else
            pool.Run(items, grain, new AttentionBackward<V, F>(P(dy), P(qkv), P(y), P(logSumExp), P(dqkv), shape, dropout > 0, Mask(dropout, random), accumulate));
    }

    /// <summary>Heads per piece, so that a piece is worth some microseconds however short the sequences are.</summary>
    static int HeadGrain(int time, int headSize) => (int)Math.Max(1, ElementGrain / ((long)time * (time + headSize)));

    static DropoutMask Mask(float dropout, RandomKey random) => dropout > 0 ? new(random, dropout) : default;

    // ---- head and optimizer

    public override void CrossEntropy(Storage logits, Storage targets, Storage losses, Storage dLogits, int rows, int vocabulary, float scale) =>
        pool.Run(rows, Rows(vocabulary), new CrossEntropyWork<V>(P(logits), Ids(targets, rows, vocabulary, least: Ignored), P(losses), P(dLogits), vocabulary, scale));

    public override void LinearCrossEntropy(Storage x, Storage weight, Storage targets, Storage losses, Storage dx, Storage dWeight,
        int rows, int channels, int vocabulary, float scale, bool accumulate)
    {
        int* ids = Ids(targets, rows, vocabulary, least: Ignored);
        bool backward = !dx.IsNone;
        int blockRows = HeadRows(rows, vocabulary);
        float* logits = scratch.Get((long)blockRows * vocabulary);
        var w = new MatrixView(P(weight), vocabulary, channels);
        bool packed = rows > Gemm<V, F>.MaxRowsAlone;       // fewer go through the weights once
        if (packed) head.Pack(pool, w.Transposed);
        for (int row = 0; row < rows; row += blockRows)
        {
            int count = Math.Min(blockRows, rows - row);
            var xBlock = new MatrixView(P(x) + (long)row * channels, count, channels);
            var z = new MatrixView(logits, count, vocabulary);
            if (packed) Gemm.Multiply(xBlock, head, z);
            else Gemm.Multiply(xBlock, w.Transposed, z);
            pool.Run(count, Rows(vocabulary),
                new CrossEntropyWork<V>(logits, ids + row, P(losses) + row, backward ? logits : null, vocabulary, scale));
            if (!backward) continue;
            var dxBlock = new MatrixView(P(dx) + (long)row * channels, count, channels);
            Gemm.Multiply(z, w, dxBlock);       // W packed for this, too, would be as large as W
            Gemm.Multiply(z.Transposed, xBlock, new(P(dWeight), vocabulary, channels), accumulate: accumulate || row > 0);
        }
    }

    public override void AdamW(Storage values, Storage grads, Storage m, Storage v, Storage schedule, float beta1, float beta2, float epsilon, float weightDecay) =>
        RunFlat(values.Length, new AdamWWork<V>(P(values), P(grads), P(m), P(v), P(schedule), beta1, beta2, epsilon, weightDecay));

    // ---- machine

    public override double MeasurePeakFlops(TimeSpan duration)
    {
        const int rounds = 200_000;
        double operations = threads * F.Peak(rounds), best = 0;
        var clock = Stopwatch.StartNew();
        do
        {
            long start = Stopwatch.GetTimestamp();
            pool.Run(threads, 1, new PeakWork<V, F>(rounds));
            best = Math.Max(best, operations / Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        while (clock.Elapsed < duration);
        return best;
    }

    public override double MeasureReadBandwidth(Storage memory, TimeSpan duration)
    {
        int blocks = checked((int)((memory.Length + ReadPassWork<V>.Block - 1) / ReadPassWork<V>.Block));
        float* sums = scratch.Get(blocks);
        double bytes = (double)memory.Length * sizeof(float), best = 0;
        var clock = Stopwatch.StartNew();
        do
        {
            long start = Stopwatch.GetTimestamp();
            pool.Run(blocks, 1, new ReadPassWork<V>(P(memory), memory.Length, sums));
            best = Math.Max(best, bytes / Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        while (clock.Elapsed < duration);
        return best;
    }

    protected override void Dispose(bool disposing)
    {
        if (!disposing) return;
        pool.Dispose();
        scratch.Dispose();
        head.Dispose();
        gemm?.Dispose();
    }

    static float* P(Storage storage) => (float*)storage.Address;

    static float* Within(Storage storage, int count) =>
        count <= storage.Length ? P(storage) : throw new ArgumentException($"{count} elements are more than a storage of {storage.Length} has.");

    /// <summary>Token ids, all of which are in the vocabulary: kernels read and write where they say.</summary>
    static int* Ids(Storage storage, int count, long vocabulary, int least = 0)
    {
        int* ids = (int*)P(storage);
        for (int i = 0; i < count; i++)
            if (ids[i] < least || ids[i] >= vocabulary) throw new ArgumentException($"Token {ids[i]} is not within a vocabulary of {vocabulary}.");
        return ids;
    }

    /// <summary>Groups of four elements: so many random numbers come at a time.</summary>
    static int Fours(Storage storage) => checked((int)((storage.Length + 3) / 4));

    void RunFlat<T>(long length, T work) where T : unmanaged, IFlatWork<T>
    {
        for (long start = 0; start < length; start += FlatRun) pool.Run((int)Math.Min(FlatRun, length - start), ElementGrain, work.From(start));
    }

    /// <summary>Rows per piece, so that a piece is about <see cref="ElementGrain"/> elements.</summary>
    static int Rows(long columns) => (int)Math.Max(1, ElementGrain / columns);
}
