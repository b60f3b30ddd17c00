namespace NanoGpt.Models.Tests;

/// <summary>Writes safetensors as Hugging Face has them.</summary>
static class SafetensorsBytes
{
    public static byte[] Of(IEnumerable<(string Name, long[] Shape, float[] Values)> tensors)
    {
        using var file = new MemoryStream();
        var writer = new SafetensorsWriter(file);
        var list = tensors.ToList();
        foreach (var (name, shape, _) in list) writer.Declare(name, shape);
        foreach (var (name, _, values) in list) writer.Write(name, values);
        writer.Complete();
        return file.ToArray();
    }
}
