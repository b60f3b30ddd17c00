namespace NanoGpt.Models;

/// <summary>How the next token is drawn from the logits. The steps come in the order of the parameters but for the last two.</summary>
/// <param name="Temperature">Divides the logits: below 1 bolder, above 1 more varied; 0 always takes the likeliest.</param>
/// <param name="TopK">Only the so many likeliest tokens can be drawn; 0 is all.</param>
/// <param name="TopP">Only the likeliest tokens that together have this probability can be drawn (nucleus sampling, Holtzman et al. 2020); 1 is all.</param>
/// <param name="Seed">Equal seeds give equal text.</param>
/// <param name="MinP">Only tokens at least so likely, as a part of the likeliest, can be drawn (Nguyen et al. 2024); 0 is all.</param>
/// <param name="RepetitionPenalty">
/// Before all else, the logits of tokens that the text has already, prompt included, are divided by it where they are positive and multiplied
/// where they are negative (Keskar et al. 2019); 1 is no penalty.
/// </param>
public sealed record SamplingOptions(double Temperature = 0.8, int TopK = 200, double TopP = 1, int Seed = 1337, double MinP = 0, double RepetitionPenalty = 1)
{
    /// <summary>Checks the values.</summary>
    /// <exception cref="ArgumentException">One is out of its range; the message names it.</exception>
    public void Validate()
    {
        if (!(Temperature >= 0) || double.IsInfinity(Temperature)) throw new ArgumentException($"temperature is {Temperature}, but must be 0 or more.");
        if (TopK < 0) throw new ArgumentException($"top_k is {TopK}, but must be 0 (all) or more.");
        if (!(TopP > 0 && TopP <= 1)) throw new ArgumentException($"top_p is {TopP}, but must be above 0 and at most 1.");
        if (!(MinP >= 0 && MinP <= 1)) throw new ArgumentException($"min_p is {MinP}, but must be at least 0 (all) and at most 1.");
        if (!(RepetitionPenalty > 0) || double.IsInfinity(RepetitionPenalty)) throw new ArgumentException($"repetition_penalty is {RepetitionPenalty}, but must be above 0; 1 is none.");
    }
}
