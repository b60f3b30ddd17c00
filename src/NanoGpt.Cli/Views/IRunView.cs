using NanoGpt.Training;

namespace NanoGpt.Cli;

/// <summary>A view of a run: live in a terminal, plain lines elsewhere.</summary>
interface IRunView : ITrainingView
{
    /// <summary>Shows the run while it runs.</summary>
    TrainingResult Watch(Func<TrainingResult> run);

    /// <summary>A line for the user; from any thread.</summary>
    void Say(string line);
}
