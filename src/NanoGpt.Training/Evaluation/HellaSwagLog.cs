using System.Globalization;
using System.Text;
using System.Text.Json;

namespace NanoGpt.Training;

/// <summary>
/// Results of HellaSwag as JSON lines, an item each, behind a first line that says what they are results of. A log that was broken off
/// is gone on with: what it has is read, a torn last line is cut off.
/// </summary>
public sealed class HellaSwagLog : IDisposable
{
    readonly FileStream file;
    readonly List<HellaSwagResult> results = [];

    /// <summary>Opens a log, or begins one.</summary>
    /// <param name="path">The file.</param>
    /// <param name="identity">Of what model and data the results are.</param>
    /// <exception cref="InvalidDataException">The file is no such log, or one of another model or data.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public HellaSwagLog(string path, string identity)
    {
        if (Directory.Exists(path)) throw new IOException($"'{path}' is a directory; give a file with --output.");
        file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read);
        try
        {
            ReadBack(path, identity);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>What the log has.</summary>
    public IReadOnlyList<HellaSwagResult> Results => results;

    /// <summary>Appends a result.</summary>
    public void Append(HellaSwagResult result)
    {
        static string Numbers(double[] values) => string.Join(',', values.Select(v => v.ToString("R", CultureInfo.InvariantCulture)));
        results.Add(result);
        Write($$"""{"row":{{result.Row}},"label":{{result.Label}},"losses":[{{Numbers(result.Sums)}}],"mean_losses":[{{Numbers(result.Means)}}],"right":{{Json(result.Right)}},"right_norm":{{Json(result.RightPerToken)}}}""");
    }

    static string Json(bool value) => value ? "true" : "false";

    void Write(string line)
    {
        file.Write(Encoding.UTF8.GetBytes(line + "\n"));
        file.Flush();
    }

    void ReadBack(string path, string identity)
    {
        var content = new byte[file.Length];
        file.ReadExactly(content);
        int whole = Array.LastIndexOf(content, (byte)'\n') + 1;
        string[] lines = Encoding.UTF8.GetString(content, 0, whole).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        if (lines.Length == 0 && content.Length > 0) throw new InvalidDataException($"'{path}' holds something else than results of HellaSwag; give another file with --output.");
        if (lines.Length == 0)
        {
            Write($$"""{"hellaswag":"{{JsonEncodedText.Encode(identity)}}"}""");
            return;
        }
        try
        {
            string found = JsonDocument.Parse(lines[0]).RootElement.GetProperty("hellaswag").GetString()!;
            if (found != identity) throw new InvalidDataException($"'{path}' has results of '{found}', not of '{identity}'; give another file with --output.");
            foreach (string line in lines.Skip(1))
            {
                var json = JsonDocument.Parse(line).RootElement;
                double[] Numbers(string name) => [.. json.GetProperty(name).EnumerateArray().Select(v => v.GetDouble())];
                results.Add(new(json.GetProperty("row").GetInt32(), json.GetProperty("label").GetInt32(), Numbers("losses"), Numbers("mean_losses")));
            }
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new InvalidDataException($"'{path}' holds something else than results of HellaSwag; give another file with --output.", e);
        }
        file.SetLength(whole);
        file.Position = whole;
    }

    /// <inheritdoc/>
    public void Dispose() => file.Dispose();
}
