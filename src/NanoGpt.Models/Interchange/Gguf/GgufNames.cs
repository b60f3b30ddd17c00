namespace NanoGpt.Models;

/// <summary>What llama.cpp calls the parts of a GPT-2.</summary>
internal static class GgufNames
{
    public const string Architecture = "general.architecture", Context = "gpt2.context_length", Width = "gpt2.embedding_length", FeedForward = "gpt2.feed_forward_length",
        Layers = "gpt2.block_count", Heads = "gpt2.attention.head_count", Epsilon = "gpt2.attention.layer_norm_epsilon";

    /// <summary>An entry of our own, which others pass over: <c>erf</c> or <c>tanh</c>. llama.cpp always computes the tanh form.</summary>
    public const string Gelu = "nanogpt.gelu";

    /// <summary>The head, which is the token embedding once more: older versions of llama.cpp want it.</summary>
    public const string Head = "output.weight";

    static readonly (string Gguf, string NanoGpt)[] outer = [("token_embd", "transformer.wte"), ("position_embd", "transformer.wpe"), ("output_norm", "transformer.ln_f"), ("output", "lm_head")];

    static readonly (string Gguf, string NanoGpt)[] inner =
        [("attn_norm", "ln_1"), ("attn_qkv", "attn.c_attn"), ("attn_output", "attn.c_proj"), ("ffn_norm", "ln_2"), ("ffn_up", "mlp.c_fc"), ("ffn_down", "mlp.c_proj")];

    static readonly Dictionary<string, string> fromNanoGpt = outer.Concat(inner).ToDictionary(pair => pair.NanoGpt, pair => pair.Gguf);
    static readonly Dictionary<string, string> toNanoGpt = outer.Concat(inner).ToDictionary(pair => pair.Gguf, pair => pair.NanoGpt);

    /// <summary><c>transformer.h.0.attn.c_attn.weight</c> to <c>blk.0.attn_qkv.weight</c>.</summary>
    public static string FromNanoGpt(string name) => Translate(name, "transformer.h.", "blk.", fromNanoGpt);

    /// <summary><c>blk.0.attn_qkv.weight</c> to <c>transformer.h.0.attn.c_attn.weight</c>; a name that a GPT-2 does not have stays as it is.</summary>
    public static string ToNanoGpt(string name) => Translate(name, "blk.", "transformer.h.", toNanoGpt);

    static string Translate(string name, string layerFrom, string layerTo, Dictionary<string, string> parts)
    {
        string layer = "", part = name;
        if (name.StartsWith(layerFrom, StringComparison.Ordinal) && name.IndexOf('.', layerFrom.Length) is var end and > 0)
        {
            layer = $"{layerTo}{name[layerFrom.Length..end]}.";
            part = name[(end + 1)..];
        }
        int dot = part.LastIndexOf('.');       // before weight or bias
        return dot > 0 && parts.TryGetValue(part[..dot], out string? translated) ? $"{layer}{translated}{part[dot..]}" : name;
    }
}
