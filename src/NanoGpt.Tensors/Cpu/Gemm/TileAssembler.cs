using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace NanoGpt.Tensors.Cpu.Gemm;

/// <summary>What a tile multiplies with, and on which registers.</summary>
internal enum TileInstruction
{
    /// <summary><c>vfmadd231ps</c> on 8 lanes of fp32: AVX2.</summary>
    Fma256,

    /// <summary><c>vfmadd231ps</c> on 16 lanes of fp32: AVX-512.</summary>
    Fma512,

    /// <summary><c>vdpbf16ps</c>: pairs of bf16, both products added to a lane of fp32; 16 lanes, AVX512_BF16.</summary>
    DotBf16,
}

/// <summary>
/// Writes the micro-kernel (see <see cref="MicroKernel{V}"/>) in machine code. For fp32 the just-in-time compiler spends a third
/// of the instructions on copies between registers and on addresses, which a core shared with another hyper-thread has no room for; for bf16 .NET has
/// no intrinsic. With 32 registers a tile is 8 rows × 1 to 3 vectors of accumulators, with 16 it is 4 rows.
/// <code>
/// for each step:   b_j = load B, j &lt; vectors;   for each row i:  a = broadcast A[i],  c_ij += a · b_j
/// C = start + c
/// </code>
/// Meanwhile C's tile and some of what is <see cref="Ahead"/> are asked for. The one argument points to a <see cref="TileCall"/>.
/// </summary>
internal sealed class TileAssembler
{
    /// <summary>Steps in a round of the loop.</summary>
    const int Unroll = 4;

    static readonly AssemblerRegister64 Call = MachineCode.Argument;

    readonly Assembler c = new(64);
    readonly TileInstruction instruction;
    readonly int vectors, rows, width;
    readonly int? columnStride;
    readonly bool wide;

    /// <param name="instruction">What to multiply with.</param>
    /// <param name="vectors">Vectors in a row of the tile.</param>
    /// <param name="columnStride">Of A, in words, where it is known: then the address of a step is part of its instructions. Null: as the call says.</param>
    public TileAssembler(TileInstruction instruction, int vectors, int? columnStride)
    {
        (this.instruction, this.vectors, this.columnStride) = (instruction, vectors, columnStride * sizeof(float));
        wide = instruction != TileInstruction.Fma256;
        (rows, int lanes) = Shape(instruction);
        width = lanes * sizeof(float);
    }

    /// <summary>Rows of a tile, and lanes of a vector.</summary>
    public static (int Rows, int Lanes) Shape(TileInstruction instruction) => instruction == TileInstruction.Fma256 ? (4, 8) : (8, 16);

    // Vector registers: the accumulators, then B, then one for A, in whose place the mask of the last vector lies after the loop.
    Register Accumulator(int i, int j) => Vector(i * vectors + j);
    Register B(int j) => Vector(3 * rows + j);
    Register A => Vector(3 * rows + 3);
    Register Vector(int number) => (wide ? Register.ZMM0 : Register.YMM0) + number;

