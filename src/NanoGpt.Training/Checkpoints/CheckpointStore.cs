using NanoGpt.Models;

namespace NanoGpt.Training;

/// <summary>
/// The checkpoints of a run, under <c>out_dir/checkpoints</c>:
/// <code>
/// step-00000250/   model.safetensors  optimizer.safetensors  state.json
/// step-00000500/   …
/// best             one line: step-00000250 and the checksum of its state.json
/// last             one line: step-00000500 and …
/// </code>
/// A save never touches what is there. A full directory cannot be replaced by one rename, so each checkpoint gets a directory of
/// its own and the names are tiny files:
/// <list type="number">
/// <item>the three files are written into <c>.tmp-step-…</c>, each flushed to the device;</item>
/// <item>the directory is renamed to its final, free name;</item>
/// <item><c>best</c>, if it is the best, then <c>last</c> are replaced by renaming a new file over them;</item>
/// <item>directories nobody names any more are renamed to <c>.tmp-…</c> and deleted.</item>
/// </list>
/// Whatever the instant of a crash, <c>last</c> and <c>best</c> name complete checkpoints. <c>best</c> goes first: a crash between
/// the two leaves a <c>last</c> from which the run finds the same best again. What a crash leaves over is removed by the next save.
/// </summary>
public sealed class CheckpointStore
{
    /// <summary>The newest checkpoint.</summary>
    public const string Last = "last";

    /// <summary>The checkpoint with the smallest validation loss.</summary>
    public const string Best = "best";

    const string Temporary = ".tmp-";
    static readonly Dictionary<string, string> metadata = new() { ["format"] = "pt" };      // what Hugging Face's loaders ask for

    readonly string root;
    readonly int keep;
    readonly DurableDisk disk;

    /// <summary>The checkpoints of one run; nothing is created before the first save.</summary>
    /// <param name="outDir">The run's <c>out_dir</c>.</param>
    /// <param name="keepCheckpoints">
    /// How many of the newest checkpoints to keep, whether or not they are last or best; 0 keeps only those two. Newest means the
    /// highest steps up to the one just saved: a run resumed from an earlier step drops the checkpoints of the future it left.
    /// </param>
    public CheckpointStore(string outDir, int keepCheckpoints = 0) : this(outDir, keepCheckpoints, new DurableDisk()) { }

    internal CheckpointStore(string outDir, int keepCheckpoints, DurableDisk disk) =>
        (root, keep, this.disk) = (Path.Combine(outDir, "checkpoints"), keepCheckpoints, disk);

    /// <summary>Saves a checkpoint, durably, as <c>last</c> and, where it is the best so far, as <c>best</c>; the data is written once.</summary>
    /// <param name="state">Everything but the tensors.</param>
    /// <param name="model">Declares and writes the weights; must do the same each time it is called.</param>
    /// <param name="optimizer">Declares and writes the optimizer's state; must do the same each time it is called.</param>
    /// <param name="best">Whether it is the best so far.</param>
    /// <exception cref="IOException">It cannot be written, for example because the disk is full; the checkpoints from before are as they were.</exception>
    public Checkpoint Save(CheckpointState state, Action<SafetensorsWriter> model, Action<SafetensorsWriter> optimizer, bool best)
    {
        string? discard = null;
        try
        {
            disk.CreateDirectory(root);
            RemoveTemporaries();
            var name = FreeName(state.IterNum);
            string directory = Path.Combine(root, name.ToString());
            discard = Path.Combine(root, Temporary + name);
            byte[] stateBytes = WriteDirectory(discard, state, model, optimizer);
            disk.MoveDirectory(discard, directory);
            discard = directory;
            disk.SyncDirectory(root);
            var saved = new Checkpoint(directory, state, stateBytes);
            var pointer = new CheckpointPointer(name, saved.StateSum);
            foreach (string pointerName in (string[])(best ? [Best, Last] : [Last]))
            {
                Point(pointerName, pointer);
                discard = null;
                disk.SyncDirectory(root);
            }
            Sweep(state.IterNum);
            return saved;
        }
        catch (Exception fault)
        {
            Discard(discard);
            if (fault is not (IOException or UnauthorizedAccessException))
                throw;
            string before = File.Exists(Path.Combine(root, Last)) ? "the checkpoint from before is untouched" : "there is no checkpoint from before";
            throw new IOException($"{root}: cannot save the checkpoint of iteration {state.IterNum}, which needs {BytesNeeded(state, model, optimizer)} bytes: "
                + $"{fault.Message.TrimEnd('.')}; {before}; make room or choose another --out_dir.", fault);
        }
    }

