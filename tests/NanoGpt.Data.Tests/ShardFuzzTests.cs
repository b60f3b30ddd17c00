using System.Diagnostics;

namespace NanoGpt.Data.Tests;

/// <summary>Random and mutated files: each is either read or refused in a sentence that names it, at once and in little memory.</summary>
public sealed class ShardFuzzTests : IDisposable
{
    readonly TempFolder folder = new();

    public void Dispose() => folder.Dispose();

    byte[] Seed(ShardFormat format, TokenType type)
    {
        using var writer = new TokenShardWriter(folder["seed"], format, type);
        writer.Write([.. Enumerable.Range(0, 300)]);
        writer.Publish();
        return File.ReadAllBytes(folder["seed"]);
    }

    [Fact]
    public void Damaged_files_are_read_or_refused()
    {
        var random = new Random(20240520);
        byte[][] seeds = [Seed(ShardFormat.NanoGpt, TokenType.UInt16), Seed(ShardFormat.LlmC, TokenType.UInt16), Seed(ShardFormat.Npy, TokenType.UInt16), Seed(ShardFormat.Npy, TokenType.Int64), []];
        var clock = Stopwatch.StartNew();
        int read = 0, refused = 0;
        for (int round = 0; round < 4000; round++)
        {
            byte[] bytes = Mutate(seeds[random.Next(seeds.Length)], random);
            string path = folder.Write(random.Next(2) == 0 ? "f.bin" : "f.npy", bytes);
            long before = GC.GetAllocatedBytesForCurrentThread();       // tests of other classes run beside this one
            try
            {
                using var shard = TokenShard.Open(path);
                Assert.InRange(shard.Count, 1, bytes.Length / 2);
                shard.IndexOf(50256, 0);
                shard.Validate(int.MaxValue);
                read++;
            }
            catch (InvalidDataException e)
            {
                Assert.Contains(path, e.Message, StringComparison.Ordinal);
                Assert.DoesNotContain('\n', e.Message);
                refused++;
            }
            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(allocated < 500_000, $"round {round}: {allocated:N0} bytes for a file of {bytes.Length:N0}");
        }
        Assert.True(read > 500 && refused > 500, $"{read} read, {refused} refused");
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(60), $"took {clock.Elapsed}");
    }

    static byte[] Mutate(byte[] seed, Random random)
    {
        if (seed.Length == 0)
        {
            var noise = new byte[random.Next(0, 3000)];
            random.NextBytes(noise);
            return noise;
        }
        byte[] bytes = [.. seed];
        int header = Math.Min(bytes.Length, 140);
        switch (random.Next(6))
        {
            case 0: return bytes[..random.Next(bytes.Length)];
            case 1: return [.. bytes, .. new byte[random.Next(1, 9)]];
            case 2:
                for (int i = random.Next(1, 8); i > 0; i--) bytes[random.Next(header)] = (byte)random.Next(256);
                return bytes;
            case 3:
                for (int i = random.Next(1, 8); i > 0; i--) bytes[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));
                return bytes;
            case 4: // a number far too large, where lengths and counts are
                BitConverter.TryWriteBytes(bytes.AsSpan(random.Next(16)), random.Next(3) switch { 0 => -1, 1 => int.MaxValue, _ => random.Next() });
                return bytes;
            default: // a digit of the shape, a letter of the type
                int at = Array.IndexOf(bytes, (byte)'(');
                bytes[at < 0 ? random.Next(header) : at + 1 + random.Next(8)] = (byte)"0123456789,()<>ui"[random.Next(17)];
                return bytes;
        }
    }
}
