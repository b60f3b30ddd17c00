using System.CommandLine;
using NanoGpt.Training;

namespace NanoGpt.Cli;

/// <summary><c>nanogpt compare</c>: is my run normal?</summary>
static class CompareCommand
{
    public static Command Create()
    {
        var run = new Argument<string>("RUN") { Description = "the out_dir of a run, which may still be running" };
        var references = new Argument<string[]>("REFERENCE") { Description = "what to compare it with: other runs, or a file that --save made [default: the one that comes with its preset]", Arity = ArgumentArity.ZeroOrMore };
        var save = new Option<string?>("--save") { Description = "write the references as a file to compare with later", HelpName = "FILE" };
        var command = new DocumentedCommand("compare", "Says whether a run is normal: its loss against those of runs that were.", """
              nanogpt compare out-quickstart                                with the reference of its preset
              nanogpt compare out-mine out-before                           with another run
              nanogpt compare out-mine out-seed1 out-seed2 out-seed3        with the spread of several
              nanogpt compare out-mine out-seed1 out-seed2 --save=mine.jsonl
              nanogpt compare out-other mine.jsonl

              Exit code 0: in the band. 1: outside; the first iteration outside is named.
            """) { run, references, save };
        command.SetAction(result => Run(LossCurve.Read(result.GetValue(run)!), result.GetValue(references)!, result.GetValue(save)));
        return command;
    }

    static int Run(LossCurve run, string[] references, string? save)
    {
        var reference = references.Length == 0 ? Nearest(run)
            : references.Length == 1 && File.Exists(references[0]) ? ReferenceCurve.Parse(references[0], File.ReadAllText(references[0]))
            : ReferenceCurve.Of(save is null ? string.Join(", ", references) : Path.GetFileNameWithoutExtension(save), [.. references.Select(LossCurve.Read)]);
        if (save is not null) Save(reference, save);

        var comparison = new CurveComparison(run, reference);
        Console.WriteLine($"run         {run.Name}, to iteration {run.LastIteration:N0}");
        Console.WriteLine($"reference   {reference.Name}: {(reference.Runs == 1 ? "one run" : $"{reference.Runs} runs with different seeds")}, to iteration {reference.LastIteration:N0}");
        foreach (var key in comparison.Differences) Console.WriteLine($"differs     {key.Name}={key.Format(run.Config)}, the reference has {key.Format(reference.Config)}");
        if (run.Data != reference.Data) Console.WriteLine("differs     the training data: another version of the text, or of the SDK that it comes with");
        Console.WriteLine();
        foreach (string line in CurvePlot.Of(comparison)) Console.WriteLine(line);
        Console.WriteLine();
        return Verdict(comparison);
    }

    static int Verdict(CurveComparison comparison)
    {
        var seen = comparison.Points.Where(point => !double.IsNaN(point.Loss)).ToList();
        if (seen.Count == 0) throw new InvalidDataException("The run and the reference have no iteration in common; let the run go on for a while.");
        if (seen.Where(point => point.IsEvaluation).Select(point => (ComparedPoint?)point).LastOrDefault() is { } last)
            Console.WriteLine($"val loss    {last.Loss:0.0000} at {last.Iteration:N0}; the band is {last.Low:0.0000} to {last.High:0.0000}");
        if (comparison.Parting is not { } parting)
        {
            Console.WriteLine($"in band     all {seen.Count} points that both have: {seen.Count(point => !point.IsEvaluation)} of the training loss, {seen.Count(point => point.IsEvaluation)} evaluations");
            return ExitCode.Success;
        }
        Console.WriteLine($"out         {seen.Count(point => point.IsOutside)} of {seen.Count} points lie outside. They part at iteration {parting.Iteration:N0}: " +
            $"{(parting.IsEvaluation ? "validation" : "training")} loss {parting.Loss:0.0000}, {(parting.Loss > parting.High ? "above" : "below")} the band of {parting.Low:0.0000} to {parting.High:0.0000}");
        return ExitCode.Failure;
    }

    /// <summary>The reference that comes with the program whose configuration is nearest.</summary>
    static ReferenceCurve Nearest(LossCurve run)
    {
        var known = ReferenceCurve.Known();
        return known.Where(reference => reference.Config.Dataset == run.Config.Dataset).MinBy(reference => CurveComparison.Differing(run.Config, reference.Config).Count)
            ?? throw new ArgumentException($"There is no reference for the data set '{run.Config.Dataset}', only for {string.Join(" and ", known.Select(reference => $"{reference.Config.Dataset} ({reference.Name})"))}; name another run to compare with.");
    }

    static void Save(ReferenceCurve reference, string path)
    {
        if (Directory.Exists(path)) throw new IOException($"save: '{path}' is a folder; give a file.");
        if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder && !Directory.Exists(folder)) throw new DirectoryNotFoundException($"save: there is no folder '{folder}'; make it, or choose another place.");
        string temporary = path + ".tmp";
        using (var file = File.Create(temporary)) reference.Write(file);
        File.Move(temporary, path, overwrite: true);
        Console.WriteLine($"saved       {path}\n");
    }
}
