using System.Buffers.Binary;
using System.Text;
using NanoGpt.Models;

namespace NanoGpt.Training.Tests;

/// <summary>Safetensors files, good ones and hand-made ones.</summary>
static class SafetensorsBytes
{
    public static SafetensorsFile Open(TemporaryFolder folder, byte[] bytes)
    {
        File.WriteAllBytes(folder.File("x.safetensors"), bytes);
        return SafetensorsFile.Open(folder.File("x.safetensors"));
    }

    public static byte[] WithHeader(string json, params byte[] data)
    {
        byte[] header = Encoding.UTF8.GetBytes(json), length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        return [.. length, .. header, .. data];
    }

    public static byte[] Sample()
    {
        using var stream = new MemoryStream();
        var writer = new SafetensorsWriter(stream, new Dictionary<string, string> { ["format"] = "pt", ["by"] = "é" });
        writer.Declare("a.weight", 2, 3);
        writer.Declare("empty", 0, 5);
        writer.Declare("scalar");
        writer.Declare("b \"quoted\" 名", 7);
        writer.Write("a.weight", [1, 2, 3]);
        writer.Write("a.weight", [4, 5]);
        writer.Write("a.weight", [float.NaN]);
        writer.Write("scalar", [-0f]);
        writer.Write("b \"quoted\" 名", [1, 2, 3, 4, 5, 6, float.Epsilon]);
        writer.Complete();
        return stream.ToArray();
    }
}
