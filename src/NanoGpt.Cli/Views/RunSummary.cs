using NanoGpt.Data;
using NanoGpt.Distributed;
using NanoGpt.Models;
using NanoGpt.Training;

namespace NanoGpt.Cli;

/// <summary>What a run is, printed before anything large is allocated.</summary>
static class RunSummary
{
    public static void Write(TrainConfig config, TokenDataset data, Checkpoint? checkpoint, Communicator ranks)
    {
        WriteKeys(config);
        int hosts = ranks.Hosts.Distinct().Count();
        if (ranks.Size > 1) Console.WriteLine($"ranks       {ranks.Size} on {(hosts == 1 ? ranks.Host : $"{hosts} hosts")}, by {ranks.Description}; each takes {config.GradientAccumulationSteps / ranks.Size} of the {config.GradientAccumulationSteps} micro-batches of a step");
        if (checkpoint is not null) Console.WriteLine($"resuming    {checkpoint.Directory}, iteration {checkpoint.State.IterNum:N0}");
        Console.WriteLine($"data        {data.Directory}: {Tokens(data[Split.Train])} train and {Tokens(data[Split.Val])} val tokens{(config.Order == DataOrder.Random ? "" : $", in {config.DataOrder} order")}" +
            (data.VocabSize is { } vocabulary ? $", vocabulary {vocabulary:N0}" : ", without meta.json: GPT-2's vocabulary is assumed"));
        var plan = TrainingRun.Plan(config, data, checkpoint, ranks);       // refuses sizes that cannot be counted
        var model = TrainingRun.ModelConfig(config, data, checkpoint);
        Console.WriteLine($"model       {Units.Count(model.ParameterCount())} parameters: {model.NLayer} layers, {model.NHead} heads, {model.NEmbd} wide, context {model.BlockSize}");
        if (config.EvalOnly) Console.WriteLine($"tokens      {(long)config.EvalIters * config.BatchSize * config.BlockSize:N0} of each split = {config.EvalIters} eval_iters × {config.BatchSize} batch_size × {config.BlockSize} block_size");
        else Console.WriteLine($"tokens      {config.TokensPerIteration:N0} per step = {config.GradientAccumulationSteps} gradient_accumulation_steps × {config.BatchSize} batch_size × {config.BlockSize} block_size");
        Console.WriteLine("            the loss printed is the mean over all of them");
        Console.WriteLine($"memory      {Units.Bytes(plan.Total)}{(ranks.Size > 1 ? " a rank" : "")}: {plan}");
    }

    static string Tokens(TokenSequence split) => $"{split.Count:N0}{(split.Shards.Count > 1 ? $" (in {split.Shards.Count:N0} shards)" : "")}";

    /// <summary>The keys that differ from their defaults, a line a section.</summary>
    static void WriteKeys(TrainConfig config)
    {
        var defaults = new TrainConfig();
        var changed = ConfigKey.All.Where(key => !key.Get(config).Equals(key.Get(defaults))).GroupBy(key => key.Section).ToList();
        Console.WriteLine(changed.Count == 0 ? "config      every key has its default" : $"config      what differs from the defaults{(config.EvalOnly ? "" : $" (all keys: {Path.Combine(config.OutDir, RunFolder.ConfigFile)})")}");
        foreach (var section in changed)
            Console.WriteLine($"  {section.Key}: {string.Join(", ", section.Select(key => $"{key.Name}={key.Format(config)}"))}");
    }
}
