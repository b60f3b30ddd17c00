using NanoGpt.Distributed;
using NanoGpt.Tensors.Cpu;

namespace NanoGpt.Training;

/// <summary>How wide the vectors are that the ranks compute with.</summary>
public static class RankVectors
{
    const int Unit = 64;        // bits: a width travels as one byte

    /// <summary>The widest that every rank has. Sums depend on the width; so all form the same norm of the gradients, and their weights stay the same.</summary>
    public static SimdWidth Of(Communicator ranks) =>
        (SimdWidth)(ranks.AllGather([(byte)((int)SimdWidths.Widest / Unit)], "the vectors of each rank").Min() * Unit);
}