    /// <summary>The machine code.</summary>
    public byte[] Write()
    {
        MachineCode.SaveRegisters(c);
        c.push(rbx);
        c.push(rbp);
        Label tile = c.CreateLabel(), partial = c.CreateLabel(), next = c.CreateLabel(), done = c.CreateLabel();
        c.Label(ref tile);
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < vectors; j++) Zero(Accumulator(i, j));
        Multiply();
        c.mov(rax, __qword_ptr[Call + TileCall.OffsetLastMask]);
        c.test(rax, rax);
        c.jne(partial);
        Finish(partialLast: false);
        c.jmp(next);
        c.Label(ref partial);
        Finish(partialLast: true);
        c.Label(ref next);
        c.dec(__qword_ptr[Call + TileCall.OffsetCount]);
        c.je(done);
        Advance(TileCall.OffsetA, TileCall.OffsetTileStride);
        Advance(TileCall.OffsetB, TileCall.OffsetLater);
        Advance(TileCall.OffsetSteps, TileCall.OffsetLonger);
        c.jmp(tile);
        c.Label(ref done);
        c.pop(rbp);
        c.pop(rbx);
        return MachineCode.FinishSaved(c);
    }

    void Advance(int field, int by)
    {
        c.mov(rax, __qword_ptr[Call + by]);
        c.add(__qword_ptr[Call + field], rax);
    }

    /// <summary>rax: row 0 of A, r11: row 4 where there are 8; rdx: the distance of rows, r10: of three; r8: B; r9: steps left. Requests: rbx, rbp.</summary>
    void Multiply()
    {
        c.mov(rax, __qword_ptr[Call + TileCall.OffsetA]);
        c.mov(rdx, __qword_ptr[Call + TileCall.OffsetRowStride]);
        c.lea(r10, __[rdx + rdx * 2]);
        if (wide) c.lea(r11, __[rax + rdx * 4]);
        c.mov(r8, __qword_ptr[Call + TileCall.OffsetB]);
        c.mov(r9, __qword_ptr[Call + TileCall.OffsetSteps]);
        Label rounds = c.CreateLabel(), rest = c.CreateLabel(), step = c.CreateLabel(), done = c.CreateLabel();
        c.sub(r9, Unroll);
        AskingRounds(rounds, rest);
        c.Label(ref rounds);
        Round([]);
        c.jge(rounds);
        c.Label(ref rest);
        c.add(r9, Unroll);
        c.je(done);
        c.Label(ref step);
        Step(0);
        c.add(r8, width * vectors);
        AdvanceA(1);
        c.dec(r9);
        c.jne(step);
        c.Label(ref done);
        c.nop();        // a label needs an instruction
    }

    /// <summary>
    /// The first rounds, which ask for memory: for a row of C each, whose tile is read and written when k has run (even a store waits for a line that is far), then for a line each of
    /// what is ahead. Requests at once would take all of a core's line buffers, and the loads of operands would wait for one. Rows of C that k has no rounds for are not asked for; of what
    /// is ahead the rest then is, at once.
    /// </summary>
    void AskingRounds(Label rounds, Label rest)
    {
        Label tile = c.CreateLabel(), ahead = c.CreateLabel(), shortTile = c.CreateLabel(), shortAhead = c.CreateLabel(), piece = c.CreateLabel();
        c.jl(shortTile);
        c.mov(rbx, __qword_ptr[Call + TileCall.OffsetC]);
        c.mov(ebp, rows);
        c.Label(ref tile);
        Round(TileLines().Select(at => (Action)(() => c.prefetchw(__byte_ptr[rbx + at]))));
        c.jl(shortTile);
        c.add(rbx, __qword_ptr[Call + TileCall.OffsetCStride]);
        c.dec(ebp);
        c.jne(tile);
        StartAhead(none: rounds);
        c.Label(ref ahead);
        Round([() => c.prefetcht0(__byte_ptr[rbx])]);
        c.jl(shortAhead);
        c.add(rbx, Ahead.Line);
        c.dec(rbp);
        c.jne(ahead);
        NextAhead(none: rounds);
        c.jmp(ahead);

        c.Label(ref shortTile);
        StartAhead(none: rest);
        c.Label(ref piece);
        c.prefetcht0(__byte_ptr[rbx]);
        c.Label(ref shortAhead);
        c.add(rbx, Ahead.Line);
        c.dec(rbp);
        c.jne(piece);
        NextAhead(none: rest);
        c.jmp(piece);
    }

    /// <summary>Where a row of C's tile has cache lines, wherever it begins.</summary>
    IEnumerable<int> TileLines()
    {
        int bytes = width * vectors;
        for (int at = 0; at < bytes - Ahead.Line / 2; at += Ahead.Line) yield return at;
        yield return bytes - 1;
    }

    /// <summary>rbx: what is ahead, rbp: lines of its row; so many rows are this tile's part of it.</summary>
    void StartAhead(Label none)
    {
        c.cmp(__qword_ptr[Call + TileCall.OffsetAheadRows], 0);
        c.je(none);
        c.mov(rbx, __qword_ptr[Call + TileCall.OffsetAheadRowsOfTile]);
        c.mov(__qword_ptr[Call + TileCall.OffsetAheadRowsLeft], rbx);
        c.mov(rbx, __qword_ptr[Call + TileCall.OffsetAhead]);
        c.mov(rbp, __qword_ptr[Call + TileCall.OffsetAheadLines]);
    }

    /// <summary>Goes on to the next row ahead, if there is one for this tile.</summary>
    void NextAhead(Label none)
    {
        c.mov(rbx, __qword_ptr[Call + TileCall.OffsetAhead]);
        c.add(rbx, __qword_ptr[Call + TileCall.OffsetAheadStride]);
        c.mov(__qword_ptr[Call + TileCall.OffsetAhead], rbx);
        c.mov(rbp, __qword_ptr[Call + TileCall.OffsetAheadLines]);
        c.dec(__qword_ptr[Call + TileCall.OffsetAheadRows]);
        c.je(none);
        c.dec(__qword_ptr[Call + TileCall.OffsetAheadRowsLeft]);
        c.je(none);
    }

    /// <summary>Some steps, and after each a request. Below zero tells that no such round is left.</summary>
    void Round(IEnumerable<Action> requests)
    {
        var asks = requests.ToArray();
        for (int u = 0; u < Unroll; u++)
        {
            Step(u);
            if (u < asks.Length) asks[u]();
        }
        c.add(r8, Unroll * width * vectors);
        AdvanceA(Unroll);
        c.sub(r9, Unroll);
    }

    void Step(int u)
    {
        for (int j = 0; j < vectors; j++) Load(B(j), Memory(Register.R8, width * (vectors * u + j)));
        for (int i = 0; i < rows; i++)
        {
            var row = i < 4 ? Register.RAX : Register.R11;
            int along = u * (columnStride ?? 0);
            Broadcast(A, (i % 4) switch
            {
                0 => Memory(row, along),
                3 => new(row, Register.R10, 1, along, 1),
                var down => new(row, Register.RDX, down, along, 1),
            });
            for (int j = 0; j < vectors; j++) MultiplyAdd(Accumulator(i, j), B(j), A);
        }
        if (columnStride != null) return;
        c.add(rax, __qword_ptr[Call + TileCall.OffsetColumnStride]);
        if (wide) c.add(r11, __qword_ptr[Call + TileCall.OffsetColumnStride]);
    }

    /// <summary>Where steps have not moved the rows of A themselves.</summary>
    void AdvanceA(int steps)
    {
        if (columnStride is not { } stride) return;
        c.add(rax, steps * stride);
        if (wide) c.add(r11, steps * stride);
    }

    /// <summary>Adds <c>start</c> where there is one, and stores the tile; of a partial last vector only the columns that exist. Both pointers go on to the next tile.</summary>
    void Finish(bool partialLast)
    {
        if (partialLast) LoadMask();
        Label store = c.CreateLabel();
        c.mov(r8, __qword_ptr[Call + TileCall.OffsetStart]);
        c.mov(rdx, __qword_ptr[Call + TileCall.OffsetStartStride]);
        c.test(r8, r8);
        c.je(store);
        for (int i = 0; i < rows; i++)
        {
            for (int j = 0; j < vectors; j++)
            {
                var memory = Memory(Register.R8, width * j);
                if (partialLast && j == vectors - 1) LoadPartial(B(0), memory); else Load(B(0), memory);
                Add(Accumulator(i, j), B(0));
            }
            c.add(r8, rdx);
        }
        c.mov(__qword_ptr[Call + TileCall.OffsetStart], r8);
        c.Label(ref store);
        c.mov(r8, __qword_ptr[Call + TileCall.OffsetC]);
        c.mov(rdx, __qword_ptr[Call + TileCall.OffsetCStride]);
        for (int i = 0; i < rows; i++)
        {
            for (int j = 0; j < vectors; j++)
            {
                var memory = Memory(Register.R8, width * j);
                if (partialLast && j == vectors - 1) StorePartial(memory, Accumulator(i, j)); else Store(memory, Accumulator(i, j));
            }
            c.add(r8, rdx);
        }
        c.mov(__qword_ptr[Call + TileCall.OffsetC], r8);
    }

    static MemoryOperand Memory(Register at, int displacement = 0) => new(at, displacement);

    void Emit(Instruction what) => c.AddInstruction(what);

    void Zero(Register v) => Emit(wide ? Instruction.Create(Code.EVEX_Vpxord_zmm_k1z_zmm_zmmm512b32, v, v, v) : Instruction.Create(Code.VEX_Vxorps_ymm_ymm_ymmm256, v, v, v));

    void Load(Register v, MemoryOperand from) => Emit(Instruction.Create(wide ? Code.EVEX_Vmovups_zmm_k1z_zmmm512 : Code.VEX_Vmovups_ymm_ymmm256, v, from));

    void Store(MemoryOperand to, Register v) => Emit(Instruction.Create(wide ? Code.EVEX_Vmovups_zmmm512_k1z_zmm : Code.VEX_Vmovups_ymmm256_ymm, to, v));

    void Add(Register v, Register w) => Emit(Instruction.Create(wide ? Code.EVEX_Vaddps_zmm_k1z_zmm_zmmm512b32_er : Code.VEX_Vaddps_ymm_ymm_ymmm256, v, v, w));

    void Broadcast(Register v, MemoryOperand from) => Emit(Instruction.Create(wide ? Code.EVEX_Vbroadcastss_zmm_k1z_xmmm32 : Code.VEX_Vbroadcastss_ymm_m32, v, from));

    void MultiplyAdd(Register sum, Register x, Register y) => Emit(Instruction.Create(instruction switch
    {
        TileInstruction.Fma256 => Code.VEX_Vfmadd231ps_ymm_ymm_ymmm256,
        TileInstruction.Fma512 => Code.EVEX_Vfmadd231ps_zmm_k1z_zmm_zmmm512b32_er,
        _ => Code.EVEX_Vdpbf16ps_zmm_k1z_zmm_zmmm512b32,
    }, sum, x, y));

    /// <summary>Takes the mask that rax points to: into k1, or into the register of A.</summary>
    void LoadMask()
    {
        Load(A, Memory(Register.RAX));
        if (wide) c.vptestmd(k1, zmm27, zmm27);
    }

    void LoadPartial(Register v, MemoryOperand from)
    {
        if (!wide)
        {
            Emit(Instruction.Create(Code.VEX_Vmaskmovps_ymm_ymm_m256, v, A, from));
            return;
        }
        var load = Instruction.Create(Code.EVEX_Vmovups_zmm_k1z_zmmm512, v, from);
        (load.OpMask, load.ZeroingMasking) = (Register.K1, true);
        Emit(load);
    }

    void StorePartial(MemoryOperand to, Register v)
    {
        if (!wide)
        {
            Emit(Instruction.Create(Code.VEX_Vmaskmovps_m256_ymm_ymm, to, A, v));
            return;
        }
        var store = Instruction.Create(Code.EVEX_Vmovups_zmmm512_k1z_zmm, to, v);
        store.OpMask = Register.K1;
        Emit(store);
    }
}
