namespace NanoGpt.Training.Tests;

public class PythonLiteralTests
{
    [Theory]
    [InlineData("True", true)]
    [InlineData("true", true)]
    [InlineData("False", false)]
    [InlineData(" false ", false)]
    [InlineData("0", 0L)]
    [InlineData("-3", -3L)]
    [InlineData("+3", 3L)]
    [InlineData("--3", 3L)]
    [InlineData("1_000", 1000L)]
    [InlineData("5*8", 40L)]
    [InlineData("5 * 8", 40L)]
    [InlineData("2 + 3 * 4 - 1", 13L)]
    [InlineData("2*(3+4)", 14L)]
    [InlineData("10 - 2 - 3", 5L)]
    [InlineData("5e-4", 5e-4)]
    [InlineData("5E+3", 5e3)]
    [InlineData("1e3", 1e3)]
    [InlineData(".5", 0.5)]
    [InlineData("1.", 1.0)]
    [InlineData("1_0.2_5", 10.25)]
    [InlineData("2 * 1e-3", 2e-3)]
    [InlineData("-1e-3", -1e-3)]
    [InlineData("1e-3+1", 1.001)]
    [InlineData("'text'", "text")]
    [InlineData("\"it's\"", "it's")]
    [InlineData(@"'it\'s \n \\ \d'", "it's \n \\ \\d")]
    [InlineData("''", "")]
    public void Reads(string text, object value) => Assert.Equal(value, PythonLiteral.Parse(text));

    [Theory]
    [InlineData("")]
    [InlineData("  ")]
    [InlineData("None")]
    [InlineData("abc")]
    [InlineData("str(5)")]
    [InlineData("1 2")]
    [InlineData("5*")]
    [InlineData("*5")]
    [InlineData("5**2")]
    [InlineData("6/2")]
    [InlineData("(1")]
    [InlineData("1)")]
    [InlineData("1__0")]
    [InlineData("_1")]
    [InlineData("1_")]
    [InlineData("1_e5")]
    [InlineData("1e")]
    [InlineData("1.2.3")]
    [InlineData("0x10")]
    [InlineData("1e999")]
    [InlineData("1e308*100")]
    [InlineData("-1e308-1e308")]
    [InlineData("99999999999999999999")]
    [InlineData("9223372036854775807+1")]
    [InlineData("'open")]
    [InlineData("'open\\")]
    [InlineData("'a' + 'b'")]
    [InlineData("True + 1")]
    [InlineData("[1, 2]")]
    [InlineData("1; import os")]
    [InlineData("Infinity")]
    public void Refuses(string text) => Assert.Throws<FormatException>(() => PythonLiteral.Parse(text));

    [Fact]
    public void Reads_what_is_nested_a_little_and_refuses_what_is_nested_a_lot()
    {
        Assert.Equal(1L, PythonLiteral.Parse($"{new string('(', 99)}1{new string(')', 99)}"));
        foreach (char sign in "(-+")
            Assert.Throws<FormatException>(() => PythonLiteral.Parse($"{new string(sign, 100_000)}1"));
    }
}
