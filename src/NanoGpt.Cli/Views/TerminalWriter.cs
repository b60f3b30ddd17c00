using System.Text;

namespace NanoGpt.Cli;

/// <summary>Writes to a terminal that may be closed meanwhile: from then on the text is lost, and whoever writes goes on.</summary>
sealed class TerminalWriter(TextWriter terminal) : TextWriter
{
    volatile bool gone;

    public override Encoding Encoding => terminal.Encoding;

    public override void Write(char value) => Try(() => terminal.Write(value));

    public override void Write(char[] buffer, int index, int count) => Try(() => terminal.Write(buffer, index, count));

    public override void Write(string? value) => Try(() => terminal.Write(value));

    public override void WriteLine(string? value) => Try(() => terminal.WriteLine(value));

    public override void Flush() => Try(terminal.Flush);

    void Try(Action write)
    {
        if (gone) return;
        try
        {
            write();
        }
        catch (IOException)
        {
            gone = true;
        }
    }
}
