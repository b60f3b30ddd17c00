using System.Globalization;
using System.Security.Cryptography;

namespace NanoGpt.Data;

/// <summary>
/// Makes a data set of a corpus. Until everything is there it lies in a folder of its own, <c>unfinished</c>: complete shards and
/// a note of how far it is, from where a restart goes on. <c>meta.json</c> gets its name last.
/// </summary>
internal sealed class CorpusWriter(CorpusPlan plan, string directory, Action<PrepareProgress> report, CancellationToken cancellation)
{
    /// <summary>The name of that folder.</summary>
    public const string Unfinished = "unfinished";

    readonly string folder = Path.Combine(directory, Unfinished);
    readonly List<string> notes = [];
    long documents, empty;

    /// <summary>Sentences for the user.</summary>
    public IReadOnlyList<string> Notes => notes;

    /// <summary>Reads, encodes, writes.</summary>
    /// <exception cref="InvalidDataException">A file is malformed, or there is too little text.</exception>
    /// <exception cref="IOException">A file cannot be read, or the disk is full.</exception>
    public DatasetMeta Write()
    {
        PrepareState? before = PrepareState.Load(folder, plan.Identity);
        if (before is null && Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
        Directory.CreateDirectory(folder);
        try
        {
            Task<SourceFile[]> hashing = Task.Run(() => plan.Files.Select(Hash).ToArray(), cancellation);
            if (before is not null) notes.Add($"went on after the {before.Train.Count} training {(before.Train.Count == 1 ? "shard" : "shards")} of a preparation that was stopped.");
            using var train = new ShardSequence(folder, plan, Split.Train, before?.Train ?? []);
            using var val = new ShardSequence(folder, plan, Split.Val, before?.Val ?? []);
            Encode(train, val, before);
            train.Finish();
            val.Finish();
            CheckEnough(train, val);
            SourceFile[] sources = hashing.GetAwaiter().GetResult();
            CheckUnchanged();
            if (empty > 0) notes.Add(string.Create(CultureInfo.InvariantCulture, $"{empty:N0} documents without text were left out."));
            return Publish(train.Shards, val.Shards, sources);
        }
        catch (OperationCanceledException) when (PrepareState.Load(folder, plan.Identity) is { } state)
        {
            throw new PreparationStoppedException(state.Train.Count);
        }
        catch (IOException e) when (IsDiskFull(e))
        {
            throw new IOException($"the disk of '{directory}' is full; make room, and run the command again: it goes on after the last training shard that is complete.", e);
        }
        finally
        {
            Clean();
        }
    }

    void Encode(ShardSequence train, ShardSequence val, PrepareState? before)
    {
        bool valFirst = plan.Split is ValSplit.FirstShard or ValSplit.FirstDocuments;
        if (before is not null && plan.Split is not ValSplit.Hashed) (documents, empty) = (before.Documents, before.Empty);        // what is hashed is read from its start
        (int, long) start = before is null ? (0, 0) : (before.File, before.Chunk);
        int taken = before?.TokensTaken ?? 0, valTaken = before?.ValTokensTaken ?? 0;
        foreach (EncodingJob job in new CorpusEncoder(plan, start).Encode(cancellation))
        {
            ReadOnlySpan<int> ids = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(job.Ids);
            long documentsBefore = documents, emptyBefore = empty;
            int trained = 0;       // training tokens of this piece so far
            bool completed = false;
            int trainedAtShard = 0, validated = 0;
            foreach (TokenRun run in job.Runs)
            {
                if (run.Begins) documents++;
                ReadOnlySpan<int> tokens = ids[..run.Count];
                ids = ids[run.Count..];
                int valAgain = Math.Min(tokens.Length, valTaken);       // in the validation shards already
                valTaken -= valAgain;
                tokens = tokens[valAgain..];
                int toVal = IsVal(run) ? tokens.Length : plan.Split is ValSplit.FirstShard ? (int)Math.Min(tokens.Length, plan.ShardTokens - val.Count) : 0;
                val.Write(tokens[..toVal]);
                validated += valAgain + toVal;
                tokens = tokens[toVal..];
                if (job.ValOnly || tokens.IsEmpty) continue;
                if (valFirst) val.Finish();
                int skipped = Math.Min(tokens.Length, taken);
                taken -= skipped;
                trained += tokens.Length;
                if (!train.Write(tokens[skipped..])) continue;
                completed = true;
                trainedAtShard = trained - (int)(train.Count - train.Shards.Sum(shard => shard.Tokens));
            }
            empty += job.Texts.Empty;
            if (completed)
                new PrepareState
                {
                    Identity = plan.Identity, Train = train.Shards, Val = valFirst ? val.Shards : [], File = job.Place.File, Chunk = job.Place.Chunk,
                    TokensTaken = trainedAtShard, ValTokensTaken = valFirst ? validated : 0, Documents = documentsBefore, Empty = emptyBefore,
                }.Save(folder);
            report(new PrepareProgress(PrepareStage.Encode, plan.Files.Take(job.Place.File).Sum(file => file.Bytes) + job.Raw.Position, plan.Bytes, train.Count + val.Count));
        }
    }

    bool IsVal(TokenRun run) => run.IsVal || (plan.Split is ValSplit.FirstDocuments first && documents <= first.Count);

    void CheckEnough(ShardSequence train, ShardSequence val)
    {
        if (train.Count + val.Count == 0) throw new InvalidDataException($"'{plan.Files[0].Path}' holds no text; give a file with text.");
        if (train.Count >= 2 && val.Count >= 2) return;
        string what = train.Count < 2 ? "training" : "validation";
        throw new InvalidDataException(string.Create(CultureInfo.InvariantCulture, $"of {documents:N0} documents with {train.Count + val.Count:N0} tokens none is left for {what}; ") +
            "choose the validation part with --val_docs=N or --val_fraction=0.1, or give more text.");
    }

    void CheckUnchanged()
    {
        foreach (DocumentFile file in plan.Files)
            if (new FileInfo(file.Path) is var now && (now.Length != file.Bytes || now.LastWriteTimeUtc != file.Changed))
                throw new IOException($"'{file.Path}' changed while it was read; prepare the data set again when it is complete.");
    }

    DatasetMeta Publish(IReadOnlyList<ShardFile> train, IReadOnlyList<ShardFile> val, SourceFile[] sources)
    {
        bool bare = plan.Format == ShardFormat.NanoGpt && train.Count == 1 && val.Count == 1; // then as nanoGPT names them
        ShardFile[] Named(IReadOnlyList<ShardFile> shards, string name) => bare ? [shards[0] with { Name = name }] : [.. shards];
        var (trainNamed, valNamed) = (Named(train, "train.bin"), Named(val, "val.bin"));
        DatasetMeta meta = DatasetMeta.Of(plan.Dataset, plan.Tokenizer, trainNamed, valNamed, sources) with { Documents = documents };
        cancellation.ThrowIfCancellationRequested();
        RemoveFormer();
        foreach (var (written, named) in train.Concat(val).Zip(trainNamed.Concat(valNamed)))
            File.Move(Path.Combine(folder, written.Name), Path.Combine(directory, named.Name), overwrite: true);
        plan.Tokenizer.SaveFiles(directory);
        using AtomicFile file = meta.Write(directory);
        file.Publish();
        Directory.Delete(folder, recursive: true);
        return meta;
    }

    /// <summary>Takes away a data set that was here before, its meta.json first: without it nobody takes the shards for a data set.</summary>
    void RemoveFormer()
    {
        string path = Path.Combine(directory, DatasetMeta.FileName);
        IReadOnlyList<ShardFile> former = [];
        if (File.Exists(path))
        {
            try
            {
                var meta = DatasetMeta.Load(path);
                former = [.. meta.TrainShards ?? [], .. meta.ValShards ?? []];
            }
            catch (InvalidDataException)
            {
                // Damaged: it names no shards that could be trusted to be its own.
            }
            File.Delete(path);
        }
        foreach (string name in former.Select(shard => Path.GetFileName(shard.Name)).Concat(["train.bin", "val.bin"])) File.Delete(Path.Combine(directory, name));
    }

    /// <summary>Leaves the folder only where a restart can go on from it.</summary>
    void Clean()
    {
        if (Directory.Exists(folder) && !File.Exists(Path.Combine(folder, PrepareState.FileName))) Directory.Delete(folder, recursive: true);
        if (Directory.Exists(directory) && !Directory.EnumerateFileSystemEntries(directory).Any()) Directory.Delete(directory);
    }

    /// <summary>ENOSPC and EDQUOT; ERROR_HANDLE_DISK_FULL and ERROR_DISK_FULL.</summary>
    static bool IsDiskFull(IOException e) => OperatingSystem.IsWindows() ? (e.HResult & 0xFFFF) is 39 or 112 : e.HResult is 28 or 122;

    static SourceFile Hash(DocumentFile file)
    {
        using FileStream stream = new(file.Path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0, FileOptions.SequentialScan);
        return new SourceFile(file.Path, file.Bytes, Convert.ToHexStringLower(SHA256.HashData(stream)));
    }
}
