using System.Globalization;

namespace NanoGpt.Distributed;

/// <summary>A family of MPI libraries: what its handles look like and how its files are called.</summary>
public enum MpiFlavour
{
    /// <summary>Open MPI: handles are addresses of objects in the library.</summary>
    OpenMpi,

    /// <summary>MPICH and those that share its ABI (Intel MPI, MVAPICH, Cray): handles are fixed numbers.</summary>
    Mpich,
}

/// <summary>Who started this process, as the environment says.</summary>
/// <param name="Name">The command: mpirun or srun.</param>
/// <param name="Ranks">How many ranks it started; 1 where there is no launcher.</param>
/// <param name="Rank">The number of this one.</param>
/// <param name="Flavours">The MPI it speaks for, the likelier first.</param>
public sealed record Launcher(string Name, int Ranks, int Rank, IReadOnlyList<MpiFlavour> Flavours)
{
    static readonly MpiFlavour[] openFirst = [MpiFlavour.OpenMpi, MpiFlavour.Mpich], mpichFirst = [MpiFlavour.Mpich, MpiFlavour.OpenMpi];

    /// <summary>Asks the environment.</summary>
    public static Launcher Detect() => From(Environment.GetEnvironmentVariable);

    /// <summary>What an environment says.</summary>
    public static Launcher From(Func<string, string?> variable)
    {
        if (Number("OMPI_COMM_WORLD_SIZE") is > 0 and int open) return new("mpirun", open, Number("OMPI_COMM_WORLD_RANK") ?? 0, [MpiFlavour.OpenMpi]);
        // Within srun; the batch script of a job has no step, so a command in it is one process.
        if (variable("SLURM_STEP_ID") is not null && Number("SLURM_STEP_NUM_TASKS") is > 0 and int tasks)
            return new("srun", tasks, Number("SLURM_PROCID") ?? 0, variable("PMIX_RANK") is not null ? openFirst : mpichFirst);
        if (Number("PMI_SIZE") is > 0 and int mpich) return new("mpirun", mpich, Number("PMI_RANK") ?? 0, [MpiFlavour.Mpich]);
        return new("", 1, 0, openFirst);

        int? Number(string name) =>
            int.TryParse(variable(name), NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : null;
    }

    /// <summary>What to do where the library was found, but says it is alone.</summary>
    internal string Alone(string library) => Name == "srun"
        ? $"srun started {Ranks} ranks, but the MPI library ({library}) knows of one only; give srun --mpi=pmi2 for MPICH or --mpi=pmix for Open MPI ('srun --mpi=list' shows which there are)."
        : $"{Name} started {Ranks} ranks, but the MPI library ({library}) knows of one only; use the mpirun that belongs to it, or name the library of this mpirun in {Mpi.MpiLibrary.Variable}.";
}
