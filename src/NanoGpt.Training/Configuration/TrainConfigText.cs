using System.Text;

namespace NanoGpt.Training;

public sealed partial record TrainConfig
{
    /// <summary>Every key with its default and its meaning, by section: the text of <c>train --help</c>.</summary>
    public static string Help()
    {
        var defaults = new TrainConfig();
        return BySection(key => ($"  --{key.Name}={key.Format(defaults)}", key.Description));
    }

    /// <summary>Every key with its value, by section; a star and the default mark the values that differ from it.</summary>
    public string Describe()
    {
        var defaults = new TrainConfig();
        return BySection(key => key.Get(this).Equals(key.Get(defaults))
            ? ($"  {key.Name} = {key.Format(this)}", "")
            : ($"* {key.Name} = {key.Format(this)}", $"(default {key.Format(defaults)})"));
    }

    static string BySection(Func<ConfigKey, (string Left, string Right)> line)
    {
        var text = new StringBuilder();
        foreach (var section in ConfigKey.All.GroupBy(key => key.Section))
        {
            text.Append(text.Length == 0 ? "" : "\n").Append(section.Key).Append('\n');
            foreach (var (left, right) in section.Select(line))
                text.Append(right.Length == 0 ? left : $"{left,-38} {right}").Append('\n');
        }
        return text.ToString();
    }

    /// <summary>One sentence for each given key that is accepted but does nothing here, and for each odd but legal combination.</summary>
    /// <param name="given">The keys the user gave: <see cref="ConfigArguments.Keys"/>.</param>
    public IReadOnlyList<string> Notes(IEnumerable<ConfigKey> given)
    {
        var names = given.Select(key => key.Name).ToHashSet();
        var notes = new List<string>();
        if (names.Contains("compile"))
            notes.Add("compile: ignored; the kernels are compiled already, there is nothing to wait for.");
        if (names.Contains("backend"))
            notes.Add("backend: ignored; ranks talk through MPI, and one process needs none.");
        if (WandbLog)
            notes.Add($"wandb_log: metrics go to metrics.jsonl in {OutDir}.");
        else if (names.Any(name => name.StartsWith("wandb_", StringComparison.Ordinal) && name != "wandb_log"))
            notes.Add($"wandb_project, wandb_run_name: ignored; metrics go to metrics.jsonl in {OutDir}.");
        if (TotalBatchSize > 0 && names.Contains("gradient_accumulation_steps"))
            notes.Add("gradient_accumulation_steps: ignored; it follows from total_batch_size (0 there leaves it to you).");
        if (DecayLr && MinLr > LearningRate)
            notes.Add($"min_lr ({ConfigKey.Format(MinLr)}) is above learning_rate ({ConfigKey.Format(LearningRate)}): after warm-up the learning rate will rise.");
        return notes;
    }
}
