using Iced.Intel;
using NanoGpt.Tensors.Cpu.Amx;

namespace NanoGpt.Tensors.Tests;

/// <summary>
/// Executes the machine code of the AMX kernels on real memory, one instruction at a time, so that they are tested where there is no such processor. Knows
/// the instructions that they have, and refuses what the processor would: tiles whose sizes do not fit, a configuration that is none.
/// </summary>
sealed unsafe class TileInterpreter
{
    const int RowBytes = 64, Rows = 16;

    static readonly Dictionary<ulong, Instruction> configure = Decode(AmxAssembler.Configure()), release = Decode(AmxAssembler.Release());
    static readonly Dictionary<ulong, Instruction>[] kernels = [.. Enumerable.Range(1, 3).Select(vectors => Decode(AmxAssembler.Tile(vectors)))];

    readonly HashSet<Register> spoiled = [];
    readonly Dictionary<Register, ulong> registers = [];
    readonly byte[][] tiles = [.. Enumerable.Range(0, 8).Select(_ => new byte[Rows * RowBytes])];
    readonly byte[] configuration = new byte[64];
    bool zero;

    [ThreadStatic] static TileInterpreter? ofThread;

    /// <summary>Each thread has tiles of its own.</summary>
    public static TileInterpreter OfThread => ofThread ??= new();

    /// <summary>General registers that have been written so far.</summary>
    public IReadOnlyCollection<Register> Spoiled => spoiled;

    /// <summary>Products of tiles so far.</summary>
    public long Products { get; private set; }

    /// <summary>Whether tiles are configured at present.</summary>
    public bool IsConfigured => configuration[0] != 0;

    /// <summary>How often they were.</summary>
    public long Configurations { get; private set; }

    public void Configure(TileConfiguration* argument) => Run(configure, argument);

    public void Release() => Run(release, null);

    public void Run(int vectors, AmxCall* argument) => Run(kernels[vectors - 1], argument);

    static Dictionary<ulong, Instruction> Decode(byte[] code)
    {
        var decoder = Decoder.Create(64, code);
        var instructions = new Dictionary<ulong, Instruction>();
        while (decoder.IP < (ulong)code.Length)
        {
            var instruction = decoder.Decode();
            instructions.Add(instruction.IP, instruction);
        }
        return instructions;
    }

    void Run(Dictionary<ulong, Instruction> code, void* argument)
    {
        registers.Clear();      // nothing but the argument is known to the callee
        registers[OperatingSystem.IsWindows() ? Register.RCX : Register.RDI] = (ulong)argument;
        for (ulong at = 0; code[at] is { Mnemonic: not Mnemonic.Ret } instruction;) at = Execute(instruction) ?? instruction.NextIP;
    }

    /// <summary>Returns where to go on, if not at the next instruction.</summary>
    ulong? Execute(in Instruction i)
    {
        switch (i.Mnemonic)
        {
            case Mnemonic.Nop: break;
            case Mnemonic.Mov: Set(i.Op0Register, *(ulong*)Address(i)); break;
            case Mnemonic.Lea: Set(i.Op0Register, Address(i)); break;
            case Mnemonic.Add: Set(i.Op0Register, registers[i.Op0Register] + i.GetImmediate(1)); break;
            case Mnemonic.Dec:
                Set(i.Op0Register, registers[i.Op0Register] - 1);
                zero = registers[i.Op0Register] == 0;
                break;
            case Mnemonic.Test: zero = (registers[i.Op0Register] & registers[i.Op1Register]) == 0; break;
            case Mnemonic.Jmp: return i.NearBranchTarget;
            case Mnemonic.Je: return zero ? i.NearBranchTarget : null;
            case Mnemonic.Jne: return zero ? null : i.NearBranchTarget;
            case Mnemonic.Ldtilecfg: Configure((byte*)Address(i)); break;
            case Mnemonic.Tilerelease: Array.Clear(configuration); break;
            case Mnemonic.Tilezero: Array.Clear(tiles[Tile(i.Op0Register)]); break;
            case Mnemonic.Tileloadd: Load(i); break;
            case Mnemonic.Tilestored: Store(i); break;
            case Mnemonic.Tdpbf16ps: Multiply(Tile(i.Op0Register), Tile(i.Op1Register), Tile(i.Op2Register)); break;
            default: throw new NotSupportedException($"The interpreter does not know {i}.");
        }
        return null;
    }

