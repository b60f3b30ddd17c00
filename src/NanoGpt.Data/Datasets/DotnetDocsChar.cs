using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Xml;
using System.Xml.Linq;

namespace NanoGpt.Data;

/// <summary>
/// The documentation of .NET's class library: real English on every machine that has the SDK. The documentation of each
/// member is a paragraph; a line that occurred before is dropped, so nothing is learned by having been copied.
/// </summary>
internal sealed class DotnetDocsChar : CharDatasetRecipe
{
    // Their documentation is tables of machine instructions.
    static readonly string[] NotProse = ["System.Runtime.Intrinsics.Arm.", "System.Runtime.Intrinsics.Wasm.", "System.Runtime.Intrinsics.X86."];

    public override string Name => "dotnet_docs_char";

    public override string Description => "the API documentation in the .NET SDK, 7 MB of English, character by character; offline";

    /// <summary>Where a .NET SDK may be.</summary>
    public IEnumerable<string> Roots { get; init; } = TargetingPack.LikelyRoots();

    internal override TextCorpus Gather(IReadOnlyList<string> inputs, string directory, IProgress<PrepareProgress>? progress, CancellationToken cancellation)
    {
        if (inputs.Count > 0) throw new ArgumentException($"{Name} is made of the SDK's own files and takes no --input; use text_char for your own text.");
        TargetingPack pack = TargetingPack.Find(Roots);
        try
        {
            return Extract(pack, progress, cancellation);
        }
        catch (XmlException e)
        {
            throw new InvalidDataException($"'{e.SourceUri}' is not valid XML (line {e.LineNumber}); repair the .NET SDK, or prepare another data set.", e);
        }
    }

    static Corpus Extract(TargetingPack pack, IProgress<PrepareProgress>? progress, CancellationToken cancellation)
    {
        var names = new ApiNames();
        foreach (XElement member in pack.Files.SelectMany(Members)) names.Learn(member);

        var prose = new ApiProse(names);
        var seen = new HashSet<string>();
        var paragraphs = new List<string>();
        var sources = new List<SourceFile>();
        int exotic = 0;
        long done = 0, total = pack.Files.Sum(file => new FileInfo(file).Length);
        foreach (string file in pack.Files)
        {
            foreach (XElement member in Members(file).Where(IsProse))
            {
                string[] lines = [.. prose.Lines(member).Where(seen.Add)];
                string[] plain = [.. lines.Where(line => Ascii.IsValid(line))];
                exotic += lines.Length - plain.Length;
                if (plain.Length > 0) paragraphs.Add(string.Join('\n', plain) + "\n\n");
            }
            byte[] bytes = File.ReadAllBytes(file);
            sources.Add(new SourceFile(pack.NameOf(file), bytes.Length, Convert.ToHexStringLower(SHA256.HashData(bytes))));
            cancellation.ThrowIfCancellationRequested();
            progress?.Report(new PrepareProgress(PrepareStage.Extract, done += bytes.Length, total));
        }
        return new Corpus(Shuffle(paragraphs), sources, [
            $"The text is the API documentation in {Path.GetDirectoryName(pack.Files[0])}.",
            string.Create(CultureInfo.InvariantCulture, $"Left out: lines that occur again, processor intrinsics, and {exotic} lines with characters outside ASCII."),
        ]);
    }

    static bool IsProse(XElement member)
    {
        string id = (string?)member.Attribute("name") ?? "";
        return !NotProse.Any(prefix => id.IndexOf(prefix, StringComparison.Ordinal) == 2); // after "T:", "M:"
    }

    static IEnumerable<XElement> Members(string file)
    {
        using var reader = XmlReader.Create(file, new XmlReaderSettings { IgnoreComments = true });
        for (bool more = reader.ReadToFollowing("member"); more;)
        {
            yield return (XElement)XNode.ReadFrom(reader);
            more = (reader.NodeType == XmlNodeType.Element && reader.Name == "member") || reader.ReadToFollowing("member");
        }
    }

    /// <summary>Orders paragraphs by the hash of their text: mixed, so that the last tenth resembles the rest, and the same everywhere.</summary>
    static string[] Shuffle(List<string> paragraphs)
    {
        string[] shuffled = [.. paragraphs];
        UInt128[] keys = [.. shuffled.Select(paragraph => System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes(paragraph))))];
        Array.Sort(keys, shuffled);
        return shuffled;
    }

    sealed class Corpus(string[] paragraphs, List<SourceFile> sources, string[] notes) : TextCorpus
    {
        public override long Bytes { get; } = paragraphs.Sum(paragraph => (long)paragraph.Length);

        public override IReadOnlyList<SourceFile> Sources => sources;

        public override IReadOnlyList<string> Notes => notes;

        public override IEnumerable<ReadOnlyMemory<char>> Read(Action<long> progress)
        {
            long done = 0;
            foreach (string paragraph in paragraphs)
            {
                progress(done += paragraph.Length);
                yield return paragraph.AsMemory();
            }
        }
    }
}
