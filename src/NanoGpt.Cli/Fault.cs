namespace NanoGpt.Cli;

/// <summary>The one place where an exception becomes a sentence and an exit code.</summary>
static class Fault
{
    /// <summary>Writes one line on stderr; with NANOGPT_DEBUG=1 everything there is to know.</summary>
    /// <param name="exception">What happened.</param>
    /// <param name="where">Where it did, as in "rank 2 on host b: ".</param>
    /// <returns>The exit code.</returns>
    public static int Report(Exception exception, string where = "")
    {
        var cause = exception;
        while (cause is AggregateException { InnerException: { } inner }) cause = inner;
        if (Environment.GetEnvironmentVariable("NANOGPT_DEBUG") == "1") Console.Error.WriteLine(exception);
        else if (cause is OperationCanceledException) Console.Error.WriteLine(cause is Data.PreparationStoppedException ? cause.Message : "stopped; there was nothing to save yet.");
        else Console.Error.WriteLine($"error: {where}{Sentence(cause)}");
        return cause switch
        {
            OperationCanceledException => ExitCode.Interrupted,
            ArgumentException => ExitCode.Usage,
            _ => ExitCode.Failure,
        };
    }

    static string Sentence(Exception cause) => OneLine(cause switch
    {
        ArgumentException { ParamName: { } name } => cause.Message.Replace($" (Parameter '{name}')", "", StringComparison.Ordinal),
        ArgumentException or InsufficientMemoryException => cause.Message,
        OutOfMemoryException => "the memory ran out; close other programs, or lower --batch_size, --block_size or the size of the model.",
        IOException or UnauthorizedAccessException or InvalidDataException or Training.TrainingDivergedException => cause.Message,
        _ => $"{cause.Message.TrimEnd('.')}: this should not happen ({cause.GetType().Name}); set NANOGPT_DEBUG=1 to see where it did.",
    });

    static string OneLine(string text) => string.Join(' ', text.Split((char[])['\r', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
}
