using System.IO.Enumeration;
using NanoGpt.Data;
using NanoGpt.Tensors;

namespace NanoGpt.Training;

/// <summary>The key <c>frozen</c>: which parameters of a model stay as they are.</summary>
public static class FrozenParameters
{
    /// <summary>Freezes what the patterns name, and nothing else.</summary>
    /// <param name="patterns">Names separated by commas, in which * stands for any text: <c>transformer.wte.weight, *.ln_1.*</c>.</param>
    /// <param name="parameters">The parameters of the model.</param>
    /// <returns>How many values are frozen.</returns>
    /// <exception cref="ArgumentException">A pattern names nothing, or nothing is left to train.</exception>
    public static long Freeze(string patterns, IReadOnlyList<Parameter> parameters)
    {
        foreach (string pattern in patterns.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            var named = parameters.Where(p => FileSystemName.MatchesSimpleExpression(pattern, p.Name, ignoreCase: false)).ToList();
            if (named.Count == 0)
                throw new ArgumentException($"frozen: no parameter is named '{pattern}'; did you mean '{Nearest.Name(pattern, parameters.Select(p => p.Name))}'? A * stands for any text.");
            foreach (var parameter in named) parameter.Frozen = true;
        }
        if (parameters.All(p => p.Frozen)) throw new ArgumentException($"frozen: '{patterns}' names every parameter of the model, which leaves nothing to train.");
        return parameters.Where(p => p.Frozen).Sum(p => p.Shape.Count);
    }
}
