namespace NanoGpt.Data;

/// <summary>What preparation made.</summary>
/// <param name="Directory">The directory of the data set.</param>
/// <param name="Meta">What its <c>meta.json</c> says.</param>
/// <param name="Notes">Sentences the user should read: where the text is from, what was left out.</param>
public sealed record PreparedDataset(string Directory, DatasetMeta Meta, IReadOnlyList<string> Notes);
