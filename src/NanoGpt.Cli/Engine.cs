namespace NanoGpt.Cli;

/// <summary>What the engine can do so far.</summary>
static class Engine
{
    /// <exception cref="ArgumentException">There is no such type, or it is not available.</exception>
    public static void CheckDtype(string dtype)
    {
        if (dtype is "bfloat16" or "float16") throw new ArgumentException($"dtype '{dtype}' is not available on the CPU yet; use --dtype=float32.");
        if (dtype != "float32") throw new ArgumentException($"dtype must be 'float32', got '{dtype}'.");
    }
}
