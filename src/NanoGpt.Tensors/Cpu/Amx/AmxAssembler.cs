using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace NanoGpt.Tensors.Cpu.Amx;

/// <summary>
/// Writes the micro-kernel for AMX, of which .NET has no intrinsics: registers are tiles of 16 rows by 64 bytes, and <c>tdpbf16ps</c> adds
/// to 16 × 16 sums in fp32 the products of 16 × 16 pairs of bf16 with 16 × 16 others.
/// <code>
/// for each 16 steps:   for i &lt; 2:  a = load A_i   for j &lt; vectors:  b_j = load B_j,  c_ij += a · b_j       (second row from right to left)
/// </code>
/// Six accumulators leave one register for A and one for B: seven loads for six products, since the last b of the first row of tiles is the
/// first of the second. With four or two accumulators nothing is loaded twice.
/// The one argument points to an <see cref="AmxCall"/>; tiles are configured already. Registers are those that a callee may spoil on either system.
/// </summary>
internal static class AmxAssembler
{
    /// <summary>Tiles below one another.</summary>
    const int Rows = 2;

    /// <summary>Products in a round of <see cref="Peak"/>.</summary>
    public const int PeakProducts = 6;

    static readonly AssemblerRegisterTMM[] Tmm = [tmm0, tmm1, tmm2, tmm3, tmm4, tmm5, tmm6, tmm7];

    /// <summary>The machine code for 32 rows by so many vectors of 16 columns.</summary>
    public static byte[] Tile(int vectors)
    {
        var roles = new TileRoles(vectors);
        var c = new Assembler(64);
        var call = MachineCode.Argument;
        LoadStart(c, call, roles);

        // rax, r10: the rows of A's two tiles, rdx: from row to row; r8: B, r11: from step to step; r9: how often 16 steps, or the tail, are left.
        c.mov(rax, __qword_ptr[call + AmxCall.OffsetA]);
        c.mov(rdx, __qword_ptr[call + AmxCall.OffsetRowStride]);
        SixteenOn(c, r10, rax, rdx);
        c.mov(r8, __qword_ptr[call + AmxCall.OffsetB]);
        c.mov(r11, __qword_ptr[call + AmxCall.OffsetStepStride]);
        c.mov(r9, __qword_ptr[call + AmxCall.OffsetRounds]);
        var loop = c.CreateLabel();
        c.Label(ref loop);
        for (int i = 0; i < Rows; i++)
        {
            var a = Tmm[roles.A(i)];
            c.tileloadd(a, i == 0 ? __[rax + rdx] : __[r10 + rdx]);
            for (int n = 0; n < vectors; n++)
            {
                int j = i == 0 ? n : vectors - 1 - n;
                if (i == 0 || n > 0 && roles.SharesB) c.tileloadd(Tmm[roles.B(j)], __[r8 + r11 + 64 * j]);
                c.tdpbf16ps(Tmm[roles.C(i, j)], a, Tmm[roles.B(j)]);
            }
        }
        c.add(rax, 64);
        c.add(r10, 64);
        SixteenOn(c, r8, r8, r11);
        c.dec(r9);
        c.jnz(loop);

        c.mov(r8, __qword_ptr[call + AmxCall.OffsetC]);
        c.mov(rdx, __qword_ptr[call + AmxCall.OffsetCStride]);
        for (int i = 0; i < Rows; i++)
        {
            for (int j = 0; j < vectors; j++) c.tilestored(__[r8 + rdx + 64 * j], Tmm[roles.C(i, j)]);
            if (i < Rows - 1) SixteenOn(c, r8, r8, rdx);
        }
        return MachineCode.Return(c);
    }

    /// <summary>The machine code that configures tiles as its argument says.</summary>
    public static byte[] Configure()
    {
        var c = new Assembler(64);
        c.ldtilecfg(__[MachineCode.Argument]);
        return MachineCode.Return(c);
    }

    /// <summary>The machine code that gives tiles up, so that a switch to another thread need not save them.</summary>
    public static byte[] Release()
    {
        var c = new Assembler(64);
        c.tilerelease();
        return MachineCode.Return(c);
    }

    /// <summary>The machine code of a loop of <see cref="PeakProducts"/> independent products on whole tiles in registers; its argument is the number of rounds.</summary>
    public static byte[] Peak()
    {
        var c = new Assembler(64);
        foreach (var tile in Tmm) c.tilezero(tile);
        MachineCode.Repeat(c, MachineCode.Argument, () =>
        {
            for (int i = 0; i < PeakProducts; i++) c.tdpbf16ps(Tmm[i], tmm7, tmm6);
        });
        return MachineCode.Return(c);
    }

    /// <summary>The machine code of a function that returns extended control register 0: which registers the system saves.</summary>
    public static byte[] ExtendedControl()
    {
        var c = new Assembler(64);
        c.xor(ecx, ecx);
        c.xgetbv();
        c.shl(rdx, 32);
        c.or(rax, rdx);
        return MachineCode.Return(c);
    }

    /// <summary>Accumulators from <c>start</c>, or zero where it is null.</summary>
    static void LoadStart(Assembler c, AssemblerRegister64 call, TileRoles roles)
    {
        Label zero = c.CreateLabel(), done = c.CreateLabel();
        c.mov(r8, __qword_ptr[call + AmxCall.OffsetStart]);
        c.mov(rdx, __qword_ptr[call + AmxCall.OffsetStartStride]);
        c.test(r8, r8);
        c.je(zero);
        for (int i = 0; i < Rows; i++)
        {
            for (int j = 0; j < roles.Vectors; j++) c.tileloadd(Tmm[roles.C(i, j)], __[r8 + rdx + 64 * j]);
            if (i < Rows - 1) SixteenOn(c, r8, r8, rdx);
        }
        c.jmp(done);
        c.Label(ref zero);
        for (int i = 0; i < Rows; i++)
            for (int j = 0; j < roles.Vectors; j++) c.tilezero(Tmm[roles.C(i, j)]);
        c.Label(ref done);
        c.nop();        // a label needs an instruction
    }

    /// <summary>to = from + 16·stride; not on top of the stride.</summary>
    static void SixteenOn(Assembler c, AssemblerRegister64 to, AssemblerRegister64 from, AssemblerRegister64 stride)
    {
        c.lea(to, __[from + stride * 8]);
        c.lea(to, __[to + stride * 8]);
    }
}
