namespace NanoGpt.Models;

/// <summary>Which form of GELU a model was trained with.</summary>
public enum GeluForm
{
    /// <summary>The exact function, as nanoGPT.</summary>
    Erf,

    /// <summary>The tanh approximation, as OpenAI's GPT-2.</summary>
    Tanh,
}

/// <summary>The sizes of a GPT, named as nanoGPT names them (<c>n_layer</c> is <see cref="NLayer"/>, and so on).</summary>
/// <param name="BlockSize">T: the longest sequence.</param>
/// <param name="VocabSize">V: number of token ids.</param>
/// <param name="NLayer">Number of blocks.</param>
/// <param name="NHead">Number of attention heads; divides <paramref name="NEmbd"/>.</param>
/// <param name="NEmbd">C: width of the residual stream.</param>
/// <param name="Dropout">Probability of dropping an element, while training.</param>
/// <param name="Bias">Whether linear layers and norms have biases (GPT-2 has them).</param>
/// <param name="Gelu">The form of GELU in the MLP.</param>
public sealed record GptConfig(
    int BlockSize = 1024,
    int VocabSize = 50304,
    int NLayer = 12,
    int NHead = 12,
    int NEmbd = 768,
    double Dropout = 0,
    bool Bias = true,
    GeluForm Gelu = GeluForm.Erf)
{
    /// <summary>Number of parameters; without the position table it is the N of <see cref="FlopsPerToken"/>.</summary>
    /// <exception cref="OverflowException">It is more than can be counted.</exception>
    public long ParameterCount(bool positions = true)
    {
        long c = NEmbd, biases = Bias ? 1 : 0;
        checked
        {
            long block = 12 * c * c + 2 * c + biases * (2 * c + 3 * c + c + 4 * c + c);
            return VocabSize * c + (positions ? BlockSize * c : 0) + NLayer * block + c + biases * c;
        }
    }

    /// <summary>
    /// Floating-point operations of one training step per token, forward and backward: 6N + 12·L·C·T (PaLM, appendix B, as nanoGPT counts).
    /// </summary>
    public double FlopsPerToken(int time) => 6.0 * ParameterCount(positions: false) + 12.0 * NLayer * NEmbd * time;
}