    /// <summary>Makes a checkpoint of this run the <c>last</c>, durably: a run goes on from it and has left those that came after it.</summary>
    /// <exception cref="IOException">The folder cannot be written.</exception>
    public void GoOnFrom(Checkpoint checkpoint)
    {
        var pointer = new CheckpointPointer(CheckpointName.TryParse(checkpoint.Name)!.Value, checkpoint.StateSum);
        string path = Path.Combine(root, Last);
        if (File.Exists(path) && File.ReadAllBytes(path).AsSpan().SequenceEqual(pointer.ToBytes())) return;
        Point(Last, pointer);
        disk.SyncDirectory(root);
    }

    /// <summary>Whether there is a checkpoint of this name to load.</summary>
    public bool Contains(string name) => name is Last or Best
        ? File.Exists(Path.Combine(root, name))
        : CheckpointName.TryParse(name) is not null && Directory.Exists(Path.Combine(root, name));

    /// <summary>The iteration of the checkpoint that got farthest, or null where there is none.</summary>
    public int? NewestIteration => Names().Select(name => (int?)name.Step).Max();

    /// <summary>Finds a checkpoint and checks every byte of it.</summary>
    /// <param name="name"><see cref="Last"/>, <see cref="Best"/> or the name of a checkpoint directory, <c>step-00000250</c>.</param>
    /// <param name="option">How the user names a checkpoint, for the message that offers another one.</param>
    /// <exception cref="FileNotFoundException">The run has no checkpoint at all.</exception>
    /// <exception cref="InvalidDataException">
    /// It is missing, or one of its files is missing, cut short or changed; the message names the newest other one that is whole.
    /// </exception>
    public Checkpoint Load(string name, string option = "--init_from=resume --resume_from")
    {
        try
        {
            return Read(name);
        }
        catch (InvalidDataException fault)
        {
            if (Names().Count == 0)
                throw new FileNotFoundException($"{root}: there is no checkpoint to resume from; start a run with --init_from=scratch.", fault);
            throw new InvalidDataException($"{fault.Message.TrimEnd('.')}; {Alternative(option)}", fault);
        }
    }

    Checkpoint Read(string name)
    {
        string path = Path.Combine(root, name);
        if (!Contains(name))
            throw new InvalidDataException($"{path}: there is no checkpoint of this name");
        if (name is not (Last or Best))
            return Checkpoint.Read(path);
        while (true)
        {
            var pointer = CheckpointPointer.Read(path);
            try
            {
                return Read(path, pointer);
            }
            catch (Exception fault) when (fault is IOException or InvalidDataException && CheckpointPointer.Read(path) != pointer)
            {
                // The run goes on: it has saved another meanwhile, and removed this one.
            }
        }
    }

    Checkpoint Read(string path, CheckpointPointer pointer)
    {
        string directory = Path.Combine(root, pointer.Target.ToString());
        if (!Directory.Exists(directory))
            throw new InvalidDataException($"{path}: the file names {pointer.Target}, which is not there");
        var checkpoint = Checkpoint.Read(directory);
        if (checkpoint.StateSum != pointer.StateSum)
            throw new InvalidDataException($"{path}: the file is damaged, it does not belong to the checkpoint in {pointer.Target}");
        return checkpoint;
    }

