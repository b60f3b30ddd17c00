using System.Buffers.Binary;
using NanoGpt.Models;
using static NanoGpt.Training.Tests.SafetensorsBytes;

namespace NanoGpt.Training.Tests;

public sealed class SafetensorsHeaderTests : IDisposable
{
    readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("does not begin with '{'", " {}")]
    [InlineData("does not begin with '{'", "")]
    [InlineData("not valid JSON", "{")]
    [InlineData("not valid JSON", "{} x")]
    [InlineData("not valid JSON", "{} {}")]
    [InlineData("not valid JSON", "{,}")]
    [InlineData("'a' must have an object", """{"a":1}""")]
    [InlineData("lacks its dtype", """{"a":{"shape":[],"data_offsets":[0,0]}}""")]
    [InlineData("lacks its shape", """{"a":{"dtype":"F32","data_offsets":[0,0]}}""")]
    [InlineData("lacks its data_offsets", """{"a":{"dtype":"F32","shape":[0]}}""")]
    [InlineData("has two fields shape", """{"a":{"dtype":"F32","shape":[0],"shape":[0],"data_offsets":[0,0]}}""")]
    [InlineData("has dtype 'F33'", """{"a":{"dtype":"F33","shape":[0],"data_offsets":[0,0]}}""")]
    [InlineData("has dtype '9'", """{"a":{"dtype":"9","shape":[0],"data_offsets":[0,0]}}""")]
    [InlineData("must have a dtype in quotes", """{"a":{"dtype":1,"shape":[0],"data_offsets":[0,0]}}""")]
    [InlineData("must have a list as its shape", """{"a":{"dtype":"F32","shape":4,"data_offsets":[0,0]}}""")]
    [InlineData("whole number", """{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,0]}}""")]
    [InlineData("whole number", """{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,0]}}""")]
    [InlineData("whole number", """{"a":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,0]}}""")]
    [InlineData("whole number", """{"a":{"dtype":"F32","shape":["1"],"data_offsets":[0,0]}}""")]
    [InlineData("not a begin and an end", """{"a":{"dtype":"F32","shape":[0],"data_offsets":[0]}}""")]
    [InlineData("not a begin and an end", """{"a":{"dtype":"F32","shape":[0],"data_offsets":[4,0]}}""")]
    [InlineData("not a begin and an end", """{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,9223372036854775807]}}""")]
    [InlineData("does not fit", """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}""")]
    [InlineData("does not fit", """{"a":{"dtype":"F64","shape":[4611686018427387904,4],"data_offsets":[0,0]}}""")]
    [InlineData("does not fit", """{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}""")]
    [InlineData("cut short", """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""")]
    [InlineData("tensors end", """{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}""")]
    [InlineData("tensors end", "{}")]
    [InlineData("begins at byte", """{"a":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}""")]
    [InlineData("begins at byte", """{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[3],"data_offsets":[1,4]}}""")]
    [InlineData("begins at byte", """{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}""")]
    [InlineData("the name 'a' occurs twice", """{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"a":{"dtype":"U8","shape":[0],"data_offsets":[4,4]}}""")]
    [InlineData("the name '__metadata__' occurs twice", """{"__metadata__":{},"__metadata__":{},"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}""")]
    [InlineData("occurs twice in __metadata__", """{"__metadata__":{"x":"1","x":"2"}}""")]
    [InlineData("'__metadata__' must have only text", """{"__metadata__":{"x":1}}""")]
    [InlineData("'__metadata__' must have an object", """{"__metadata__":[]}""")]
    [InlineData("not UTF-8", """{"\uD800":1}""")]
    public void A_header_that_breaks_a_rule_names_file_and_rule(string rule, string header)
    {
        string message = Assert.Throws<InvalidDataException>(() => Open(folder, WithHeader(header, 0, 0, 0, 0))).Message;
        Assert.StartsWith($"{folder.File("x.safetensors")}: not a valid safetensors file: ", message);
        Assert.Contains(rule, message);
    }

    [Theory]
    [InlineData("{ \"a\" : { \"data_offsets\" : [0, 4], \"new\" : [{}], \"shape\" : [1, 4, 1], \"dtype\" : \"U8\" } }  \n\t ")]
    [InlineData("""{"z":{"dtype":"U8","shape":[2],"data_offsets":[2,4]},"e":{"dtype":"F64","shape":[9,0],"data_offsets":[2,2]},"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}""")]
    public void A_header_may_be_spaced_unaligned_unordered_and_have_fields_of_the_future(string header)
    {
        using var file = Open(folder, WithHeader(header, 1, 2, 3, 4));
        byte[] first = new byte[2];
        file.ReadBytes("a", first);
        Assert.Equal([1, 2], first);
    }

    [Theory]
    [InlineData(new byte[0], "fewer than the 8")]
    [InlineData(new byte[] { 2, 0, 0, 0, 0, 0, 0 }, "fewer than the 8")]
    [InlineData(new byte[] { 3, 0, 0, 0, 0, 0, 0, 0, 0x7B, 0x7D }, "goes beyond the file of 10")]
    [InlineData(new byte[] { 0, 0xE1, 0xF5, 0x05, 0, 0, 0, 0, 0x7B, 0x7D }, "goes beyond the file of 10")]
    [InlineData(new byte[] { 1, 0xE1, 0xF5, 0x05, 0, 0, 0, 0, 0x7B, 0x7D }, "above the limit of 100000000")]
    [InlineData(new byte[] { 255, 255, 255, 255, 255, 255, 255, 255, 0x7B, 0x7D }, "above the limit of 100000000")]
    public void A_wrong_header_length_is_refused_before_anything_is_allocated(byte[] bytes, string rule) =>
        Assert.Contains(rule, Assert.Throws<InvalidDataException>(() => Open(folder, bytes)).Message);

    [Fact]
    public void Random_damage_is_harmless_or_refused_in_a_sentence()
    {
        byte[] valid = Sample();
        int header = 8 + (int)BinaryPrimitives.ReadInt64LittleEndian(valid);
        var random = new Random(1);
        int refused = 0;
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int trial = 0; trial < 5000; trial++)
        {
            byte[] bytes = [.. valid];
            for (int changes = random.Next(1, 4); changes > 0; changes--)
                bytes[random.Next(header)] = random.Next(2) == 0 ? (byte)random.Next(256) : (byte)"0123456789[]{},:\""[random.Next(17)];
            if (random.Next(4) == 0)
                bytes = bytes[..random.Next(bytes.Length)];
            if (random.Next(4) == 0)
                bytes = [.. bytes[..(bytes.Length / 2)], .. bytes[random.Next(bytes.Length / 2 + 1)..]];
            try
            {
                using var file = Open(folder, bytes);
                foreach (var tensor in file.Tensors)
                    if (tensor.Dtype is SafetensorsDtype.F32 or SafetensorsDtype.F16 or SafetensorsDtype.BF16 or SafetensorsDtype.F64)
                        file.ReadFloat32(tensor.Name, new float[tensor.ElementCount]);
            }
            catch (InvalidDataException fault)
            {
                refused++;
                Assert.StartsWith(folder.Path, fault.Message);
            }
        }
        Assert.InRange(refused, 2500, 5000);
        Assert.InRange((GC.GetAllocatedBytesForCurrentThread() - before) / 5000, 0, 100_000);
    }
}
