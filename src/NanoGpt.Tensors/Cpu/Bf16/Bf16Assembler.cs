using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace NanoGpt.Tensors.Cpu.Bf16;

/// <summary>
/// Writes the bf16 micro-kernel: .NET has no intrinsic for <c>vdpbf16ps</c>, which multiplies pairs of bf16 and adds both
/// products to an fp32 lane. The tile and its registers are those of the fp32 kernel: 8 rows × 1 to 3 vectors of
/// accumulators, one register for a pair of A, three for B.
/// <code>
/// for each step:   b_j = load B, j &lt; vectors;   for i &lt; 8:  a = broadcast A[i],  c_ij += a · b_j (two products)
/// </code>
/// The one argument points to a <see cref="TileCall"/>. Only registers that a callee may spoil are used, but for the upper
/// half of the first 16 vector registers on Windows, which are saved.
/// </summary>
internal static class Bf16Assembler
{
    const int Rows = 8;

    /// <summary>Multiply-adds in a round of <see cref="Peak"/>.</summary>
    public const int PeakProducts = 16;

    static readonly AssemblerRegisterZMM[] Zmm =
    [
        zmm0, zmm1, zmm2, zmm3, zmm4, zmm5, zmm6, zmm7, zmm8, zmm9, zmm10, zmm11, zmm12, zmm13, zmm14, zmm15,
        zmm16, zmm17, zmm18, zmm19, zmm20, zmm21, zmm22, zmm23, zmm24, zmm25, zmm26, zmm27,
    ];

    static readonly AssemblerRegisterXMM[] SavedOnWindows = [xmm6, xmm7, xmm8, xmm9, xmm10, xmm11, xmm12, xmm13, xmm14, xmm15];

    /// <summary>The machine code for tiles of so many vectors.</summary>
    public static byte[] Tile(int vectors)
    {
        var c = new Assembler(64);
        var call = OperatingSystem.IsWindows() ? rcx : rdi;
        SaveRegisters(c);
        c.kmovw(k1, __word_ptr[call + TileCall.OffsetLastMask]);
        LoadStart(c, call, vectors);

        // rax: row 0 of A, r10: row 3, r11: row 6; rdx: their distance; r8: B; r9: steps left.
        c.mov(rax, __qword_ptr[call + TileCall.OffsetA]);
        c.mov(rdx, __qword_ptr[call + TileCall.OffsetRowStride]);
        c.lea(r10, __[rdx + rdx * 2]);
        c.lea(r11, __[rax + r10 * 2]);
        c.add(r10, rax);
        c.mov(r8, __qword_ptr[call + TileCall.OffsetB]);
        c.mov(r9, __qword_ptr[call + TileCall.OffsetSteps]);
        var loop = c.CreateLabel();
        c.Label(ref loop);
        for (int j = 0; j < vectors; j++) c.vmovups(Zmm[24 + j], __zmmword_ptr[r8 + 64 * j]);
        for (int i = 0; i < Rows; i++)
        {
            var row = i < 3 ? rax : i < 6 ? r10 : r11;
            var address = (i % 3) switch { 0 => __dword_ptr[row], 1 => __dword_ptr[row + rdx], _ => __dword_ptr[row + rdx * 2] };
            c.vpbroadcastd(Zmm[27], address);
            for (int j = 0; j < vectors; j++) c.vdpbf16ps(Zmm[i * vectors + j], Zmm[24 + j], Zmm[27]);
        }
        c.add(r8, 64 * vectors);
        c.add(rax, __qword_ptr[call + TileCall.OffsetColumnStride]);
        c.add(r10, __qword_ptr[call + TileCall.OffsetColumnStride]);
        c.add(r11, __qword_ptr[call + TileCall.OffsetColumnStride]);
        c.dec(r9);
        c.jnz(loop);

        c.mov(r8, __qword_ptr[call + TileCall.OffsetC]);
        c.mov(rdx, __qword_ptr[call + TileCall.OffsetCStride]);
        for (int i = 0; i < Rows; i++)
        {
            for (int j = 0; j < vectors; j++)
                c.vmovups(j < vectors - 1 ? __zmmword_ptr[r8 + 64 * j] : __zmmword_ptr[r8 + 64 * j].k1, Zmm[i * vectors + j]);
            if (i < Rows - 1) c.add(r8, rdx);
        }

        return Finish(c);
    }

    /// <summary>The machine code of a loop of <see cref="PeakProducts"/> independent multiply-adds on registers; its argument is the number of rounds.</summary>
    public static byte[] Peak()
    {
        var c = new Assembler(64);
        var rounds = OperatingSystem.IsWindows() ? rcx : rdi;
        SaveRegisters(c);
        for (int i = 0; i < Zmm.Length; i++) c.vpxord(Zmm[i], Zmm[i], Zmm[i]);
        var loop = c.CreateLabel();
        c.Label(ref loop);
        for (int i = 0; i < PeakProducts; i++) c.vdpbf16ps(Zmm[i], Zmm[24], Zmm[25]);
        c.dec(rounds);
        c.jnz(loop);
        return Finish(c);
    }

    static void SaveRegisters(Assembler c)
    {
        if (!OperatingSystem.IsWindows()) return;
        c.sub(rsp, 16 * SavedOnWindows.Length + 8);
        for (int i = 0; i < SavedOnWindows.Length; i++) c.vmovups(__xmmword_ptr[rsp + 16 * i], SavedOnWindows[i]);
    }

    static byte[] Finish(Assembler c)
    {
        c.vzeroupper();
        if (OperatingSystem.IsWindows())
        {
            for (int i = 0; i < SavedOnWindows.Length; i++) c.vmovups(SavedOnWindows[i], __xmmword_ptr[rsp + 16 * i]);
            c.add(rsp, 16 * SavedOnWindows.Length + 8);
        }
        c.ret();
        using var stream = new MemoryStream();
        c.Assemble(new StreamCodeWriter(stream), 0);
        return stream.ToArray();
    }

    /// <summary>Accumulators from <c>start</c>, or zero where it is null.</summary>
    static void LoadStart(Assembler c, AssemblerRegister64 call, int vectors)
    {
        Label zero = c.CreateLabel(), done = c.CreateLabel();
        c.mov(r8, __qword_ptr[call + TileCall.OffsetStart]);
        c.mov(rdx, __qword_ptr[call + TileCall.OffsetStartStride]);
        c.test(r8, r8);
        c.je(zero);
        for (int i = 0; i < Rows; i++)
        {
            for (int j = 0; j < vectors; j++)
                c.vmovups(j < vectors - 1 ? Zmm[i * vectors + j] : Zmm[i * vectors + j].k1.z, __zmmword_ptr[r8 + 64 * j]);
            if (i < Rows - 1) c.add(r8, rdx);
        }
        c.jmp(done);
        c.Label(ref zero);
        for (int i = 0; i < Rows * vectors; i++) c.vpxord(Zmm[i], Zmm[i], Zmm[i]);
        c.Label(ref done);
        c.nop();        // a label needs an instruction
    }
}