    /// <summary>What to do instead of loading a damaged checkpoint.</summary>
    string Alternative(string option)
    {
        foreach (var name in Names().OrderDescending())
        {
            try
            {
                var good = Checkpoint.Read(Path.Combine(root, name.ToString()));
                return $"the newest other good checkpoint is that of iteration {good.State.IterNum}: continue with {option}={name}";
            }
            catch (InvalidDataException)
            {
                // Damaged too; the next one may not be.
            }
        }
        return "no other checkpoint of this run is whole; start again with --init_from=scratch";
    }

    void Point(string name, CheckpointPointer pointer)
    {
        string temporary = Path.Combine(root, Temporary + name);
        disk.WriteFile(temporary, file => file.Write(pointer.ToBytes()));
        disk.MoveFile(temporary, Path.Combine(root, name));
    }

    byte[] WriteDirectory(string directory, CheckpointState state, Action<SafetensorsWriter> model, Action<SafetensorsWriter> optimizer)
    {
        disk.CreateDirectory(directory);
        var files = new Dictionary<string, FileSum>();
        foreach (var (file, write) in (ReadOnlySpan<(string, Action<SafetensorsWriter>)>)[(Checkpoint.ModelFile, model), (Checkpoint.OptimizerFile, optimizer)])
            disk.WriteFile(Path.Combine(directory, file), stream => files[file] = WriteTensors(stream, write));
        byte[] bytes = StateFile.Write(state, files);
        disk.WriteFile(Path.Combine(directory, StateFile.Name), stream => stream.Write(bytes));
        disk.SyncDirectory(directory);
        return bytes;
    }

    static FileSum WriteTensors(Stream stream, Action<SafetensorsWriter> write)
    {
        using var checksum = new ChecksumStream(stream);
        var writer = new SafetensorsWriter(checksum, metadata);
        write(writer);
        writer.Complete();
        return checksum.Sum;
    }

    static long BytesNeeded(CheckpointState state, Action<SafetensorsWriter> model, Action<SafetensorsWriter> optimizer)
    {
        FileSum modelSum = WriteTensors(Stream.Null, model), optimizerSum = WriteTensors(Stream.Null, optimizer);
        var files = new Dictionary<string, FileSum> { [Checkpoint.ModelFile] = modelSum, [Checkpoint.OptimizerFile] = optimizerSum };
        return modelSum.Bytes + optimizerSum.Bytes + StateFile.Write(state, files).Length;
    }

    /// <summary>The directories under final names.</summary>
    List<CheckpointName> Names() => !Directory.Exists(root) ? []
        : [.. Directory.EnumerateDirectories(root).Select(path => CheckpointName.TryParse(Path.GetFileName(path))).OfType<CheckpointName>()];

    CheckpointName FreeName(int step)
    {
        var taken = Names().Where(name => name.Step == step).ToList();
        return new CheckpointName(step, taken.Count == 0 ? 1 : taken.Max(name => name.Copy) + 1);
    }

    void RemoveTemporaries()
    {
        foreach (string path in Directory.EnumerateFileSystemEntries(root, Temporary + "*").ToList())
            disk.Delete(path);
    }

    /// <summary>Removes the checkpoints that are neither named nor among the newest to keep.</summary>
    void Sweep(int step)
    {
        try
        {
            var kept = Names().Where(name => name.Step <= step).OrderDescending().Take(keep).ToHashSet();
            foreach (string pointer in (string[])[Last, Best])
                if (File.Exists(Path.Combine(root, pointer)))
                    kept.Add(CheckpointPointer.Read(Path.Combine(root, pointer)).Target);
            foreach (var name in Names().Where(name => !kept.Contains(name)))
            {
                // Renamed first: a directory under a final name is always complete.
                string temporary = Path.Combine(root, Temporary + name);
                disk.MoveDirectory(Path.Combine(root, name.ToString()), temporary);
                disk.Delete(temporary);
            }
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            // The checkpoint is saved. What cannot be removed now, a file that another program holds open, is removed after the
            // next save; and while a damaged pointer hides which checkpoint it names, none is removed.
        }
    }

    void Discard(string? path)
    {
        try
        {
            if (path is not null)
                disk.Delete(path);
            if (Directory.Exists(root))
                RemoveTemporaries();
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            // The next save removes it; the fault that led here is the one to report.
        }
    }
}
