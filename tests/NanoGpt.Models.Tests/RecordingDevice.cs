using NanoGpt.Tensors;

namespace NanoGpt.Models.Tests;

/// <summary>Passes every call on to another device and notes it, operands and all.</summary>
sealed class RecordingDevice(Device device) : Device
{
    readonly List<string> calls = [];
    readonly HashSet<Storage> held = [];

    /// <summary>The calls since <see cref="Forget"/>, contents of written memory not included.</summary>
    public IReadOnlyList<string> Calls => calls;

    /// <summary>How often memory was asked for.</summary>
    public int Allocations { get; private set; }

    /// <summary>How many storages have not been given back.</summary>
    public int Held => held.Count;

    public void Forget() => calls.Clear();

    void Note(string call) => calls.Add(call);

    public override string Name => device.Name;

    public override Storage Allocate(long count)
    {
        Allocations++;
        var storage = device.Allocate(count);
        held.Add(storage);
        return storage;
    }

    public override void Free(Storage storage)
    {
        if (!held.Remove(storage)) throw new InvalidOperationException($"{storage} was not handed out, or was given back already.");
        device.Free(storage);
    }

    public override void Read(Storage source, Span<float> destination)
    {
        Note($"Read {source}");
        device.Read(source, destination);
    }

    public override void Write(ReadOnlySpan<float> source, Storage destination)
    {
        Note($"Write {destination}");
        device.Write(source, destination);
    }

    public override void Write(ReadOnlySpan<int> source, Storage destination)
    {
        Note($"Write {destination}");
        device.Write(source, destination);
    }

    public override void Fill(Storage x, float value)
    {
        Note($"Fill {x} {value}");
        device.Fill(x, value);
    }

    public override void Copy(Storage x, Storage y)
    {
        Note($"Copy {x} {y}");
        device.Copy(x, y);
    }

    public override void FillNormal(Storage x, float std, ulong seed, uint stream)
    {
        Note($"FillNormal {x} {std} {seed} {stream}");
        device.FillNormal(x, std, seed, stream);
    }

    public override void Add(Storage a, Storage b, Storage y)
    {
        Note($"Add {a} {b} {y}");
        device.Add(a, b, y);
    }

    public override void Accumulate(Storage x, Storage y)
    {
        Note($"Accumulate {x} {y}");
        device.Accumulate(x, y);
    }

    public override void Scale(Storage x, float factor, Storage y, bool accumulate)
    {
        Note($"Scale {x} {factor} {y} {accumulate}");
        device.Scale(x, factor, y, accumulate);
    }

    public override void Mean(Storage x, Storage result)
    {
        Note($"Mean {x} {result}");
        device.Mean(x, result);
    }

    public override void SumOfSquares(Storage x, Storage result)
    {
        Note($"SumOfSquares {x} {result}");
        device.SumOfSquares(x, result);
    }

    public override void EmbeddingForward(Storage ids, Storage tokens, Storage positions, Storage y, int batch, int time, int channels)
    {
        Note($"EmbeddingForward {ids} {tokens} {positions} {y} {batch} {time} {channels}");
        device.EmbeddingForward(ids, tokens, positions, y, batch, time, channels);
    }

    public override void EmbeddingBackward(Storage ids, Storage dy, Storage dTokens, Storage dPositions, int batch, int time, int channels)
    {
        Note($"EmbeddingBackward {ids} {dy} {dTokens} {dPositions} {batch} {time} {channels}");
        device.EmbeddingBackward(ids, dy, dTokens, dPositions, batch, time, channels);
    }

    public override void LayerNormForward(Storage x, Storage weight, Storage bias, Storage y, Storage mean, Storage rstd, int rows, int channels)
    {
        Note($"LayerNormForward {x} {weight} {bias} {y} {mean} {rstd} {rows} {channels}");
        device.LayerNormForward(x, weight, bias, y, mean, rstd, rows, channels);
    }

    public override void LayerNormBackward(Storage dy, Storage x, Storage weight, Storage mean, Storage rstd, Storage dx, Storage dWeight, Storage dBias, int rows, int channels, bool accumulate)
    {
        Note($"LayerNormBackward {dy} {x} {weight} {mean} {rstd} {dx} {dWeight} {dBias} {rows} {channels} {accumulate}");
        device.LayerNormBackward(dy, x, weight, mean, rstd, dx, dWeight, dBias, rows, channels, accumulate);
    }

    public override void LinearForward(Storage x, Storage weight, Storage bias, Storage y, int rows, int inputs, int outputs)
    {
        Note($"LinearForward {x} {weight} {bias} {y} {rows} {inputs} {outputs}");
        device.LinearForward(x, weight, bias, y, rows, inputs, outputs);
    }

    public override void LinearBackwardInput(Storage dy, Storage weight, Storage dx, int rows, int inputs, int outputs, bool accumulate)
    {
        Note($"LinearBackwardInput {dy} {weight} {dx} {rows} {inputs} {outputs} {accumulate}");
        device.LinearBackwardInput(dy, weight, dx, rows, inputs, outputs, accumulate);
    }

    public override void LinearBackwardWeight(Storage dy, Storage x, Storage dWeight, Storage dBias, int rows, int inputs, int outputs, bool accumulate)
    {
        Note($"LinearBackwardWeight {dy} {x} {dWeight} {dBias} {rows} {inputs} {outputs} {accumulate}");
        device.LinearBackwardWeight(dy, x, dWeight, dBias, rows, inputs, outputs, accumulate);
    }

