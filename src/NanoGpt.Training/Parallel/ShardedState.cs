using System.Buffers.Binary;
using System.Runtime.InteropServices;
using NanoGpt.Distributed;
using NanoGpt.Models;
using NanoGpt.Tensors;

namespace NanoGpt.Training;

/// <summary>
/// The state of an optimizer whose parts are on different ranks, on its way into one checkpoint: rank 0 names a piece, all give what
/// they own of it, the sum is the piece. So nobody ever needs room for more than a piece.
/// </summary>
public sealed class ShardedState(Communicator ranks, AdamW optimizer)
{
    const int End = -1;

    readonly float[] piece = GC.AllocateArray<float>(WeightFiles.Piece, pinned: true);

    /// <summary>On rank 0: the state as a whole. The others <see cref="Serve"/> meanwhile.</summary>
    public IEnumerable<(string Name, Shape Shape, PieceReader Read)> Gathered() =>
        optimizer.State().Select((tensor, index) => (tensor.Name, tensor.Shape, (PieceReader)((start, part) =>
        {
            Call(index, start, part.Length);
            Sum(tensor.Read, start, part.Length);
            piece.AsSpan(0, part.Length).CopyTo(part);
        })));

    /// <summary>On rank 0: lets the others go.</summary>
    public void Release() => Call(End, 0, 0);

    /// <summary>On the others: gives what rank 0 asks for, until it lets go.</summary>
    public void Serve()
    {
        var tensors = optimizer.State().ToList();
        Span<byte> call = stackalloc byte[16];
        while (true)
        {
            ranks.Broadcast(call, "the checkpoint of rank 0");
            int index = BinaryPrimitives.ReadInt32LittleEndian(call);
            if (index == End) return;
            Sum(tensors[index].Read, BinaryPrimitives.ReadInt64LittleEndian(call[8..]), BinaryPrimitives.ReadInt32LittleEndian(call[4..]));
        }
    }

    void Call(int index, long start, int length)
    {
        Span<byte> call = stackalloc byte[16];
        BinaryPrimitives.WriteInt32LittleEndian(call, index);
        BinaryPrimitives.WriteInt32LittleEndian(call[4..], length);
        BinaryPrimitives.WriteInt64LittleEndian(call[8..], start);
        ranks.Broadcast(call, "the checkpoint of rank 0");
    }

    void Sum(PieceReader read, long start, int length)
    {
        read(start, piece.AsSpan(0, length));
        ranks.StartAllReduceSum(Marshal.UnsafeAddrOfPinnedArrayElement(piece, 0), length, WireFormat.Float32, "the optimizer's state").Wait();
    }
}
