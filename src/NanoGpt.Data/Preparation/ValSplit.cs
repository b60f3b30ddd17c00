using System.Buffers.Binary;

namespace NanoGpt.Data;

/// <summary>Which documents are for validation. Every way is a function of the corpus alone: the same at any number of threads, and after a restart.</summary>
internal abstract record ValSplit
{
    /// <summary>The first shard, as build-nanogpt and llm.c have it.</summary>
    public sealed record FirstShard : ValSplit;

    /// <summary>The first documents.</summary>
    public sealed record FirstDocuments(long Count) : ValSplit;

    /// <summary>The last part of a text, as nanoGPT's Shakespeare has it.</summary>
    public sealed record LastPart(double Fraction) : ValSplit;

    /// <summary>
    /// A part of the documents, each chosen by a hash of its own bytes and the seed: so a document that occurs twice is never
    /// on both sides, and files that are added move no other document.
    /// </summary>
    public sealed record Hashed(double Fraction, long Seed) : ValSplit
    {
        public bool Takes(ReadOnlySpan<byte> document) => (Hash(document, (ulong)Seed) >> 11) * (1.0 / (1UL << 53)) < Fraction;

        static ulong Hash(ReadOnlySpan<byte> bytes, ulong seed)
        {
            ulong hash = Mix(seed + (ulong)bytes.Length);
            for (; bytes.Length >= sizeof(ulong); bytes = bytes[sizeof(ulong)..])
                hash = Mix(hash ^ BinaryPrimitives.ReadUInt64LittleEndian(bytes));
            Span<byte> last = stackalloc byte[sizeof(ulong)];
            last.Clear();
            bytes.CopyTo(last);
            return Mix(hash ^ BinaryPrimitives.ReadUInt64LittleEndian(last));
        }

        /// <summary>The finalizer of SplitMix64.</summary>
        static ulong Mix(ulong x)
        {
            x += 0x9E3779B97F4A7C15;
            x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
            x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
            return x ^ (x >> 31);
        }
    }
}
