using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace NanoGpt.Tensors.Cpu.Bf16;

/// <summary>
/// Writes the two loops that round operands to bf16 on their way into packed memory: <c>vcvtne2ps2bf16</c>, too, has no intrinsic
/// in .NET, and in plain vector arithmetic the rounding took twice as long as the memory it reads. Nearest, ties to even;
/// numbers below 2⁻¹²⁶ become 0, as <c>vdpbf16ps</c> takes them in any case. The one argument points to a <see cref="PackCall"/>.
/// </summary>
internal static class Bf16PackAssembler
{
    /// <summary>
    /// Pairs along rows: word s of a row is (x[2s], x[2s + 1]).
    /// <code>for each row:  for each 32 columns:  16 words = round(32 values)</code>
    /// </summary>
    public static byte[] AlongRows()
    {
        var c = new Assembler(64);
        var call = MachineCode.Argument;
        // rdx: row of the source, rax: the row to ask for, r8: row of the destination, r9: rows left, r10: bytes written, r11: their end.
        Start(c, call);
        c.mov(rax, rdx);
        c.add(rax, __qword_ptr[call + PackCall.OffsetAhead]);
        Label row = c.CreateLabel(), next = c.CreateLabel(), whole = c.CreateLabel(), tail = c.CreateLabel();
        c.Label(ref row);
        c.xor(r10d, r10d);
        c.test(r11, r11);
        c.je(tail);
        c.Label(ref whole);
        c.vmovups(zmm16, __zmmword_ptr[rdx + r10 * 2]);
        c.vmovups(zmm17, __zmmword_ptr[rdx + r10 * 2 + 64]);
        c.prefetcht0(__byte_ptr[rax + r10 * 2]);
        c.prefetcht0(__byte_ptr[rax + r10 * 2 + 64]);
        c.vcvtne2ps2bf16(zmm16, zmm17, zmm16);
        c.vmovups(__zmmword_ptr[r8 + r10], zmm16);
        c.add(r10, 64);
        c.cmp(r10, r11);
        c.jb(whole);
        c.Label(ref tail);
        c.kortestw(k1, k1);
        c.je(next);
        c.vmovups(zmm16.k1.z, __zmmword_ptr[rdx + r10 * 2]);
        c.vmovups(zmm17.k2.z, __zmmword_ptr[rdx + r10 * 2 + 64]);
        c.vcvtne2ps2bf16(zmm16, zmm17, zmm16);
        c.vmovups(__zmmword_ptr[r8 + r10], zmm16);
        c.Label(ref next);
        c.add(rdx, __qword_ptr[call + PackCall.OffsetRowStride]);
        c.add(rax, __qword_ptr[call + PackCall.OffsetRowStride]);
        c.add(r8, __qword_ptr[call + PackCall.OffsetDestinationStride]);
        c.dec(r9);
        c.jnz(row);
        return MachineCode.Finish(c);
    }

    /// <summary>
    /// Pairs across rows: word j of a pair of rows is (x[0][j], x[1][j]).
    /// <code>for each two rows:  for each 16 columns:  16 words = interleave(round(16 of row 0), round(16 of row 1))</code>
    /// </summary>
    public static byte[] AcrossRows()
    {
        var c = new Assembler(64);
        var call = MachineCode.Argument;
        // rdx, rax: the two rows, r11, rbx: the two rows to ask for, r8: destination, r9: pairs left, r10: bytes written.
        c.push(rbx);
        Start(c, call);
        c.mov(r10, __qword_ptr[call + PackCall.OffsetOrder]);
        c.vmovups(zmm18, __zmmword_ptr[r10]);
        Label pair = c.CreateLabel(), next = c.CreateLabel(), whole = c.CreateLabel(), tail = c.CreateLabel();
        c.Label(ref pair);
        c.mov(rax, rdx);
        c.add(rax, __qword_ptr[call + PackCall.OffsetRowStride]);
        c.mov(r11, rdx);
        c.add(r11, __qword_ptr[call + PackCall.OffsetAhead]);
        c.mov(rbx, rax);
        c.add(rbx, __qword_ptr[call + PackCall.OffsetAhead]);
        c.xor(r10d, r10d);
        c.cmp(r10, __qword_ptr[call + PackCall.OffsetWhole]);
        c.je(tail);
        c.Label(ref whole);
        c.vmovups(zmm16, __zmmword_ptr[rdx + r10]);
        c.vmovups(zmm17, __zmmword_ptr[rax + r10]);
        c.prefetcht0(__byte_ptr[r11 + r10]);
        c.prefetcht0(__byte_ptr[rbx + r10]);
        c.vcvtne2ps2bf16(zmm16, zmm17, zmm16);
        c.vpermw(zmm16, zmm18, zmm16);
        c.vmovups(__zmmword_ptr[r8 + r10], zmm16);
        c.add(r10, 64);
        c.cmp(r10, __qword_ptr[call + PackCall.OffsetWhole]);
        c.jb(whole);
        c.Label(ref tail);
        c.kortestw(k1, k1);
        c.je(next);
        c.vmovups(zmm16.k1.z, __zmmword_ptr[rdx + r10]);
        c.vmovups(zmm17.k1.z, __zmmword_ptr[rax + r10]);
        c.vcvtne2ps2bf16(zmm16, zmm17, zmm16);
        c.vpermw(zmm16, zmm18, zmm16);
        c.vmovups(__zmmword_ptr[r8 + r10], zmm16);
        c.Label(ref next);
        c.mov(rdx, rax);
        c.add(rdx, __qword_ptr[call + PackCall.OffsetRowStride]);
        c.add(r8, __qword_ptr[call + PackCall.OffsetDestinationStride]);
        c.dec(r9);
        c.jnz(pair);
        c.pop(rbx);
        return MachineCode.Finish(c);
    }

    static void Start(Assembler c, AssemblerRegister64 call)
    {
        c.mov(rdx, __qword_ptr[call + PackCall.OffsetSource]);
        c.mov(r8, __qword_ptr[call + PackCall.OffsetDestination]);
        c.mov(r9, __qword_ptr[call + PackCall.OffsetRows]);
        c.mov(r11, __qword_ptr[call + PackCall.OffsetWhole]);
        c.kmovw(k1, __word_ptr[call + PackCall.OffsetFirstMask]);
        c.kmovw(k2, __word_ptr[call + PackCall.OffsetSecondMask]);
    }
}
