using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace NanoGpt.Tensors.Cpu;

/// <summary>
/// How a function of one argument begins and ends in machine code on x86-64. It may use rax, rdx and r8 to r11 freely, and the vector
/// registers from 16 on; the first 16 once they are saved.
/// </summary>
internal static class MachineCode
{
    static readonly AssemblerRegisterXMM[] SavedOnWindows = [xmm6, xmm7, xmm8, xmm9, xmm10, xmm11, xmm12, xmm13, xmm14, xmm15];

    /// <summary>Where the argument is.</summary>
    public static AssemblerRegister64 Argument => OperatingSystem.IsWindows() ? rcx : rdi;

    /// <summary>Saves the vector registers that the caller wants back: none but on Windows.</summary>
    public static void SaveRegisters(Assembler c)
    {
        if (!OperatingSystem.IsWindows()) return;
        c.sub(rsp, 16 * SavedOnWindows.Length + 8);
        for (int i = 0; i < SavedOnWindows.Length; i++) c.vmovups(__xmmword_ptr[rsp + 16 * i], SavedOnWindows[i]);
    }

    /// <summary>Does <paramref name="body"/> as often as <paramref name="counter"/>, at least 1, says; counts it down.</summary>
    public static void Repeat(Assembler c, AssemblerRegister64 counter, Action body)
    {
        var loop = c.CreateLabel();
        c.Label(ref loop);
        body();
        c.dec(counter);
        c.jnz(loop);
    }

    /// <summary>Gives back what <see cref="SaveRegisters"/> saved, returns, and is the code.</summary>
    public static byte[] FinishSaved(Assembler c)
    {
        if (OperatingSystem.IsWindows())
        {
            for (int i = 0; i < SavedOnWindows.Length; i++) c.vmovups(SavedOnWindows[i], __xmmword_ptr[rsp + 16 * i]);
            c.add(rsp, 16 * SavedOnWindows.Length + 8);
        }
        return Finish(c);
    }

    /// <summary>Returns; the code.</summary>
    public static byte[] Finish(Assembler c)
    {
        c.vzeroupper();
        return Return(c);
    }

    /// <summary>Returns from a function that uses no vector registers; the code.</summary>
    public static byte[] Return(Assembler c)
    {
        c.ret();
        using var stream = new MemoryStream();
        c.Assemble(new StreamCodeWriter(stream), 0);
        return stream.ToArray();
    }
}
