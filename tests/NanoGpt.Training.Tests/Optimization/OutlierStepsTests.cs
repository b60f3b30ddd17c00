namespace NanoGpt.Training.Tests;

public class OutlierStepsTests
{
    /// <summary>128 values around 3, of which half are a tenth above and half a tenth below: mean 3, standard deviation 0.1.</summary>
    static void Fill(OutlierSteps steps)
    {
        for (int i = 0; i < 128; i++) Assert.False(steps.Judge(i % 2 == 0 ? 2.9 : 3.1, i % 2 == 0 ? 2.9 : 3.1));
    }

    [Fact]
    public void The_score_is_the_distance_from_the_mean_of_128_in_standard_deviations()
    {
        var steps = new OutlierSteps(3);
        Fill(steps);
        Assert.True(double.IsNaN(steps.LossScore));
        Assert.False(steps.Judge(3.1, 3.0));

        // The oldest, 2.9, has gone: 63 of 2.9, 64 of 3.1 and the new one.
        double[] window = [.. Enumerable.Repeat(2.9, 63), .. Enumerable.Repeat(3.1, 65)];
        double mean = window.Sum() / 128, deviation = Math.Sqrt(window.Sum(x => x * x) / 128 - mean * mean);
        Assert.Equal((3.1 - mean) / deviation, steps.LossScore, 9);
    }

    [Theory]
    [InlineData(4.0, 3.0, true)]
    [InlineData(3.0, 4.0, true)]
    [InlineData(3.0, 3.0, false)]
    [InlineData(2.0, 3.0, false)]       // better than expected is no reason to skip
    public void Loss_or_gradient_norm_far_above_is_an_outlier(double loss, double norm, bool outlier)
    {
        var steps = new OutlierSteps(3);
        Fill(steps);
        Assert.Equal(outlier, steps.Judge(loss, norm));
    }

    [Fact]
    public void No_score_is_above_the_largest()
    {
        var steps = new OutlierSteps(OutlierSteps.LargestScore - 0.01);
        for (int i = 0; i < 128; i++) steps.Judge(3, 3);
        Assert.True(steps.Judge(1e9, 3));
        Assert.Equal(OutlierSteps.LargestScore, steps.LossScore, 6);
        Assert.Equal(0, steps.NormScore);
    }

    [Fact]
    public void Restored_it_judges_as_if_it_had_not_been_interrupted()
    {
        var random = new Random(3);
        OutlierSteps whole = new(1.5), resumed = new(1.5);
        for (int i = 0; i < 300; i++)
        {
            if (i == 170)
            {
                resumed = new(1.5);
                resumed.Restore([.. whole.Losses], [.. whole.Norms]);
            }
            double loss = random.NextDouble(), norm = random.NextDouble();
            Assert.Equal(whole.Judge(loss, norm), resumed.Judge(loss, norm));
            Assert.Equal(whole.LossScore, resumed.LossScore);
        }
    }

    [Fact]
    public void Off_it_keeps_nothing()
    {
        var steps = new OutlierSteps(0);
        for (int i = 0; i < 200; i++) Assert.False(steps.Judge(i * i * i, i));
        Assert.Empty(steps.Losses);
    }
}
