using System.Diagnostics;

namespace NanoGpt.Models.Tests;

/// <summary>Random, cut and mutated GGUF files: each is read or refused in a sentence that names it, at once and in little memory.</summary>
public class GgufFuzzTests
{
    static byte[] Seed(RandomWeights model, GgufPrecision precision)
    {
        var tokenizer = new GgufMetadata();
        tokenizer.Add("tokenizer.ggml.model", "gpt2");
        tokenizer.Add("tokenizer.ggml.merges", (string[])["t o", "to k"]);
        tokenizer.Add("tokenizer.ggml.tokens", (string[])[.. Enumerable.Range(0, 20).Select(i => $"token {i}")]);
        tokenizer.Add("tokenizer.ggml.token_type", (int[])[.. Enumerable.Range(0, 20)]);
        tokenizer.Add("yes", true);
        var stream = new MemoryStream();
        GgufModel.Write(stream, new PortableWeights(model.Weights, 20), precision, "seed", tokenizer);
        return stream.ToArray();
    }

    [Fact]
    public void Damaged_files_are_read_or_refused()
    {
        using var model = new RandomWeights(new GptConfig(8, 20, 1, 2, 32));
        byte[][] seeds = [Seed(model, GgufPrecision.F32), Seed(model, GgufPrecision.F16), Seed(model, GgufPrecision.Q8), []];
        int head = seeds[0].AsSpan().IndexOf("output.weight"u8);       // about where the header ends
        var random = new Random(20250301);
        var clock = Stopwatch.StartNew();
        int read = 0, refused = 0;
        for (int round = 0; round < 3000; round++)
        {
            byte[] bytes = Mutate(seeds[random.Next(seeds.Length)], head, random);
            string path = model["f.gguf"];
            File.WriteAllBytes(path, bytes);
            long before = GC.GetTotalAllocatedBytes();
            try
            {
                using var weights = PretrainedWeights.Open(path);
                Assert.Equal(weights.Config.VocabSize * weights.Config.NEmbd, SmallWeights.Read(weights)["transformer.wte.weight"].Length);
                Assert.InRange(weights.ReadVocabulary()?.Tokens.Count ?? 0, 0, weights.Config.VocabSize);
                read++;
            }
            catch (InvalidDataException fault)
            {
                Assert.Contains(path, fault.Message, StringComparison.Ordinal);
                Assert.DoesNotContain('\n', fault.Message);
                refused++;
            }
            Assert.InRange(GC.GetTotalAllocatedBytes() - before, 0, 8_000_000);       // of them 4 MiB to copy weights through
        }
        Assert.True(read > 300 && refused > 1000, $"{read} read, {refused} refused");
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(120), $"took {clock.Elapsed}");
    }

    [Theory]
    [InlineData(8, ulong.MaxValue, "entries at byte 8")]            // tensors
    [InlineData(8, 3_000_000_000ul, "entries at byte 8")]
    [InlineData(16, ulong.MaxValue, "entries at byte 16")]          // entries
    [InlineData(24, ulong.MaxValue, "entries at byte 24")]          // the length of the first key
    [InlineData(4, 1ul, "its version is 1")]
    public void A_header_that_lies_is_refused(int at, ulong value, string expected)
    {
        using var model = new RandomWeights(new GptConfig(8, 20, 1, 2, 32));
        byte[] bytes = Seed(model, GgufPrecision.F32);
        BitConverter.TryWriteBytes(bytes.AsSpan(at), value);
        File.WriteAllBytes(model["lie.gguf"], bytes);
        var fault = Assert.Throws<InvalidDataException>(() => PretrainedWeights.Open(model["lie.gguf"]));
        Assert.StartsWith($"{model["lie.gguf"]}: not a valid GGUF file of a GPT-2: ", fault.Message, StringComparison.Ordinal);
        Assert.Contains(expected, fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Another_architecture_and_another_quantisation_are_named()
    {
        using var model = new RandomWeights(new GptConfig(8, 20, 1, 2, 32));
        byte[] bytes = Seed(model, GgufPrecision.Q8), other = [.. bytes], quantised = [.. bytes];
        "rwkv"u8.CopyTo(other.AsSpan(bytes.AsSpan().IndexOf("gpt2"u8)));
        quantised[bytes.AsSpan().IndexOf("token_embd.weight"u8) + 17 + 4 + 16] = 12;       // Q4_K
        Assert.Contains("its general.architecture is 'rwkv'; only gpt2 can be loaded", Refused(other), StringComparison.Ordinal);
        Assert.Contains("'token_embd.weight' is of type 12; this program reads F32, F16, BF16 and Q8_0", Refused(quantised), StringComparison.Ordinal);

        string Refused(byte[] file)
        {
            File.WriteAllBytes(model["f.gguf"], file);
            return Assert.Throws<InvalidDataException>(() => PretrainedWeights.Open(model["f.gguf"])).Message;
        }
    }

    static byte[] Mutate(byte[] seed, int head, Random random)
    {
        if (seed.Length == 0)
        {
            var noise = new byte[random.Next(0, 3000)];
            random.NextBytes(noise);
            if (noise.Length > 8 && random.Next(2) == 0) "GGUF\u0003\0\0\0"u8.CopyTo(noise);
            return noise;
        }
        byte[] bytes = [.. seed];
        switch (random.Next(6))
        {
            case 0: return bytes[..random.Next(bytes.Length)];
            case 1: return [.. bytes, .. new byte[random.Next(1, 100)]];
            case 2: // bytes of the header
                for (int i = random.Next(1, 8); i > 0; i--) bytes[random.Next(head)] = (byte)random.Next(256);
                return bytes;
            case 3: // bits anywhere
                for (int i = random.Next(1, 8); i > 0; i--) bytes[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));
                return bytes;
            case 4: // a number far too large, where lengths, counts, sizes and places are
                BitConverter.TryWriteBytes(bytes.AsSpan(random.Next(head)), random.Next(4) switch { 0 => -1L, 1 => long.MaxValue, 2 => int.MaxValue, _ => random.NextInt64(1L << random.Next(1, 63)) });
                return bytes;
            default: // a stretch of the header taken out
                int at = random.Next(head), length = Math.Min(random.Next(1, 64), bytes.Length - at);
                return [.. bytes[..at], .. bytes[(at + length)..]];
        }
    }
}
