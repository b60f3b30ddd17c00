namespace NanoGpt.Training.Tests;

public class LearningRateTests
{
    [Fact]
    public void The_longest_warm_up_begins_above_zero() =>
        Assert.Equal(0.5 / 2147483648, LearningRate.At(0, new TrainConfig { LearningRate = 0.5, WarmupIters = int.MaxValue }));
}