    public override void GeluForward(Storage x, Storage y)
    {
        Note($"GeluForward {x} {y}");
        device.GeluForward(x, y);
    }

    public override void GeluBackward(Storage dy, Storage x, Storage dx, bool accumulate)
    {
        Note($"GeluBackward {dy} {x} {dx} {accumulate}");
        device.GeluBackward(dy, x, dx, accumulate);
    }

    public override void GeluTanhForward(Storage x, Storage y)
    {
        Note($"GeluTanhForward {x} {y}");
        device.GeluTanhForward(x, y);
    }

    public override void GeluTanhBackward(Storage dy, Storage x, Storage dx, bool accumulate)
    {
        Note($"GeluTanhBackward {dy} {x} {dx} {accumulate}");
        device.GeluTanhBackward(dy, x, dx, accumulate);
    }

    public override void DropoutForward(Storage x, Storage y, float probability, RandomKey random)
    {
        Note($"DropoutForward {x} {y} {probability} {random}");
        device.DropoutForward(x, y, probability, random);
    }

    public override void DropoutBackward(Storage dy, Storage dx, float probability, RandomKey random, bool accumulate)
    {
        Note($"DropoutBackward {dy} {dx} {probability} {random} {accumulate}");
        device.DropoutBackward(dy, dx, probability, random, accumulate);
    }

    public override void AttentionForward(Storage qkv, Storage y, Storage logSumExp, int batch, int time, int heads, int headSize, float dropout, RandomKey random)
    {
        Note($"AttentionForward {qkv} {y} {logSumExp} {batch} {time} {heads} {headSize} {dropout} {random}");
        device.AttentionForward(qkv, y, logSumExp, batch, time, heads, headSize, dropout, random);
    }

    public override void AttentionBackward(Storage dy, Storage qkv, Storage y, Storage logSumExp, Storage dqkv, int batch, int time, int heads, int headSize, float dropout, RandomKey random, bool accumulate)
    {
        Note($"AttentionBackward {dy} {qkv} {y} {logSumExp} {dqkv} {batch} {time} {heads} {headSize} {dropout} {random} {accumulate}");
        device.AttentionBackward(dy, qkv, y, logSumExp, dqkv, batch, time, heads, headSize, dropout, random, accumulate);
    }

    public override void AppendKeyValues(Storage qkv, Storage keys, Storage values, int batch, int time, int past, int capacity, int heads, int headSize)
    {
        Note($"AppendKeyValues {qkv} {keys} {values} {batch} {time} {past} {capacity} {heads} {headSize}");
        device.AppendKeyValues(qkv, keys, values, batch, time, past, capacity, heads, headSize);
    }

    public override void CachedAttention(Storage qkv, Storage keys, Storage values, Storage y, int batch, int time, int past, int capacity, int heads, int headSize)
    {
        Note($"CachedAttention {qkv} {keys} {values} {y} {batch} {time} {past} {capacity} {heads} {headSize}");
        device.CachedAttention(qkv, keys, values, y, batch, time, past, capacity, heads, headSize);
    }

    public override void Narrow(Storage x, Storage y)
    {
        Note($"Narrow {x} {y}");
        device.Narrow(x, y);
    }

    public override void NarrowLinearForward(Storage x, Storage weight, Storage bias, Storage y, int rows, int inputs, int outputs)
    {
        Note($"NarrowLinearForward {x} {weight} {bias} {y} {rows} {inputs} {outputs}");
        device.NarrowLinearForward(x, weight, bias, y, rows, inputs, outputs);
    }

    public override void NarrowEmbeddingForward(Storage ids, Storage tokens, Storage positions, Storage y, int batch, int time, int channels, int first)
    {
        Note($"NarrowEmbeddingForward {ids} {tokens} {positions} {y} {batch} {time} {channels} {first}");
        device.NarrowEmbeddingForward(ids, tokens, positions, y, batch, time, channels, first);
    }

    public override void CrossEntropy(Storage logits, Storage targets, Storage losses, Storage dLogits, int rows, int vocabulary, float scale)
    {
        Note($"CrossEntropy {logits} {targets} {losses} {dLogits} {rows} {vocabulary} {scale}");
        device.CrossEntropy(logits, targets, losses, dLogits, rows, vocabulary, scale);
    }

    public override void LinearCrossEntropy(Storage x, Storage weight, Storage targets, Storage losses, Storage dx, Storage dWeight, int rows, int channels, int vocabulary, float scale, bool accumulate)
    {
        Note($"LinearCrossEntropy {x} {weight} {targets} {losses} {dx} {dWeight} {rows} {channels} {vocabulary} {scale}");
        device.LinearCrossEntropy(x, weight, targets, losses, dx, dWeight, rows, channels, vocabulary, scale, accumulate);
    }

    public override void AdamW(Storage values, Storage grads, Storage m, Storage v, Storage schedule, float beta1, float beta2, float epsilon, float weightDecay)
    {
        Note($"AdamW {values} {grads} {m} {v} {schedule} {beta1} {beta2} {epsilon} {weightDecay}");
        device.AdamW(values, grads, m, v, schedule, beta1, beta2, epsilon, weightDecay);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) device.Dispose();
    }
}
