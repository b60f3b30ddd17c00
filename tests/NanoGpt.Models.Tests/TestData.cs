using System.Text.Json;

// Allocation and memory are measured for the whole process: one test at a time.
[assembly: CollectionBehavior(DisableTestParallelization = true)]

namespace NanoGpt.Models.Tests;

/// <summary>Reference files that PyTorch made, in a folder beside the repository; tests that need them are skipped where it is absent.</summary>
static class TestData
{
    /// <summary>The path of a file in the folder.</summary>
    public static string PathOf(string name)
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (directory != null && !File.Exists(Path.Combine(directory.FullName, "NanoGpt.slnx"))) directory = directory.Parent;
        string root = Path.Combine(directory?.Parent?.FullName ?? "", "shared", "data");
        Assert.SkipUnless(directory != null && Directory.Exists(root), $"There is no test data at {root}.");
        return Path.Combine(root, name);
    }

    /// <summary>A JSON file.</summary>
    public static JsonElement Json(string name) => JsonDocument.Parse(File.ReadAllBytes(PathOf(name))).RootElement;

    /// <summary>Tiny Shakespeare as nanoGPT numbers its characters: by their place among the sorted 65; the first 1,003,854 train.</summary>
    public static (int[] Train, int[] Validation) Shakespeare()
    {
        string text = File.ReadAllText(PathOf("tinyshakespeare.txt"));
        var place = text.Distinct().Order().Select((c, i) => (c, i)).ToDictionary(p => p.c, p => p.i);
        Assert.Equal(65, place.Count);
        int[] ids = [.. text.Select(c => place[c])];
        return (ids[..1_003_854], ids[1_003_854..]);
    }

    /// <summary>The fp32 tensors of a .safetensors file: eight bytes of header length, a JSON header, the values.</summary>
    public static Dictionary<string, float[]> Safetensors(string name)
    {
        byte[] file = File.ReadAllBytes(PathOf(name));
        int header = (int)BitConverter.ToInt64(file), start = 8 + header;
        var tensors = new Dictionary<string, float[]>();
        foreach (var entry in JsonDocument.Parse(file.AsMemory(8, header)).RootElement.EnumerateObject())
        {
            if (entry.Name == "__metadata__") continue;
            Assert.Equal("F32", entry.Value.GetProperty("dtype").GetString());
            var offsets = entry.Value.GetProperty("data_offsets");
            int from = offsets[0].GetInt32(), to = offsets[1].GetInt32();
            var values = new float[(to - from) / sizeof(float)];
            Buffer.BlockCopy(file, start + from, values, 0, to - from);
            tensors.Add(entry.Name, values);
        }
        return tensors;
    }

    /// <summary>The fp32 values of a .npy file of version 1: magic, version, two bytes of header length, the header, the values.</summary>
    public static float[] Npy(string name)
    {
        byte[] file = File.ReadAllBytes(PathOf(name));
        int start = 10 + BitConverter.ToUInt16(file, 8);
        Assert.Contains("'<f4'", System.Text.Encoding.ASCII.GetString(file, 10, start - 10), StringComparison.Ordinal);
        var values = new float[(file.Length - start) / sizeof(float)];
        Buffer.BlockCopy(file, start, values, 0, values.Length * sizeof(float));
        return values;
    }
}