    void Set(Register register, ulong value)
    {
        Assert.Equal(8, register.GetSize());
        registers[register] = value;
        spoiled.Add(register);
    }

    /// <summary>Of a memory operand; for tiles without the index, which is the stride.</summary>
    ulong Address(in Instruction i, bool indexed = true) =>
        registers[i.MemoryBase] + i.MemoryDisplacement64 + (indexed && i.MemoryIndex != Register.None ? registers[i.MemoryIndex] * (ulong)i.MemoryIndexScale : 0);

    int Tile(Register register)
    {
        Assert.True(IsConfigured, "A tile is used before tiles are configured.");
        return register - Register.TMM0;
    }

    int RowsOf(int tile) => configuration[48 + tile];
    int BytesOf(int tile) => configuration[16 + 2 * tile] | configuration[17 + 2 * tile] << 8;

    void Configure(byte* from)
    {
        new ReadOnlySpan<byte>(from, configuration.Length).CopyTo(configuration);
        Configurations++;
        Assert.Equal(1, configuration[0]);
        Assert.All((IEnumerable<byte>)[.. configuration[1..16], .. configuration[32..48], .. configuration[56..]], reserved => Assert.Equal(0, reserved));
        for (int tile = 0; tile < tiles.Length; tile++)
        {
            Assert.InRange(RowsOf(tile), 1, Rows);
            Assert.InRange(BytesOf(tile), 1, RowBytes);
            Array.Clear(tiles[tile]);
        }
    }

    void Load(in Instruction i)
    {
        int tile = Tile(i.Op0Register);
        var row = (byte*)Address(i, indexed: false);
        Array.Clear(tiles[tile]);
        for (int r = 0; r < RowsOf(tile); r++, row += (long)registers[i.MemoryIndex])
            new ReadOnlySpan<byte>(row, BytesOf(tile)).CopyTo(tiles[tile].AsSpan(r * RowBytes));
    }

    void Store(in Instruction i)
    {
        int tile = Tile(i.Op1Register);
        var row = (byte*)Address(i, indexed: false);
        for (int r = 0; r < RowsOf(tile); r++, row += (long)registers[i.MemoryIndex])
            tiles[tile].AsSpan(r * RowBytes, BytesOf(tile)).CopyTo(new Span<byte>(row, BytesOf(tile)));
    }

    /// <summary>
    /// <c>tdpbf16ps</c> as the manual has it: first and second products of pairs are summed apart over k, then added to one another, then to C. All
    /// in fp32, to nearest; what is below 2⁻¹²⁶ is 0, read or written.
    /// </summary>
    void Multiply(int c, int a, int b)
    {
        Assert.True(a != b && b != c && c != a, "Two operands are one register.");
        int depth = BytesOf(a) / 4, columns = BytesOf(b) / 4;
        Assert.Equal((RowsOf(c), BytesOf(c), depth), (RowsOf(a), BytesOf(b), RowsOf(b)));
        Products++;
        fixed (byte* cBytes = tiles[c], aBytes = tiles[a], bBytes = tiles[b])
            for (int m = 0; m < RowsOf(c); m++)
                for (int n = 0; n < columns; n++)
                {
                    float first = 0, second = 0;
                    for (int k = 0; k < depth; k++)
                    {
                        uint x = ((uint*)(aBytes + m * RowBytes))[k], y = ((uint*)(bBytes + k * RowBytes))[n];
                        first = Flush(MathF.FusedMultiplyAdd(Flush(x << 16), Flush(y << 16), first));
                        second = Flush(MathF.FusedMultiplyAdd(Flush(x & 0xFFFF0000), Flush(y & 0xFFFF0000), second));
                    }
                    float* sum = (float*)(cBytes + m * RowBytes) + n;
                    *sum = Flush(Flush(*sum) + Flush(first + second));
                }
    }

    static float Flush(uint bits) => Flush(BitConverter.UInt32BitsToSingle(bits));

    static float Flush(float x) => float.IsSubnormal(x) ? MathF.CopySign(0, x) : x;
}

/// <summary>The interpreter in place of the processor.</summary>
readonly unsafe struct InterpretedMachine : ITileMachine
{
    public static void Configure(TileConfiguration* configuration) => TileInterpreter.OfThread.Configure(configuration);

    public static void Release() => TileInterpreter.OfThread.Release();

    public static void Run(int vectors, AmxCall* call) => TileInterpreter.OfThread.Run(vectors, call);
}
