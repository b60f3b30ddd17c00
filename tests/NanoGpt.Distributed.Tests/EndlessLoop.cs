using System.Globalization;

/// <summary>
/// An endless loop in the program under test, in a rank of choice and at a moment of choice. .NET calls <see cref="Initialize"/> before the program
/// begins (<c>DOTNET_STARTUP_HOOKS</c>). The thread that computes comes by when it formats the numbers of a step; once the file is there, it stays.
/// </summary>
static class StartupHook
{
    public const string Rank = "NANOGPT_TEST_LOOP_RANK", File = "NANOGPT_TEST_LOOP_FILE";

    public static void Initialize()
    {
        string? rank = Environment.GetEnvironmentVariable("OMPI_COMM_WORLD_RANK") ?? Environment.GetEnvironmentVariable("PMI_RANK");
        if (rank is not null && rank == Environment.GetEnvironmentVariable(Rank)) CultureInfo.CurrentCulture = new Trap(Environment.GetEnvironmentVariable(File)!);
    }

    sealed class Trap(string file) : CultureInfo("")
    {
        readonly int computes = Environment.CurrentManagedThreadId;     // threads that it starts take its culture along

        public override object? GetFormat(Type? formatType)
        {
            bool endless = Environment.CurrentManagedThreadId == computes && System.IO.File.Exists(file);
            while (endless) Thread.SpinWait(1000);
            return base.GetFormat(formatType);
        }
    }
}
