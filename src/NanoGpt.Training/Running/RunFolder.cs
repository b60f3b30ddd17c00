using System.Text;
using NanoGpt.Data;

namespace NanoGpt.Training;

/// <summary>
/// The <c>out_dir</c> of a run:
/// <code>
/// config.json      the resolved configuration; also a config file
/// meta.json        the data set's: what the tokens mean, so that the folder can be taken elsewhere and sampled from
/// tokenizer.json   its tokenizer's, where that is a vocabulary of one's own
/// metrics.jsonl    losses, learning rates, speeds
/// samples.jsonl    text that it wrote meanwhile, where it was asked to
/// checkpoints/     last, best and others
/// former-1/        the run that was here before, moved aside when another was started from scratch
/// .lock            held open by the run that writes here, so that there is one; removed at its end, and what a crash leaves hinders nobody
/// </code>
/// </summary>
public sealed class RunFolder(string path) : IDisposable
{
    /// <summary>The name of the stored configuration.</summary>
    public const string ConfigFile = "config.json";

    FileStream? hold;

    /// <summary>The path of the copy of the data set's <c>meta.json</c> in the folder of a run; there is none where the data set has none.</summary>
    public static string MetaPath(string outDir) => Path.Combine(outDir, DatasetMeta.FileName);

    /// <summary>Makes the folder ready for a run and keeps others out until it is disposed of: stores the run's configuration and what its tokens mean.</summary>
    /// <param name="config">The resolved configuration.</param>
    /// <param name="data">The data set.</param>
    /// <param name="checkpoint">The checkpoint the run goes on from, or null: then a run that is here already is moved aside.</param>
    /// <param name="former">Where that run is now, or null.</param>
    /// <returns>The log of the run.</returns>
    /// <exception cref="IOException">The folder cannot be written, or another run is writing there.</exception>
    public MetricsLog Open(TrainConfig config, TokenDataset data, Checkpoint? checkpoint, out string? former)
    {
        if (File.Exists(path)) throw new IOException($"'{path}' is a file; name a folder for the run with --out_dir.");
        var disk = new DurableDisk();
        try
        {
            disk.CreateDirectory(path);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"The folder of the run cannot be made at '{path}': {fault.Message.TrimEnd('.')}; choose another with --out_dir.", fault);
        }
        hold = Hold();
        former = checkpoint is null ? MoveAside() : null;
        Write(disk, ConfigFile, Encoding.UTF8.GetBytes(config.ToJson()));
        string meta = Path.Combine(data.Directory, DatasetMeta.FileName);
        if (data.Meta is not null && Path.GetFullPath(meta) != Path.GetFullPath(MetaPath(path)))
        {
            data.Tokenizer?.SaveFiles(path);
            Write(disk, DatasetMeta.FileName, File.ReadAllBytes(meta));
        }
        if (checkpoint is null) return MetricsLog.Start(path);
        new CheckpointStore(path).GoOnFrom(checkpoint);     // before anything that is written after it is dropped
        return MetricsLog.Resume(path, checkpoint.State.IterNum, checkpoint.State.BestValLoss);
    }

    /// <summary>Lets other runs in.</summary>
    public void Dispose() => hold?.Dispose();

    FileStream Hold()
    {
        string file = Path.Combine(path, ".lock");
        try
        {
            return new FileStream(file, FileMode.OpenOrCreate, FileAccess.Write, FileShare.None, bufferSize: 0, FileOptions.DeleteOnClose);
        }
        catch (IOException fault) when (File.Exists(file))
        {
            throw new IOException($"another run is writing to '{path}'; stop it, or choose another --out_dir.", fault);
        }
    }

    /// <summary>Moves what a former run left to the first free <c>former-N</c>; nothing is ever deleted.</summary>
    string? MoveAside()
    {
        string[] left = [.. new[] { "checkpoints", MetricsLog.FileName, RunSamples.FileName, ConfigFile, DatasetMeta.FileName, TokenizerJson.FileName }.Select(name => Path.Combine(path, name)).Where(Path.Exists)];
        if (left.Length == 0) return null;
        string aside = Enumerable.Range(1, int.MaxValue).Select(n => Path.Combine(path, $"former-{n}")).First(free => !Path.Exists(free));
        Directory.CreateDirectory(aside);
        foreach (string entry in left) Directory.Move(entry, Path.Combine(aside, Path.GetFileName(entry)));
        return aside;
    }

    void Write(DurableDisk disk, string name, byte[] content)
    {
        string file = Path.Combine(path, name), temporary = file + ".tmp";
        disk.WriteFile(temporary, stream => stream.Write(content));
        disk.MoveFile(temporary, file);
    }
}
