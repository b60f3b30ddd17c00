using NanoGpt.Data;
using NanoGpt.Models;
using NanoGpt.Tensors;
using NanoGpt.Tensors.Cpu;

namespace NanoGpt.Training;

/// <summary>What a model loses where its GELU is computed in the other form: measured on a text that it writes itself.</summary>
/// <param name="Tokens">The length of the text.</param>
/// <param name="Loss">Its mean loss in the other form less that in its own, in nats per token.</param>
/// <param name="Logit">The largest difference of any logit.</param>
internal sealed record GeluDifference(int Tokens, double Loss, double Logit)
{
    const int Longest = 32;

    public static GeluDifference Measure(PretrainedWeights weights, Tokenizer tokenizer, int threads)
    {
        var config = weights.Config with { Dropout = 0 };
        int[] text;
        double ownLoss, otherLoss;
        float[] ownLogits, otherLogits;
        using (var own = new Loaded(weights, config, threads))
        {
            text = own.Write(tokenizer.EndOfText ?? 0, Math.Min(Longest, config.BlockSize), tokenizer.VocabSize);
            (ownLoss, ownLogits) = own.Read(text);
        }
        using (var other = new Loaded(weights, config with { Gelu = config.Gelu == GeluForm.Erf ? GeluForm.Tanh : GeluForm.Erf }, threads))
            (otherLoss, otherLogits) = other.Read(text);
        return new(text.Length - 1, otherLoss - ownLoss, ownLogits.Zip(otherLogits, (a, b) => Math.Abs((double)a - b)).Max());
    }

    sealed class Loaded : IDisposable
    {
        readonly CpuDevice device;
        readonly Gpt model;
        readonly ParameterStore store;
        readonly Tape tape;

        public Loaded(PretrainedWeights weights, GptConfig config, int threads)
        {
            device = CpuDevice.Create(threads);
            model = new Gpt(config);
            store = new ParameterStore(device, model.Parameters, gradients: false);
            weights.CopyTo(device, store.Parameters);
            tape = new Tape(device) { Recording = false };
        }

        public int[] Write(int firstToken, int count, int tokens) => [firstToken, .. new Generator(model, tape, new SamplingOptions(Temperature: 1, TopK: 0), tokens).Continue([firstToken], count)];

        public (double Loss, float[] Logits) Read(int[] text)
        {
            int[] ids = text[..^1], targets = text[1..];
            tape.Reset();
            double loss = model.TokenLosses(tape.Tokens(ids, 1, ids.Length), tape.Tokens(targets, 1, targets.Length)).ToArray().Average(loss => (double)loss);
            tape.Reset();
            return (loss, model.Logits(tape.Tokens(ids, 1, ids.Length)).ToArray());
        }

        public void Dispose()
        {
            tape.Dispose();
            store.Dispose();
            device.Dispose();
        }
    }
}
