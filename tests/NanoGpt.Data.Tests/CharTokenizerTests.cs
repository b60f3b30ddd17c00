namespace NanoGpt.Data.Tests;

public class CharTokenizerTests
{
    [Fact]
    public void Ids_follow_the_order_of_code_points_not_of_utf16()
    {
        // U+FF01 sorts after the surrogates in UTF-16, but before U+1F600 as a code point.
        var tokenizer = CharTokenizer.FromText("b😀a！a");
        Assert.Equal(["a", "b", "！", "😀"], tokenizer.Vocabulary);
        Assert.Equal([1, 3, 0, 2, 0], tokenizer.Encode("b😀a！a"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("hello\n\tworld")]
    [InlineData("naïve 😀👍🏽 日本語")]
    public void Decoding_gives_the_encoded_text_back(string text)
    {
        var tokenizer = CharTokenizer.FromText(text);
        Assert.Equal(text, tokenizer.Decode(tokenizer.Encode(text)));
        Assert.Equal(text.EnumerateRunes().Distinct().Count(), tokenizer.VocabSize);
    }

    [Theory]
    [InlineData("abéz", "'é' (U+00E9) at character 2")]
    [InlineData("a😀z", "'😀' (U+1F600) at character 1")]
    [InlineData("ab\0", "the control character U+0000 at character 2")]
    public void The_first_character_outside_the_vocabulary_is_named(string text, string named)
    {
        var error = Assert.Throws<ArgumentException>(() => CharTokenizer.FromText("ab").Encode(text));
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Half_a_character_is_refused()
    {
        var error = Assert.Throws<ArgumentException>(() => CharTokenizer.FromText("ab").Encode("a\uD83Db"));
        Assert.Contains("the unpaired surrogate U+D83D at character 1", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => new CharTokenizer(["a", "\uDC00"]));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(2)]
    public void An_id_outside_the_vocabulary_is_refused(int id)
    {
        var error = Assert.Throws<ArgumentException>(() => CharTokenizer.FromText("ab").Decode([0, id]));
        Assert.Contains($"Token {id} ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_hash_tells_vocabularies_apart()
    {
        string hash = CharTokenizer.FromText("abc").Hash;
        Assert.Equal(64, hash.Length);
        Assert.Equal(hash, new CharTokenizer(["a", "b", "c"]).Hash);
        Assert.NotEqual(hash, new CharTokenizer(["b", "a", "c"]).Hash);
        Assert.NotEqual(hash, CharTokenizer.FromText("abcd").Hash);
    }

    [Theory]
    [InlineData("a", "a")]
    [InlineData("a", "")]
    [InlineData("a", "bc")]
    public void A_vocabulary_of_anything_but_distinct_characters_is_refused(params string[] vocabulary) =>
        Assert.Throws<ArgumentException>(() => new CharTokenizer(vocabulary));
}
