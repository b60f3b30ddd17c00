using System.Diagnostics;

namespace NanoGpt.Models.Tests;

/// <summary>Random and mutated weight files: each is either read or refused in a sentence that names it, at once and in little memory.</summary>
public sealed class WeightFuzzTests : IDisposable
{
    const long MostBytes = 64 << 20;        // for one file of a few thousand bytes

    readonly TempFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("model.safetensors")]
    [InlineData("pytorch_model.bin")]
    [InlineData("gpt2.bin")]
    [InlineData("model.safetensors.index.json")]
    [InlineData("config.json")]
    public void Damaged_files_are_read_or_refused(string name)
    {
        var weights = new SmallWeights();
        var random = new Random(20240520);
        var files = new Dictionary<string, byte[]>
        {
            ["config.json"] = System.Text.Encoding.UTF8.GetBytes(SmallWeights.ConfigJson),
            ["model.safetensors"] = SafetensorsBytes.Of(weights.HuggingFace()),
            ["pytorch_model.bin"] = new TorchBytes().Dictionary(weights.HuggingFace()).Zip(zip64: true),
            ["gpt2.bin"] = LlmcBytes.Of(weights, 3, 16),
            ["model.safetensors.index.json"] = System.Text.Encoding.UTF8.GetBytes($$"""{"weight_map": { {{string.Join(", ", weights.HuggingFace().Select(t => $"\"{t.Name}\": \"model.safetensors\""))}} } }"""),
        };
        foreach (var (file, bytes) in files) folder.Write(file, bytes);
        string opened = folder[name == "config.json" ? "model.safetensors" : name];
        int interesting = name switch { "pytorch_model.bin" => PickleEnd(files[name]), "gpt2.bin" => 40, "model.safetensors" => 8 + BitConverter.ToInt32(files[name]), _ => files[name].Length };
        int read = 0, refused = 0;
        var clock = Stopwatch.StartNew();
        for (int round = 0; round < 1500; round++)
        {
            folder.Write(name, Mutate(files[name], interesting, random));
            long before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                using var found = PretrainedWeights.Open(opened);
                Assert.True(found.Config.ParameterCount() < 1 << 20);
                SmallWeights.Read(found);
                read++;
            }
            catch (Exception fault) when (fault is InvalidDataException or IOException)
            {
                Assert.Contains(folder.Root, fault.Message, StringComparison.Ordinal);
                Assert.DoesNotContain(fault.Message, char.IsControl);
                Assert.InRange(fault.Message.Length, 20, 1500);
                refused++;
            }
            Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < MostBytes, $"round {round} allocated {GC.GetAllocatedBytesForCurrentThread() - before} bytes");
        }
        Assert.True(read > 0 && refused > 200, $"{read} read, {refused} refused");
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(60), $"took {clock.Elapsed}");
    }

    /// <summary>The pickle is the first entry of the zip.</summary>
    static int PickleEnd(byte[] file) => file.AsSpan().IndexOf("archive/byteorder"u8);

    static byte[] Mutate(byte[] seed, int interesting, Random random)
    {
        byte[] bytes = [.. seed];
        int where = random.Next(3) > 0 ? interesting : bytes.Length;
        switch (random.Next(9))
        {
            case 0: return bytes[..random.Next(bytes.Length)];
            case 1: return [.. bytes, .. new byte[random.Next(1, 9)]];
            case 2:
                for (int i = random.Next(1, 8); i > 0; i--) bytes[random.Next(where)] = (byte)random.Next(256);
                return bytes;
            case 3:
                for (int i = random.Next(1, 4); i > 0; i--) bytes[random.Next(where)] ^= (byte)(1 << random.Next(8));
                return bytes;
            case 4: // a number far too large
                BitConverter.TryWriteBytes(bytes.AsSpan(random.Next(where - 4)), random.Next(4) switch { 0 => -1, 1 => int.MaxValue, 2 => 1 << 24, _ => random.Next() });
                return bytes;
            case 5: // the end, where a zip has its directory
                for (int i = random.Next(1, 4); i > 0; i--) bytes[bytes.Length - 1 - random.Next(Math.Min(bytes.Length, 300))] = (byte)random.Next(256);
                return bytes;
            case 6: // a part again elsewhere
                int length = random.Next(1, 40), from = random.Next(where - length), to = random.Next(where - length);
                Array.Copy(seed, from, bytes, to, length);
                return bytes;
            case 7: // a part left out
                int start = random.Next(where - 8), count = random.Next(1, 8);
                return [.. bytes[..start], .. bytes[(start + count)..]];
            default: // a digit, a bracket
                bytes[random.Next(where)] = (byte)"0123456789,[]{}\"-eE:"[random.Next(20)];
                return bytes;
        }
    }

    [Fact]
    public void Noise_is_refused()
    {
        var random = new Random(7);
        folder.Write("config.json", SmallWeights.ConfigJson);
        byte[][] starts = [[], "PK\x03\x04"u8.ToArray(), BitConverter.GetBytes(20240326), [0x80, 2], [16, 0, 0, 0, 0, 0, 0, 0, (byte)'{']];
        for (int round = 0; round < 2000; round++)
        {
            byte[] noise = new byte[random.Next(0, 3000)];
            random.NextBytes(noise);
            string path = folder.Write("x.bin", [.. starts[round % starts.Length], .. noise]);
            Assert.Contains(path, Assert.Throws<InvalidDataException>(() => PretrainedWeights.Open(path).Dispose()).Message, StringComparison.Ordinal);
        }
    }

    /// <summary>A pickle that takes the same long tuple as a shape again and again must not cost the square of its length.</summary>
    [Fact]
    public void A_pickle_that_repeats_a_large_value_is_refused_at_once()
    {
        var file = new TorchBytes().Op((byte)'(');
        for (int i = 0; i < 300_000; i++) file.Op((byte)'K', 1);
        file.Op((byte)'t', (byte)'q', 0, (byte)'0');
        for (int i = 0; i < 5000; i++)
        {
            file.Global("torch._utils", "_rebuild_tensor_v2").Op((byte)'(', (byte)'(').Text("storage").Global("torch", "FloatStorage").Text("0").Text("cpu").Number(1).Op((byte)'t', (byte)'Q').Number(0)
                .Op((byte)'h', 0, (byte)'h', 0, (byte)'t', (byte)'R', (byte)'0');
        }
        string path = folder.Write("x.bin", file.Zip());
        var clock = Stopwatch.StartNew();
        Assert.Contains("with what it does not take", Assert.Throws<InvalidDataException>(() => PretrainedWeights.Open(path).Dispose()).Message);
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(5), $"took {clock.Elapsed}");
    }
}
