using System.Text;

namespace NanoGpt.Models.Tests;

public sealed class NanoGptMetaTests : IDisposable
{
    readonly TempFolder folder = new();

    public void Dispose() => folder.Dispose();

    /// <summary>What <c>pickle.dump</c> of Python 3.11 makes of nanoGPT's dictionary, of the characters <c>"\naé😀"</c>.</summary>
    const string OfPython = "gASVVgAAAAAAAAB9lCiMCnZvY2FiX3NpemWUSwSMBGl0b3OUfZQoSwCMAQqUSwGMAWGUSwKMAsOplEsDjATwn5iAlHWMBHN0b2mUfZQoaARLAGgFSwFoBksCaAdLA3V1Lg==";

    [Fact]
    public void What_Python_writes_and_what_is_written_here_is_read()
    {
        string[] characters = ["\n", "a", "é", "😀"];
        Assert.Equal(characters, NanoGptMeta.Read(folder.Write("meta.pkl", Convert.FromBase64String(OfPython))));
        var stream = new MemoryStream();
        NanoGptMeta.Write(stream, characters);
        Assert.Equal(characters, NanoGptMeta.Read(folder.Write("meta.pkl", stream.ToArray())));
    }

    [Theory]
    [InlineData("}.", "it has no stoi and itos")]
    [InlineData("].", "it has no stoi and itos")]
    [InlineData("}X\u0004\0\0\0itos}X\u0001\0\0\0aK\0ssX\u0004\0\0\0stoi}X\u0001\0\0\0aK\0ss.", "its itos has no text for 0")]
    [InlineData("}X\u0004\0\0\0itos}K\0X\u0001\0\0\0assX\u0004\0\0\0stoi}X\u0001\0\0\0bK\0ss.", "its itos says that 0 is 'a', but its stoi does not")]
    [InlineData("}X\u0004\0\0\0itos}sX\u0004\0\0\0stoi}X\u0001\0\0\0bK\0ss.", "are of different sizes")]
    [InlineData("}X\u0004\0\0\0itos}sX\u0004\0\0\0stoi}sX\u000A\0\0\0vocab_sizeK\u0001s.", "are of different sizes")]
    [InlineData("cposix\nsystem\nX\u0004\0\0\0true\u0085R.", "the pickle names 'posix.system', which is neither a tensor nor a plain value; nothing in it was run")]
    [InlineData("not a pickle", "the pickle")]
    [InlineData("", "the pickle is cut short")]
    public void What_is_something_else_is_refused_in_a_sentence(string pickle, string expected)
    {
        string path = folder.Write("meta.pkl", Encoding.Latin1.GetBytes(pickle));
        string message = Assert.Throws<InvalidDataException>(() => NanoGptMeta.Read(path)).Message;
        Assert.StartsWith($"{path}: this is no meta.pkl of nanoGPT that can be read: ", message);
        Assert.Contains(expected, message);
    }

    [Fact]
    public void Damaged_files_are_read_or_refused()
    {
        byte[] good = Convert.FromBase64String(OfPython);
        var random = new Random(7);
        int refused = 0;
        for (int round = 0; round < 2000; round++)
        {
            byte[] bytes = round % 2 == 0 ? good[..random.Next(good.Length)] : [.. good];
            for (int i = random.Next(1, 4); i > 0 && bytes.Length > 0; i--) bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            try
            {
                NanoGptMeta.Read(folder.Write("meta.pkl", bytes));
            }
            catch (InvalidDataException)
            {
                refused++;
            }
        }
        Assert.InRange(refused, 1000, 2000);
    }
}
