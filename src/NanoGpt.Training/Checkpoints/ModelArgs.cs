namespace NanoGpt.Training;

/// <summary>What a checkpoint says of its model: nanoGPT's <c>model_args</c>, enough to build the model again.</summary>
/// <param name="NLayer">Transformer blocks.</param>
/// <param name="NHead">Attention heads per block.</param>
/// <param name="NEmbd">Width of the model (C).</param>
/// <param name="BlockSize">Context length (T).</param>
/// <param name="VocabSize">Tokens in the vocabulary (V).</param>
/// <param name="Bias">Biases in linear layers and layer norms.</param>
/// <param name="Dropout">Dropout probability.</param>
/// <param name="Gelu"><c>erf</c> for the exact function, <c>tanh</c> for OpenAI's approximation.</param>
public sealed record ModelArgs(int NLayer, int NHead, int NEmbd, int BlockSize, int VocabSize, bool Bias, double Dropout, string Gelu = "erf");
