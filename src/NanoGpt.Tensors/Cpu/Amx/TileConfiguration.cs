using System.Runtime.InteropServices;

namespace NanoGpt.Tensors.Cpu.Amx;

/// <summary>Which of the eight tile registers is what in the kernel for so many vectors of columns: accumulators first, then B, A last.</summary>
internal readonly struct TileRoles(int vectors)
{
    const int Registers = 8;

    public int Vectors => vectors;

    /// <summary>Whether all of B's tiles take turns in one register.</summary>
    public bool SharesB => vectors == 3;

    public int C(int i, int j) => i * vectors + j;
    public int B(int j) => SharesB ? 2 * vectors : 2 * vectors + j;
    public int A(int i) => SharesB ? Registers - 1 : Registers - 2 + i;

    public bool IsA(int register) => register >= A(0);
    public bool IsC(int register) => register < 2 * vectors;
}

/// <summary>The operand of <c>ldtilecfg</c>: rows, and bytes in a row, of each register.</summary>
[StructLayout(LayoutKind.Explicit, Size = 64)]
internal unsafe struct TileConfiguration
{
    /// <summary>Rows of a tile, vectors of them, pairs in a vector: sixteen of each.</summary>
    public const int Side = 16;

    [FieldOffset(0)] byte palette;
    [FieldOffset(16)] fixed ushort rowBytes[8];
    [FieldOffset(48)] fixed byte rows[8];

    static readonly TileConfiguration* all = MakeAll();

    /// <summary>
    /// For tiles of C of 16 × <paramref name="columns"/> and a depth of <paramref name="steps"/>, both at most 16: A is 16 × steps, B steps × columns
    /// words. All there can be are made beforehand, and that of whole tiles, which are all alike, is one for all kernels.
    /// </summary>
    public static TileConfiguration* For(int vectors, int columns, int steps) => all + (columns == Side && steps == Side ? Side * Side : (vectors - 1) * Side * Side + columns * Side - Side + steps) - 1;

    static TileConfiguration* MakeAll()
    {
        const int kernels = 3;
        var memory = (TileConfiguration*)NativeMemory.AlignedAlloc((nuint)(kernels * Side * Side * sizeof(TileConfiguration)), (nuint)sizeof(TileConfiguration));
        for (int vectors = 1; vectors <= kernels; vectors++)
            for (int columns = 1; columns <= Side; columns++)
                for (int steps = 1; steps <= Side; steps++)
                    memory[(vectors - 1) * Side * Side + columns * Side - Side + steps - 1] = Make(new(vectors), columns, steps);
        return memory;
    }

    static TileConfiguration Make(TileRoles roles, int columns, int steps)
    {
        var made = new TileConfiguration { palette = 1 };
        for (int register = 0; register < 8; register++)
        {
            bool a = roles.IsA(register), c = roles.IsC(register);
            made.rows[register] = (byte)(a || c ? Side : steps);
            made.rowBytes[register] = (ushort)(4 * (a ? steps : columns));
        }
        return made;
    }
}
