namespace NanoGpt.Tensors.Tests;

public class LastPositionTests
{
    [Fact]
    public void The_last_row_of_each_sequence_comes_out()
    {
        using var tape = new Tape(Devices.Widest);
        tape.Reset();
        var y = Ops.LastPosition(tape.Input([.. Enumerable.Range(0, 12).Select(i => (float)i)], new Shape(2, 3, 2)));
        Assert.Equal(new Shape(2, 2), y.Shape);
        Assert.Equal([4, 5, 10, 11], y.ToArray());
    }

    [Fact]
    public void It_is_refused_while_recording()
    {
        using var tape = new Tape(Devices.Widest) { Recording = true };
        tape.Reset();
        var x = tape.New(new Shape(1, 2, 3));
        Assert.Throws<InvalidOperationException>(() => Ops.LastPosition(x));
    }
}
