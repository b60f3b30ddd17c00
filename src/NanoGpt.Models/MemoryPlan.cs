using NanoGpt.Tensors.Cpu;

namespace NanoGpt.Models;

/// <summary>What a run will hold, in bytes, known before anything is allocated.</summary>
/// <param name="Weights">Parameters, fp32.</param>
/// <param name="Gradients">Their gradients, fp32; 0 where nothing is trained.</param>
/// <param name="Optimizer">AdamW's two moments, fp32; 0 where nothing is trained.</param>
/// <param name="Activations">What a micro-batch keeps for its way back, and the gradients that are alive at once; without a way back, what a block takes.</param>
/// <param name="Scratch">Packed matrices, the head's block of logits, attention's strips.</param>
public sealed record MemoryPlan(long Weights, long Gradients, long Optimizer, long Activations, long Scratch)
{
    /// <summary>All together.</summary>
    public long Total => Weights + Gradients + Optimizer + Activations + Scratch;

    /// <summary>The plan of training a model with micro-batches of (batch, time) tokens, keeping the activations of every block or computing them again.</summary>
    /// <param name="config">The model.</param>
    /// <param name="batch">B.</param>
    /// <param name="time">T.</param>
    /// <param name="threads">Threads that compute.</param>
    /// <param name="recompute">Whether blocks are computed again on the way back.</param>
    /// <param name="shards">Ranks that share the optimizer's state.</param>
    /// <param name="wire">Bytes for what travels between ranks.</param>
    /// <exception cref="InsufficientMemoryException">It is more than can be counted.</exception>
    public static MemoryPlan ForTraining(GptConfig config, int batch, int time, int threads, bool recompute = false, int shards = 1, long wire = 0)
    {
        try
        {
            checked
            {
                long c = config.NEmbd, rows = (long)batch * time, bytes = sizeof(float);
                long parameters = config.ParameterCount();
                // Per block, in units of rows · C: ln_1 1, qkv 3, attention 1, sum 1, ln_2 1, c_fc 4, gelu 4, sum 1.
                long perBlock = 16 + (config.Dropout > 0 ? 2 : 0);
                long statistics = config.NLayer * (4 * rows + rows * config.NHead) + 4 * rows;
                long embedding = 2 + (config.Dropout > 0 ? 1 : 0);
                // Gradients alive at once: the stream's, a branch's, the wide one of an MLP, which gelu's takes the place of, and qkv's; dropout has one of its own.
                long gradients = 2 + 4 + 3 + (config.Dropout > 0 ? 1 : 0);
                long blocks = recompute ? perBlock + config.NLayer : config.NLayer * perBlock;
                long activations = rows * c * (blocks + embedding + gradients) + statistics;
                return new(parameters * bytes, parameters * bytes, 2 * parameters * bytes / shards, activations * bytes, ScratchOf(config, rows, time, threads) * bytes + wire);
            }
        }
        catch (OverflowException)
        {
            throw TooLarge();
        }
    }

    /// <summary>The plan of evaluating a model on batches of (batch, time) tokens: a block gives back what it took.</summary>
    /// <param name="config">The model.</param>
    /// <param name="batch">B.</param>
    /// <param name="time">T.</param>
    /// <param name="threads">Threads that compute.</param>
    /// <exception cref="InsufficientMemoryException">It is more than can be counted.</exception>
    public static MemoryPlan ForEvaluation(GptConfig config, int batch, int time, int threads)
    {
        try
        {
            checked
            {
                long rows = (long)batch * time, bytes = sizeof(float);
                // In units of rows · C: the stream 1, and a block's 16 as in training. Beside it ids, targets and the statistics of a block.
                long activations = rows * (17L * config.NEmbd + config.NHead + 6);
                return new(config.ParameterCount() * bytes, 0, 0, activations * bytes, ScratchOf(config, rows, time, threads) * bytes);
            }
        }
        catch (OverflowException)
        {
            throw TooLarge();
        }
    }

    /// <summary>Elements of working memory: the head packed and its block of logits, the left side of a product packed, attention's strips, half of the sums of a gradient.</summary>
    static long ScratchOf(GptConfig config, long rows, int time, int threads)
    {
        long c = config.NEmbd, v = config.VocabSize, logits = CpuDevice.HeadRows(checked((int)rows), config.VocabSize) * v;
        return checked(v * c + logits + rows * 4 * c + threads * (4L * time * (c / config.NHead) + 66L * time) + Math.Min(4 * c * c, 4 << 20));
    }

    static InsufficientMemoryException TooLarge() => new("These sizes take more memory than can be counted; lower n_layer, n_embd, block_size or batch_size.");

    /// <summary>Refuses a plan that is larger than the memory there is.</summary>
    /// <exception cref="InsufficientMemoryException">It is; the message gives the sizes.</exception>
    /// <param name="available">Bytes that this machine has.</param>
    /// <param name="ranks">How many ranks hold as much here.</param>
    public void Check(long available, int ranks = 1)
    {
        if (Total * ranks <= available) return;
        string less = Gradients == 0 ? "lower --batch_size (and raise --eval_iters for as many tokens) or --block_size"
            : "use --recompute=True, or lower --batch_size (and raise --gradient_accumulation_steps for the same step), --block_size or the size of the model";
        throw new InsufficientMemoryException($"This run needs {Gigabytes(Total)} {(ranks == 1 ? "" : $"for each of {ranks} ranks here ")}({this}), but this machine has {Gigabytes(available)}; {less}.");
    }

    /// <summary>As in "weights 0.50 GB, gradients 0.50 GB, …".</summary>
    public override string ToString() =>
        $"weights {Gigabytes(Weights)}, {(Gradients == 0 ? "" : $"gradients {Gigabytes(Gradients)}, optimizer {Gigabytes(Optimizer)}, ")}activations {Gigabytes(Activations)}, scratch {Gigabytes(Scratch)}";

    static string Gigabytes(long bytes) => bytes < 100_000_000 ? $"{bytes / 1e6:0.0} MB" : $"{bytes / 1e9:0.00} GB";
}
