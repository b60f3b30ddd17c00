using System.Numerics;
using System.Runtime.InteropServices;
using NanoGpt.Distributed;
using NanoGpt.Tensors;

namespace NanoGpt.Training;

/// <summary>
/// All ranks have the same weights, to the bit: they start alike and add the same sums. Where memory, a processor or a wire fails, they go
/// apart and nobody sees it in the losses; so before an evaluation or a checkpoint they compare a checksum.
/// </summary>
public sealed class WeightAgreement(Communicator ranks, ParameterStore weights)
{
    readonly float[] piece = new float[1 << 16];
    int compared = -1;

    /// <summary>Compares, unless that was done at this iteration already.</summary>
    /// <exception cref="InvalidDataException">They differ; every rank gets the same sentence, which says on which.</exception>
    public void Check(int iteration)
    {
        if (ranks.Size == 1 || compared == iteration) return;
        byte[] all = ranks.AllGather(BitConverter.GetBytes(Sum()), "the checksums of the weights");
        if (Difference(MemoryMarshal.Cast<byte, uint>(all).ToArray(), ranks.Hosts) is { } difference) throw new InvalidDataException(difference);
        compared = iteration;
    }

    /// <summary>On which ranks the weights are not those of most, as a sentence; null where all have the same.</summary>
    /// <param name="sums">The checksum of each rank.</param>
    /// <param name="hosts">The host of each rank.</param>
    public static string? Difference(IReadOnlyList<uint> sums, IReadOnlyList<string> hosts)
    {
        var groups = Enumerable.Range(0, sums.Count).GroupBy(rank => sums[rank]).OrderByDescending(group => group.Count()).ToList();
        if (groups.Count == 1) return null;
        bool majority = groups[0].Count() > groups[1].Count();
        string Named(IEnumerable<int> odd) => string.Join(", ", odd.Order().Select(rank => $"rank {rank} on {hosts[rank]}"));
        string which = majority ? $"The weights on {Named(groups.Skip(1).SelectMany(group => group))} are no longer those of the others"
            : $"The weights on {Named(groups.Select(group => group.First()))} are no longer the same";
        return $"{which}: its memory, its processor or the network has failed; nothing of it is saved, the last checkpoint is good: resume it, without that host if it happens again.";
    }

    /// <summary>CRC-32C, for which processors have an instruction.</summary>
    uint Sum()
    {
        uint sum = 0;
        var values = weights.Values;
        for (long start = 0; start < values.Length; start += piece.Length)
        {
            var part = piece.AsSpan(0, (int)Math.Min(piece.Length, values.Length - start));
            weights.Device.Read(values.Slice(start, part.Length), part);
            var words = MemoryMarshal.Cast<float, ulong>(part);
            foreach (ulong word in words) sum = BitOperations.Crc32C(sum, word);
            if (part.Length % 2 == 1) sum = BitOperations.Crc32C(sum, BitConverter.SingleToUInt32Bits(part[^1]));
        }
        return sum;
    }
}
