using NanoGpt.Tensors;

namespace NanoGpt.Models;

/// <summary>
/// A piece of a model: parameters, and smaller pieces. Names join with dots, as PyTorch's do, so checkpoints of either read alike.
/// </summary>
public abstract class Module
{
    readonly List<Parameter> parameters = [];

    /// <summary>Every parameter of the module and of what is within it, in the order of registration.</summary>
    public IReadOnlyList<Parameter> Parameters => parameters;

    /// <summary>Registers a parameter and returns it.</summary>
    protected Parameter Register(Parameter parameter)
    {
        parameters.Add(parameter);
        return parameter;
    }

    /// <summary>Registers a module under a name and returns it.</summary>
    protected T Register<T>(string name, T module) where T : Module
    {
        foreach (var parameter in module.Parameters)
        {
            parameter.Rename($"{name}.{parameter.Name}");
            parameters.Add(parameter);
        }
        return module;
    }
}
