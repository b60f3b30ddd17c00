using System.Runtime.InteropServices;
using NanoGpt.Tensors.Cpu.Bf16;
using NanoGpt.Tensors.Cpu.Gemm;

namespace NanoGpt.Tensors.Cpu.Amx;

/// <summary>The argument of the assembled kernel. Strides in bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct AmxCall
{
    public const int OffsetA = 0, OffsetRowStride = 8, OffsetB = 16, OffsetStepStride = 24, OffsetRounds = 32,
        OffsetStart = 40, OffsetStartStride = 48, OffsetC = 56, OffsetCStride = 64;

    public float* A;
    public long RowStride;
    public float* B;
    public long StepStride;
    public long Rounds;             // of 16 steps, or of a tail
    public float* Start;
    public long StartStride;
    public float* C;
    public long CStride;
}

/// <summary>What executes the assembled code: the processor; in tests, an interpreter.</summary>
internal unsafe interface ITileMachine
{
    /// <summary>Configures the tiles of this thread.</summary>
    static abstract void Configure(TileConfiguration* configuration);

    /// <summary>Gives them up.</summary>
    static abstract void Release();

    /// <summary>The kernel for so many vectors.</summary>
    static abstract void Run(int vectors, AmxCall* call);
}

/// <summary>The assembled AMX micro-kernels of this process, made on first use.</summary>
internal static unsafe class AmxKernel
{
    /// <summary>Rows of a tile of C.</summary>
    public const int Rows = 2 * Side;

    const int Side = TileConfiguration.Side;

    static readonly delegate* unmanaged[SuppressGCTransition]<AmxCall*, void> one, two, three;
    static readonly delegate* unmanaged[SuppressGCTransition]<TileConfiguration*, void> configure;
    static readonly delegate* unmanaged[SuppressGCTransition]<void> release;
    static readonly delegate* unmanaged<long, void> peak;

    static AmxKernel()
    {
        // Operands are packed by the loops for AVX512_BF16, which every processor with AMX has.
        if (Bf16Kernel.Tiles == null || !TilePermission.Granted) return;
        one = Make(1);
        two = Make(2);
        three = Make(3);
        configure = (delegate* unmanaged[SuppressGCTransition]<TileConfiguration*, void>)ExecutableMemory.Place(AmxAssembler.Configure());
        release = (delegate* unmanaged[SuppressGCTransition]<void>)ExecutableMemory.Place(AmxAssembler.Release());
        peak = (delegate* unmanaged<long, void>)ExecutableMemory.Place(AmxAssembler.Peak());
        Available = peak != null && configure != null && release != null && one != null && two != null && three != null;
    }

    /// <summary>Whether this processor has the instructions, and this system lets them be used and the code be placed.</summary>
    public static bool Available { get; }

    /// <summary>
    /// Tiles below one another, as in <see cref="MicroKernel{V}"/>, of 32 rows each; strides in words. A register is as large as its configuration says, so
    /// nothing beyond rows, columns and steps that exist is touched: the columns of a last vector that is not full are a call of their own, and so are
    /// the steps past a whole number of 16, which then go on from C.
    /// </summary>
    public static void Run<M>(int count, int columns, int steps, LeftTiles a, float* b, float* start, long startStride, float* c, long cStride) where M : ITileMachine
    {
        int vectors = columns / Side, whole = vectors * Side, rest = columns - whole;
        long width = rest == 0 ? whole : whole + Side;
        float* row = a.Data;
        for (; count > 0; count--)
        {
            if (vectors > 0) RunSteps<M>(vectors, Side, steps, row, a.RowStride, b, width, start, startStride, c, cStride);
            if (rest > 0) RunSteps<M>(1, rest, steps, row, a.RowStride, b + whole, width, start == null ? null : start + whole, startStride, c + whole, cStride);
            row += a.TileStride;
            c += Rows * cStride;
            if (start != null) start += Rows * startStride;
        }
    }

    /// <param name="vectors">Vectors of columns.</param>
    /// <param name="columns">Columns in each of them.</param>
    /// <param name="steps">Steps of k.</param>
    /// <param name="a">A, a row of words.</param>
    /// <param name="rs">From row to row of A.</param>
    /// <param name="b">B, packed.</param>
    /// <param name="width">From step to step of B.</param>
    /// <param name="start">What to add to, or null.</param>
    /// <param name="startStride">From row to row of it.</param>
    /// <param name="c">C.</param>
    /// <param name="cStride">From row to row of C.</param>
    static void RunSteps<M>(int vectors, int columns, int steps, float* a, long rs, float* b, long width, float* start, long startStride, float* c, long cStride)
        where M : ITileMachine
    {
        int whole = steps / Side * Side, tail = steps - whole;
        var call = new AmxCall
        {
            A = a, RowStride = 4 * rs, B = b, StepStride = 4 * width,
            Start = start, StartStride = 4 * startStride, C = c, CStride = 4 * cStride,
        };
        if (whole > 0)
        {
            call.Rounds = whole / Side;
            Configure<M>(TileConfiguration.For(vectors, columns, Side));
            M.Run(vectors, &call);
            call.A = a + whole;
            call.B = b + whole * width;
            call.Start = c;
            call.StartStride = call.CStride;
        }
        if (tail == 0) return;
        call.Rounds = 1;
        Configure<M>(TileConfiguration.For(vectors, columns, tail));
        M.Run(vectors, &call);
    }

    /// <summary>Configuring takes as long as a dozen products and waits for those under way, so tiles stay as they are from call to call.</summary>
    static void Configure<M>(TileConfiguration* configuration) where M : ITileMachine
    {
        if (Configured<M>.Now == configuration) return;
        M.Configure(configuration);
        Configured<M>.Now = configuration;
    }

    /// <summary>Ends a run of tiles.</summary>
    public static void Release<M>() where M : ITileMachine
    {
        if (Configured<M>.Now == null) return;
        M.Release();
        Configured<M>.Now = null;
    }

    static class Configured<M>
    {
        /// <summary>How the tiles of this thread are configured, if they are.</summary>
        [ThreadStatic] public static TileConfiguration* Now;
    }

    /// <summary>Products of tiles in registers; returns their floating-point operations.</summary>
    public static double Peak(int rounds)
    {
        Configure<Processor>(TileConfiguration.For(3, Side, Side));
        peak(rounds);
        Release<Processor>();
        return 2.0 * Side * Side * 2 * Side * AmxAssembler.PeakProducts * rounds;
    }

    static delegate* unmanaged[SuppressGCTransition]<AmxCall*, void> Make(int vectors) =>
        (delegate* unmanaged[SuppressGCTransition]<AmxCall*, void>)ExecutableMemory.Place(AmxAssembler.Tile(vectors));

    /// <summary>The processor.</summary>
    public readonly struct Processor : ITileMachine
    {
        public static void Configure(TileConfiguration* configuration) => configure(configuration);

        public static void Release() => release();

        public static void Run(int vectors, AmxCall* call)
        {
            if (vectors == 3) three(call);
            else if (vectors == 2) two(call);
            else one(call);
        }
    }
}
