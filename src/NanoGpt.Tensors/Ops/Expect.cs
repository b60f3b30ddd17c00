using System.Runtime.CompilerServices;

namespace NanoGpt.Tensors;

public static partial class Ops
{
    /// <summary>Refuses an operand of another number of dimensions, or without elements.</summary>
    static void Expect(Tensor operand, int rank, [CallerMemberName] string operation = "", [CallerArgumentExpression(nameof(operand))] string name = "")
    {
        if (operand.Shape.Rank != rank) throw new ArgumentException($"{operation}: {name} {operand.Shape} must have {rank} dimension{(rank == 1 ? "" : "s")}.");
        ExpectRows(operand, operation, name);
    }

    /// <summary>Refuses an operand that is not made of rows, or without elements.</summary>
    static void ExpectRows(Tensor operand, [CallerMemberName] string operation = "", [CallerArgumentExpression(nameof(operand))] string name = "")
    {
        if (operand.Shape.Rank == 0 || operand.Shape.Count == 0) throw new ArgumentException($"{operation}: {name} {operand.Shape} has no rows of elements.");
    }

    /// <summary>Refuses what is no probability, and 1, which would leave nothing to scale up.</summary>
    static void ExpectDropout(float probability, [CallerMemberName] string operation = "")
    {
        if (!(probability >= 0 && probability < 1)) throw new ArgumentException($"{operation}: dropout must be at least 0 and below 1, not {probability}.");
    }

    /// <summary>The values of a weight, for a kernel that takes fp32.</summary>
    static Storage Wide(Parameter weight, [CallerMemberName] string operation = "") =>
        weight.IsNarrow ? throw new InvalidOperationException($"{operation}: {weight.Name} was narrowed to bf16 and can only write text; load the model again.") : weight.Values;
}
