namespace NanoGpt.Cli.Tests;

public class StopTextTests
{
    [Theory]
    [InlineData("abc", "abc", false, "END")]
    [InlineData("abc", "abcEND", true, "END")]
    [InlineData("abcEN", "abcEN", false, "END")]
    [InlineData("abEE", "abEEND", true, "ND")]
    [InlineData("a", "a--b", true, "x", "--")]
    [InlineData("", "aab", true, "aab", "ab")]
    [InlineData("aaa", "aaaab", true, "ab")]
    public void Text_comes_out_up_to_the_stop_text_however_it_is_cut(string expected, string text, bool stops, params string[] stopTexts)
    {
        for (int piece = 1; piece <= text.Length; piece++)
        {
            var filter = new StopText(stopTexts);
            string shown = "";
            bool stopped = false;
            for (int at = 0; at < text.Length && !stopped; at += piece)
            {
                (string part, stopped) = filter.Append(text[at..Math.Min(text.Length, at + piece)]);
                shown += part;
            }
            if (!stopped) shown += filter.Flush();
            Assert.Equal((expected, stops), (shown, stopped));
        }
    }
}
