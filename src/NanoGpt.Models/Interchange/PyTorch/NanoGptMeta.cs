using System.Collections.Specialized;

namespace NanoGpt.Models;

/// <summary>nanoGPT's <c>meta.pkl</c>: the characters of a data set, a dictionary of <c>vocab_size</c>, <c>itos</c> and <c>stoi</c>.</summary>
public static class NanoGptMeta
{
    /// <summary>The name of the file.</summary>
    public const string FileName = "meta.pkl";

    const int MaxBytes = 64 << 20;      // every character that Unicode has takes 20 MB

    /// <summary>Writes a file.</summary>
    public static void Write(Stream output, IEnumerable<string> characters)
    {
        var (stoi, itos) = (new OrderedDictionary(), new OrderedDictionary());
        foreach (var (id, character) in characters.Index())
        {
            stoi.Add(character, id);
            itos.Add(id, character);
        }
        output.Write(PickleWriter.Write(new OrderedDictionary { ["vocab_size"] = stoi.Count, ["itos"] = itos, ["stoi"] = stoi }));
    }

    /// <summary>The characters by their ids. Nothing in the file is executed: see <see cref="Pickle"/>.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="InvalidDataException">It is damaged, or holds something else.</exception>
    public static IReadOnlyList<string> Read(string path)
    {
        try
        {
            using var file = new FileBytes(path);
            if (file.Length > MaxBytes) throw new FormatException($"it has {file.Length} bytes, above the limit of {MaxBytes}");
            return Characters(Pickle.Load(file.ReadBytes(0, file.Length)));
        }
        catch (FormatException fault)
        {
            throw new InvalidDataException($"{path}: this is no meta.pkl of nanoGPT that can be read: {OneLine.Of(fault.Message)}.", fault);
        }
    }

    static string[] Characters(object? value)
    {
        if (value is not IReadOnlyDictionary<object, object?> meta || meta.GetValueOrDefault("itos") is not IReadOnlyDictionary<object, object?> itos || meta.GetValueOrDefault("stoi") is not IReadOnlyDictionary<object, object?> stoi)
            throw new FormatException("it has no stoi and itos, which say what the ids mean");
        if (stoi.Count != itos.Count || meta.GetValueOrDefault("vocab_size", (long)itos.Count) is not long size || size != itos.Count)
            throw new FormatException("its stoi, itos and vocab_size are of different sizes");
        var characters = new string[itos.Count];
        for (int id = 0; id < characters.Length; id++)
        {
            if (itos.GetValueOrDefault((long)id) is not string character) throw new FormatException($"its itos has no text for {id}");
            if (stoi.GetValueOrDefault(character) is not long back || back != id) throw new FormatException($"its itos says that {id} is '{character}', but its stoi does not");
            characters[id] = character;
        }
        return characters;
    }
}
