using System.CommandLine;
using NanoGpt.Data;

namespace NanoGpt.Cli;

/// <summary><c>nanogpt data</c>: what token files hold, and whether they are whole.</summary>
static class DataCommand
{
    const int Gpt2EndOfText = 50256;

    public static Command Create()
    {
        var infoPaths = Paths();
        var info = new DocumentedCommand("info", "Shows what token files hold.", """
              nanogpt data info data/shakespeare_char
              nanogpt data info "fineweb10B/fineweb_train_*.bin"
            """) { infoPaths };
        info.SetAction(result => Info(result.GetValue(infoPaths)!));

        var verifyPaths = Paths();
        var vocabSize = PythonOption.Integer("--vocab_size", 0, "every token must be below it; 0: as meta.json says", least: 0);
        var verify = new DocumentedCommand("verify", "Checks token files: headers, lengths, tokens, and hashes where meta.json has them.", """
              nanogpt data verify data/shakespeare_char
              nanogpt data verify "fineweb10B/*.bin" --vocab_size=50257
            """) { verifyPaths, vocabSize };
        verify.SetAction(result => Verify(result.GetValue(verifyPaths)!, result.GetValue(vocabSize)));

        return new DocumentedCommand("data", "Shows and checks token files.", """
              nanogpt data info data/shakespeare_char
              nanogpt data verify "fineweb10B/*.bin" --vocab_size=50257
            """) { info, verify };
    }

    static Argument<string[]> Paths() => new("PATH") { Description = "files, folders, or patterns in quotes", Arity = ArgumentArity.OneOrMore };

    static int Info(string[] paths) => Each(paths, (report, meta) =>
    {
        Console.WriteLine(report.Path);
        Console.WriteLine($"  format     {Name(report.Format)}, {report.Type.ToString().ToLowerInvariant()}");
        Console.WriteLine($"  tokens     {report.Count:N0}, {Units.Bytes(report.Bytes)}");
        Console.WriteLine($"  ids        {report.Smallest:N0} to {report.Largest:N0}");
        if (report.Documents is { } documents) Console.WriteLine($"  documents  {documents:N0} (end-of-text tokens)");
        Console.WriteLine($"  tokenizer  {(meta is null ? "unknown: no meta.json beside it" : $"{meta.TokenizerIdentity}, vocabulary {meta.VocabSize:N0}")}");
        Console.WriteLine($"  sha256     {report.Sha256}");
    });

    static int Verify(string[] paths, int vocabSize) => Each(paths, (report, meta) =>
    {
        int limit = vocabSize > 0 ? vocabSize : meta?.VocabSize ?? int.MaxValue;
        if (report.Largest >= limit) throw new InvalidDataException($"'{report.Path}' has token {report.Largest}, outside the vocabulary of {limit}; it belongs to another vocabulary or is damaged.");
        var listed = Listed(meta).FirstOrDefault(shard => shard.Name == Path.GetFileName(report.Path));
        if (listed is not null && listed.Tokens != report.Count) throw new InvalidDataException($"'{report.Path}' holds {report.Count} tokens, but {DatasetMeta.FileName} says {listed.Tokens}; it is cut off or was replaced.");
        if (listed is not null && listed.Sha256 != report.Sha256) throw new InvalidDataException($"'{report.Path}' has the SHA-256 {report.Sha256}, but {DatasetMeta.FileName} says {listed.Sha256}; it was changed or is damaged.");
        string tokens = limit < int.MaxValue ? $"below {limit:N0}" : $"up to {report.Largest:N0}";
        Console.WriteLine($"ok  {report.Path}: {Name(report.Format)}, {report.Count:N0} tokens {tokens}, {(listed is null ? "no hash to compare" : "hash as in " + DatasetMeta.FileName)}");
    });

    /// <summary>Reads the files one after the other; a fault of one does not keep the others from being read.</summary>
    static int Each(string[] paths, Action<ShardReport, DatasetMeta?> show)
    {
        string[] files = [.. paths.SelectMany(Files)];
        using var signals = new StopSignals();
        var view = new PrepareView();
        long total = 2 * files.Where(File.Exists).Sum(file => new FileInfo(file).Length), done = 0;
        int faults = 0;
        Console.WriteLine($"reading {files.Length:N0} {(files.Length == 1 ? "file" : "files")}, {Units.Bytes(total / 2)}");
        foreach (string file in files)
        {
            try
            {
                DatasetMeta? meta = DatasetMeta.In(Path.GetDirectoryName(Path.GetFullPath(file))!);
                int? endOfText = meta is null ? Gpt2EndOfText : meta.CreateTokenizer(DatasetMeta.FileName).EndOfText;
                var report = ShardReport.Of(file, endOfText, bytes => view.Report(new PrepareProgress(PrepareStage.Verify, done += bytes, total)), signals.Token);
                view.Done();
                show(report, meta);
            }
            catch (Exception fault) when (fault is IOException or InvalidDataException or UnauthorizedAccessException)
            {
                view.Done();
                Fault.Report(fault);
                faults++;
            }
        }
        if (faults > 0 && files.Length > 1) Console.WriteLine($"{faults:N0} of {files.Length:N0} files have faults");
        return faults > 0 ? ExitCode.Failure : ExitCode.Success;
    }

    /// <summary>The files that a path means, and in a folder those too that its meta.json lists, so that one that is missing is noticed.</summary>
    static IEnumerable<string> Files(string path) => Directory.Exists(path) && DatasetMeta.In(path) is { } meta
        ? Listed(meta).Select(shard => Path.Combine(path, shard.Name)).Union(ShardFiles.Matching(path))
        : ShardFiles.Matching(path);

    static IEnumerable<ShardFile> Listed(DatasetMeta? meta) => [.. meta?.Shards(Split.Train) ?? [], .. meta?.Shards(Split.Val) ?? []];

    static string Name(ShardFormat format) => format switch { ShardFormat.NanoGpt => "nanoGPT .bin", ShardFormat.LlmC => "llm.c .bin", _ => ".npy" };
}
