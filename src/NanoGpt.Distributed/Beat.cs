using System.Buffers.Binary;
using System.Text;

namespace NanoGpt.Distributed;

/// <summary>What a rank says of itself twice a second.</summary>
/// <param name="Rank">Who speaks.</param>
/// <param name="Step">The step it is at; -1 before the first.</param>
/// <param name="Moves">A count that grows while it gets on: how often it has said what it does next, and what it has computed.</param>
/// <param name="Patience">How many times longer than usual its present activity may take.</param>
/// <param name="StopAsked">Whether it was asked to stop.</param>
/// <param name="Leaving">Whether this is its last word: it ends the job, and has said why.</param>
/// <param name="Activity">What it does.</param>
/// <param name="WaitsIn">The collective in which it waits for others; empty where it does not wait.</param>
internal readonly record struct Beat(int Rank, long Step, long Moves, int Patience, bool StopAsked, bool Leaving, string Activity, string WaitsIn)
{
    const int Texts = 28, TextBytes = 60;

    /// <summary>Bytes of a beat on the wire.</summary>
    public const int Bytes = Texts + 2 * TextBytes;

    /// <summary>Writes <see cref="Bytes"/> bytes.</summary>
    public void Write(Span<byte> bytes)
    {
        bytes[..Bytes].Clear();
        BinaryPrimitives.WriteInt32LittleEndian(bytes, Rank);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[4..], Step);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[12..], Moves);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[20..], Patience);
        bytes[24] = (byte)(StopAsked ? 1 : 0);
        bytes[25] = (byte)(Leaving ? 1 : 0);
        WriteText(Activity, bytes[Texts..]);
        WriteText(WaitsIn, bytes[(Texts + TextBytes)..]);
    }

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    public static Beat Read(ReadOnlySpan<byte> bytes) => new(
        BinaryPrimitives.ReadInt32LittleEndian(bytes), BinaryPrimitives.ReadInt64LittleEndian(bytes[4..]),
        BinaryPrimitives.ReadInt64LittleEndian(bytes[12..]), BinaryPrimitives.ReadInt32LittleEndian(bytes[20..]), bytes[24] != 0, bytes[25] != 0,
        ReadText(bytes[Texts..]), ReadText(bytes[(Texts + TextBytes)..]));

    static void WriteText(string text, Span<byte> bytes) =>
        Encoding.UTF8.GetEncoder().Convert(text, bytes[..TextBytes], flush: true, out _, out _, out _);

    static string ReadText(ReadOnlySpan<byte> bytes)
    {
        int end = bytes[..TextBytes].IndexOf((byte)0);
        return Encoding.UTF8.GetString(bytes[..(end < 0 ? TextBytes : end)]);
    }
}
