using System.Xml.Linq;

namespace NanoGpt.Data.Tests;

public sealed class DotnetDocsCharTests : IDisposable
{
    readonly TempFolder folder = new();

    public void Dispose() => folder.Dispose();

    static string TextOf(string data)
    {
        using var dataset = TokenDataset.Open(data);
        int[] train = new int[dataset[Split.Train].Count], val = new int[dataset[Split.Val].Count];
        dataset[Split.Train].Read(0, train);
        dataset[Split.Val].Read(0, val);
        return dataset.Tokenizer!.Decode([.. train, .. val]);
    }

    [Fact]
    public void The_documentation_of_this_sdk_is_a_corpus_of_distinct_plain_english()
    {
        PreparedDataset prepared = Datasets.Prepare("dotnet_docs_char", [], folder["a"]);
        Assert.InRange(prepared.Meta.TrainTokens + prepared.Meta.ValTokens, 4_000_000, 16_000_000);
        Assert.InRange(prepared.Meta.VocabSize, 60, 127);
        string text = TextOf(folder["a"]);
        string[] lines = [.. text.Split('\n').Where(line => line.Length > 0)];
        Assert.Equal(lines.Length, lines.Distinct().Count());
        Assert.DoesNotMatch("</?(see|seealso|paramref|typeparamref|xref|para|code|list|br|p|sup)\\b[^>]*>", text);
        Assert.DoesNotMatch("[TMPFE]:System\\.", text);
        Assert.DoesNotMatch("&(lt|gt|amp|quot|#\\d+);", text);
        Assert.DoesNotMatch("  |\n\n\n|\t|\r| \n", text);
        Assert.Equal(Path.GetFileName(prepared.Meta.Sources[0].Name), Path.GetFileName(prepared.Meta.Sources.MinBy(source => source.Name, StringComparer.Ordinal)!.Name));

        Datasets.Prepare("dotnet_docs_char", [], folder["b"]);
        foreach (string file in new[] { "train.bin", "val.bin", "meta.json" })
            Assert.Equal(Sha256.OfFile(Path.Combine(folder["a"], file)), Sha256.OfFile(Path.Combine(folder["b"], file)));
    }

    static readonly ApiNames Names = LearnedNames();

    static ApiNames LearnedNames()
    {
        var names = new ApiNames();
        names.Learn(XElement.Parse("""<member name="T:System.Collections.Generic.Dictionary`2"><typeparam name="TKey"/><typeparam name="TValue"/></member>"""));
        names.Learn(XElement.Parse("""<member name="T:System.UInt32"/>"""));
        return names;
    }

    [Theory]
    [InlineData("T:System.String", "String")]
    [InlineData("T:System.Collections.Generic.Dictionary`2", "Dictionary<TKey, TValue>")]
    [InlineData("T:System.Unheard`1", "Unheard<T>")]
    [InlineData("M:System.String.Concat(System.Object,System.Collections.Generic.List{System.Int32})", "String.Concat")]
    [InlineData("M:System.Collections.Generic.Dictionary`2.Add(`0,`1)", "Dictionary<TKey, TValue>.Add")]
    [InlineData("M:System.Linq.Enumerable.Select``2(System.Func{``0,``1})", "Enumerable.Select")]
    [InlineData("M:System.Random.#ctor(System.Int32)", "Random()")]
    [InlineData("M:System.Array.System#Collections#IList#Add(System.Object)", "Array.Add")]
    [InlineData("M:System.Decimal.op_Explicit(System.Decimal)~System.Byte", "Decimal.op_Explicit")]
    [InlineData("F:System.Int32.MaxValue", "Int32.MaxValue")]
    [InlineData("Overload:System.Text.Encoding.GetBytes", "Encoding.GetBytes")]
    [InlineData("N:System.Collections.Generic", "System.Collections.Generic")]
    [InlineData("System.UInt32", "UInt32")]
    [InlineData("System.Threading.CancellationToken.None", "CancellationToken.None")]
    [InlineData("value", "value")]
    public void References_become_names(string reference, string name) => Assert.Equal(name, Names.Resolve(reference));

