using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace NanoGpt.Tensors.Cpu.Bf16;

/// <summary>Writes the loop that shows how fast <c>vdpbf16ps</c> can be; its argument is the number of rounds.</summary>
internal static class Bf16PeakAssembler
{
    /// <summary>Multiply-adds in a round: independent of each other, and more than are under way at once.</summary>
    public const int Products = 16;

    static readonly AssemblerRegisterZMM[] Sums =
        [zmm0, zmm1, zmm2, zmm3, zmm4, zmm5, zmm6, zmm7, zmm8, zmm9, zmm10, zmm11, zmm12, zmm13, zmm14, zmm15];

    public static byte[] Write()
    {
        var c = new Assembler(64);
        MachineCode.SaveRegisters(c);
        foreach (var register in Sums) c.vpxord(register, register, register);
        c.vpxord(zmm24, zmm24, zmm24);
        MachineCode.Repeat(c, MachineCode.Argument, () =>
        {
            foreach (var register in Sums) c.vdpbf16ps(register, zmm24, zmm24);
        });
        return MachineCode.FinishSaved(c);
    }
}
