using NanoGpt.Training;

namespace NanoGpt.Cli.Tests;

public class PlainViewTests
{
    [Fact]
    public void An_evaluation_that_begins_with_several_ranks_is_no_silence_yet()
    {
        var (stdout, said) = (Console.Out, new StringWriter());
        Console.SetOut(said);
        try
        {
            new PlainView(new TrainConfig(), 0).Evaluating(0, 2, 8);
        }
        finally
        {
            Console.SetOut(stdout);
        }
        Assert.DoesNotContain("evaluating", said.ToString());
    }
}
