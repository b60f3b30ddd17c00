namespace NanoGpt.Tensors;

/// <summary>Hears from a <see cref="Tape"/> which gradients grow, so that one that is final can be used while the way back goes on.</summary>
public interface IGradientListener
{
    /// <summary>The step that runs, or the next one, puts something into the gradient of a parameter.</summary>
    void Touched(Parameter parameter);

    /// <summary>A step of the way back is done: what it touched is written.</summary>
    void StepDone();
}
