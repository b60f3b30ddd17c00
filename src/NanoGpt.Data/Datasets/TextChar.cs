namespace NanoGpt.Data;

/// <summary>The user's own text.</summary>
internal sealed class TextChar : CharDatasetRecipe
{
    public override string Name => "text_char";

    public override string Description => "your own UTF-8 text, character by character; name files or folders with --input";

    public override bool HasSource => false;

    internal override TextCorpus Gather(IReadOnlyList<string> inputs, string directory, IProgress<PrepareProgress>? progress, CancellationToken cancellation) =>
        inputs.Count > 0
            ? new Utf8Corpus(inputs)
            : throw new ArgumentException($"{Name} needs text: name files or folders with --input.");
}
