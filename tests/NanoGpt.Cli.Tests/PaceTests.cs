using NanoGpt.Training;

namespace NanoGpt.Cli.Tests;

/// <summary>The time that is left counts what will come between the steps.</summary>
public class PaceTests
{
    const int Pause = 200;      // milliseconds, beside which a test's own time is small

    static readonly TrainConfig config = new() { MaxIters = 100, EvalInterval = 10, SampleInterval = 30, HellaswagInterval = 25, SampleCount = 2 };

    static StepReport Step(int iteration) => new(iteration, 1, 0, 0, 0.001, 0, 0);

    /// <summary>After step 49 there are iterations 50 to 100: 6 evaluations, 3 rounds of samples (60, 90 and the last), 3 of HellaSwag (50, 75, 100).</summary>
    [Theory]
    [InlineData("evaluation", 6)]
    [InlineData("samples", 3 * 2)]
    [InlineData("hellaswag", 3)]
    [InlineData("checkpoint", 0)]
    public void Pauses_to_come_are_as_long_as_the_last_one(string what, int expected)
    {
        var pace = new Pace(config, 0);
        pace.Stepped(Step(48));
        for (int i = 0; i < (what == "samples" ? 2 : 1); i++)
        {
            Thread.Sleep(Pause);
            switch (what)
            {
                case "evaluation": pace.Evaluated(); break;
                case "samples": pace.Sampled(new(48, i, "")); break;
                case "hellaswag": pace.ScoredHellaSwag(); break;
                default: pace.Saved(); break;
            }
        }
        pace.Stepped(Step(49));
        Assert.InRange(pace.Left - 51 * 0.001, expected * Pause / 1000.0 * 0.99, expected * (Pause + 100) / 1000.0 + 0.001);
        pace.Stepped(Step(100));
        Assert.Equal(0, pace.Left, 1e-9);
    }

    /// <summary>The last iteration is always evaluated.</summary>
    [Fact]
    public void The_last_evaluation_counts_where_it_falls_on_no_multiple()
    {
        var pace = new Pace(config with { MaxIters = 95, SampleInterval = 0, HellaswagInterval = 0 }, 0);
        pace.Stepped(Step(0));
        Thread.Sleep(Pause);
        pace.Evaluated();
        pace.Stepped(Step(91));
        Assert.InRange(pace.Left - 4 * 0.001, Pause / 1000.0 * 0.99, (Pause + 100) / 1000.0);
    }
}