    [Fact]
    public void A_member_becomes_lines_of_prose()
    {
        XElement member = XElement.Parse("""
            <member name="M:X.Y(System.Int32)">
              <summary>Adds <paramref name="value" /> to
                the <see cref="T:System.Collections.Generic.Dictionary`2" />—if it isn’t <see langword="null" />&#160;&amp; &lt; 3&amp;#39;.</summary>
              <returns>
                <see langword="true" /> if <c>T:System.String</c> or <see langword="T:System.UInt32" />.<list type="table"><listheader><term>No</term></listheader><item><term>Zero</term><description>Nothing.</description></item></list></returns>
              <param name="value">The value; see <see href="https://example.org">the page</see>.</param>
              <param name="empty"></param>
              <exception cref="T:System.ArgumentException"><para>It is.</para><para>-or-</para><para>It was.</para></exception>
            </member>
            """);
        Assert.Equal([
            "Adds value to the Dictionary<TKey, TValue>-if it isn't null & < 3'.",
            "value: The value; see the page.",
            "Returns: true if String or UInt32. Zero: Nothing.",
            "Throws ArgumentException: It is. -or- It was.",
        ], new ApiProse(Names).Lines(member));
    }

    [Fact]
    public void The_newest_pack_of_the_first_root_that_has_one_is_used()
    {
        foreach (string version in new[] { "9.0.11", "10.0.0-rc.1", "10.0.2", "10.0.10", "10.0.10-preview.1", "notes" })
            folder.Write($"dotnet/packs/Microsoft.NETCore.App.Ref/{version}/ref/net{version.Split('.')[0]}.0/A.xml", "<doc/>");
        TargetingPack pack = TargetingPack.Find([folder["nothing"], folder["dotnet"]]);
        string file = Assert.Single(pack.Files);
        Assert.Equal("Microsoft.NETCore.App.Ref/10.0.10/ref/net10.0/A.xml", pack.NameOf(file));
    }

    [Fact]
    public void Exotic_lines_and_intrinsics_are_left_out_and_it_is_said()
    {
        folder.Write("dotnet/packs/Microsoft.NETCore.App.Ref/10.0.0/ref/net10.0/A.xml", """
            <doc><members><member name="T:A.B"><summary>A sentence of English.</summary><remarks>日本語</remarks></member><member name="T:A.C"><summary>A sentence of English.</summary></member>
            <member name="M:System.Runtime.Intrinsics.X86.Avx.Add"><summary>VADDPS ymm</summary></member></members></doc>
            """);
        TextCorpus corpus = new DotnetDocsChar { Roots = [folder["dotnet"]] }.Gather([], folder["data"], null, default);
        Assert.Equal("A sentence of English.\n\n", string.Concat(corpus.Read(_ => { })));
        Assert.Contains(corpus.Notes, note => note.Contains("1 lines with characters outside ASCII", StringComparison.Ordinal));
    }

    [Fact]
    public void Missing_packs_are_answered_with_the_places_and_the_alternatives()
    {
        var recipe = new DotnetDocsChar { Roots = [folder["one"], folder["two"]] };
        var error = Assert.Throws<FileNotFoundException>(() => recipe.Gather([], folder["data"], null, default));
        Assert.All(new[] { folder["one"], folder["two"], "shakespeare_char", "text_char" }, part => Assert.Contains(part, error.Message, StringComparison.Ordinal));
        Assert.Throws<ArgumentException>(() => recipe.Gather(["a.txt"], folder["data"], null, default));
    }

    [Fact]
    public void Broken_documentation_is_refused_by_name()
    {
        string file = folder.Write("dotnet/packs/Microsoft.NETCore.App.Ref/10.0.0/ref/net10.0/A.xml", "<doc><members><member name='T:A'>");
        var recipe = new DotnetDocsChar { Roots = [folder["dotnet"]] };
        Assert.Contains(Path.GetFileName(file), Assert.Throws<InvalidDataException>(() => recipe.Gather([], folder["data"], null, default)).Message, StringComparison.Ordinal);
    }
}
