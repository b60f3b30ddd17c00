namespace NanoGpt.Cli.Tests;

public class StopSignalsTests
{
    [Fact]
    public void The_token_is_cancelled_before_anybody_is_told_and_whether_or_not_that_works()
    {
        using var signals = new StopSignals();
        bool cancelled = false;
        signals.Requested = () =>
        {
            cancelled = signals.Token.IsCancellationRequested;
            throw new IOException("Input/output error");
        };
        signals.Request();
        Assert.True(cancelled);
        Assert.True(signals.Token.IsCancellationRequested);
    }

    [Fact]
    public void What_is_written_to_a_closed_terminal_is_lost()
    {
        var terminal = new ClosedTerminal();
        using var writer = new TerminalWriter(terminal);
        writer.WriteLine("one");
        writer.Write($"{2}");
        writer.Write('3');
        writer.Flush();
        Assert.Equal(1, terminal.Writes);
    }

    sealed class ClosedTerminal : StringWriter
    {
        public int Writes { get; private set; }

        public override void WriteLine(string? value)
        {
            Writes++;
            throw new IOException("Input/output error");
        }
    }
}
