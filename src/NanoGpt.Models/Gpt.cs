using NanoGpt.Tensors;

namespace NanoGpt.Models;

/// <summary>
/// GPT-2 (Radford et al. 2019) as nanoGPT writes it: token and position embeddings, blocks of attention and MLP with the
/// norm in front, a final norm, and a head that shares its weights with the token embedding.
/// Sizes in the comments: B sequences, T tokens, C channels, V vocabulary.
/// </summary>
public sealed class Gpt : Module
{
    readonly Embedding wte, wpe;
    readonly Block[] blocks;
    readonly LayerNorm lnF;

    /// <summary>A model without memory yet: give its parameters to a <see cref="ParameterStore"/>.</summary>
    /// <exception cref="ArgumentException">n_embd is not divisible by n_head.</exception>
    public Gpt(GptConfig config)
    {
        Config = config;
        wte = Register("transformer.wte", new Embedding(config.VocabSize, config.NEmbd, std: 0.02));
        wpe = Register("transformer.wpe", new Embedding(config.BlockSize, config.NEmbd, std: 0.02));
        blocks = [.. Enumerable.Range(0, config.NLayer).Select(i => Register($"transformer.h.{i}", new Block(config)))];
        lnF = Register("transformer.ln_f", new LayerNorm(config.NEmbd, config.Bias));
    }

    /// <summary>The sizes.</summary>
    public GptConfig Config { get; }

    /// <summary>The mean loss of predicting <paramref name="targets"/> (B, T) from <paramref name="ids"/> (B, T).</summary>
    public Tensor Loss(Tensor ids, Tensor targets) => Ops.LinearCrossEntropy(Features(ids), wte.Weight, targets);

    /// <summary>Logits of the next token at every position: (B, T) to (B, T, V).</summary>
    public Tensor Logits(Tensor ids) => Ops.Linear(Features(ids), wte.Weight, bias: null);

    /// <summary>Logits after the last position only: (B, T) to (B, V). With a cache, ids are what follows the tokens it holds, and join them.</summary>
    public Tensor NextLogits(Tensor ids, KeyValueCache? cache = null) => Ops.Linear(Ops.LastPosition(Features(ids, cache)), wte.Weight, bias: null);

    /// <summary>The loss of each prediction by itself: (B, T) of them; 0 where a target is negative. A cache as in <see cref="NextLogits"/>.</summary>
    public Tensor TokenLosses(Tensor ids, Tensor targets, KeyValueCache? cache = null) => Ops.LinearCrossEntropyByRow(Features(ids, cache), wte.Weight, targets);

    /// <summary>Takes tokens (B, T) into a cache, behind those that it holds.</summary>
    public void Read(Tensor ids, KeyValueCache cache) => Features(ids, cache);

    /// <summary>An empty cache for so many sequences of up to so many tokens.</summary>
    public KeyValueCache NewCache(Device device, int batch, int capacity) =>
        new(device, Config.NLayer, batch, capacity, Config.NHead, Config.NEmbd / Config.NHead);

    /// <summary>The residual stream after the last norm: (B, T) to (B, T, C).</summary>
    Tensor Features(Tensor ids, KeyValueCache? cache = null)
    {
        var x = Ops.Embedding(ids, wte.Weight, wpe.Weight, first: cache?.Length ?? 0);
        x = Ops.Dropout(x, (float)Config.Dropout);
        for (int i = 0; i < blocks.Length; i++)
        {
            var (block, past) = (blocks[i], cache?[i]);
            x = x.Tape.Scope(x => block.Forward(x, past), x);
        }
        cache?.Advance(ids.Shape[1]);
        return lnF.Forward(x);
    }
}

/// <summary>Attention, then MLP, each on the normalised stream and added to it.</summary>
public sealed class Block : Module
{
    readonly LayerNorm ln1, ln2;
    readonly CausalSelfAttention attn;
    readonly Mlp mlp;

    /// <summary>A block of the given sizes.</summary>
    public Block(GptConfig config)
    {
        ln1 = Register("ln_1", new LayerNorm(config.NEmbd, config.Bias));
        attn = Register("attn", new CausalSelfAttention(config));
        ln2 = Register("ln_2", new LayerNorm(config.NEmbd, config.Bias));
        mlp = Register("mlp", new Mlp(config));
    }

    /// <summary>(B, T, C) to (B, T, C).</summary>
    public Tensor Forward(Tensor x, KeyValues? past = null)
    {
        x = x + attn.Forward(ln1.Forward(x), past);
        return x + mlp.Forward(ln2.Forward(x));
    }
}

/// <summary>Multi-head self-attention in which a position sees itself and the past.</summary>
public sealed class CausalSelfAttention : Module
{
    readonly Linear cAttn, cProj;
    readonly int heads;
    readonly float dropout;

    /// <summary>Attention of the given sizes.</summary>
    /// <exception cref="ArgumentException">n_embd is not divisible by n_head.</exception>
    public CausalSelfAttention(GptConfig config)
    {
        if (config.NEmbd % config.NHead != 0) throw new ArgumentException($"n_embd {config.NEmbd} is not divisible by n_head {config.NHead}.");
        cAttn = Register("c_attn", new Linear(config.NEmbd, 3 * config.NEmbd, config.Bias, std: 0.02));
        cProj = Register("c_proj", new Linear(config.NEmbd, config.NEmbd, config.Bias, ResidualStd(config)));
        heads = config.NHead;
        dropout = (float)config.Dropout;
    }

    /// <summary>(B, T, C) to (B, T, C).</summary>
    public Tensor Forward(Tensor x, KeyValues? past = null)
    {
        var qkv = cAttn.Forward(x);                             // (B, T, 3C)
        var y = past is null ? Ops.CausalAttention(qkv, heads, dropout) : Ops.CachedAttention(qkv, past);      // (B, T, C)
        return Ops.Dropout(cProj.Forward(y), dropout);
    }

    /// <summary>GPT-2 scales what is added to the residual stream by the number of additions.</summary>
    internal static double ResidualStd(GptConfig config) => 0.02 / Math.Sqrt(2 * config.NLayer);
}

/// <summary>Two linear layers with a GELU between, four times as wide inside.</summary>
public sealed class Mlp : Module
{
    readonly Linear cFc, cProj;
    readonly Func<Tensor, Tensor> gelu;
    readonly float dropout;

    /// <summary>An MLP of the given sizes.</summary>
    public Mlp(GptConfig config)
    {
        cFc = Register("c_fc", new Linear(config.NEmbd, 4 * config.NEmbd, config.Bias, std: 0.02));
        cProj = Register("c_proj", new Linear(4 * config.NEmbd, config.NEmbd, config.Bias, CausalSelfAttention.ResidualStd(config)));
        gelu = config.Gelu == GeluForm.Tanh ? Ops.GeluTanh : Ops.Gelu;
        dropout = (float)config.Dropout;
    }

    /// <summary>(B, T, C) to (B, T, C).</summary>
    public Tensor Forward(Tensor x) => Ops.Dropout(cProj.Forward(gelu(cFc.Forward(x))), dropout);
}
