using System.Buffers.Binary;
using System.Text;
using NanoGpt.Models;

namespace NanoGpt.Training.Tests;

public sealed class SafetensorsTests : IDisposable
{
    readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    SafetensorsFile Open(byte[] bytes)
    {
        File.WriteAllBytes(folder.File("x.safetensors"), bytes);
        return SafetensorsFile.Open(folder.File("x.safetensors"));
    }

    static byte[] WithHeader(string json, params byte[] data)
    {
        byte[] header = Encoding.UTF8.GetBytes(json), length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        return [.. length, .. header, .. data];
    }

    static byte[] Sample()
    {
        using var stream = new MemoryStream();
        var writer = new SafetensorsWriter(stream, new Dictionary<string, string> { ["format"] = "pt", ["by"] = "é" });
        writer.Declare("a.weight", 2, 3);
        writer.Declare("empty", 0, 5);
        writer.Declare("scalar");
        writer.Declare("b \"quoted\" 名", 7);
        writer.Write("a.weight", [1, 2, 3]);
        writer.Write("a.weight", [4, 5]);
        writer.Write("a.weight", [float.NaN]);
        writer.Write("scalar", [-0f]);
        writer.Write("b \"quoted\" 名", [1, 2, 3, 4, 5, 6, float.Epsilon]);
        writer.Complete();
        return stream.ToArray();
    }

    [Fact]
    public void What_is_written_in_pieces_reads_back_whole_and_in_pieces()
    {
        using var file = Open(Sample());
        Assert.Equal(["a.weight", "empty", "scalar", "b \"quoted\" 名"], file.Tensors.Select(t => t.Name));
        Assert.Equal([2, 3], file["a.weight"].Shape);
        Assert.Equal((6L, 24L, SafetensorsDtype.F32), (file["a.weight"].ElementCount, file["a.weight"].ByteLength, file["a.weight"].Dtype));
        Assert.Empty(file["scalar"].Shape);
        Assert.Equal((1L, 0L), (file["scalar"].ElementCount, file["empty"].ElementCount));
        Assert.Equal(new Dictionary<string, string> { ["by"] = "é", ["format"] = "pt" }, file.Metadata);
        Assert.True(file.Contains("scalar"));
        Assert.False(file.Contains("vector"));

        float[] a = new float[6], middle = new float[2], scalar = new float[1];
        file.ReadFloat32("a.weight", a);
        file.ReadFloat32("a.weight", middle, 2);
        file.ReadFloat32("scalar", scalar);
        file.ReadFloat32("empty", []);
        Assert.Equal([1, 2, 3, 4, 5, float.NaN], a);
        Assert.Equal([3, 4], middle);
        Assert.Equal(BitConverter.SingleToInt32Bits(-0f), BitConverter.SingleToInt32Bits(scalar[0]));
        byte[] bytes = new byte[4];
        file.ReadBytes("a.weight", bytes, 4);
        Assert.Equal(2f, BitConverter.ToSingle(bytes));
    }

    [Fact]
    public void The_bytes_are_those_of_the_format()
    {
        using var stream = new MemoryStream();
        var writer = new SafetensorsWriter(stream);
        writer.Declare("w", 2, 1);
        writer.Write("w", [1f, -2f]);
        writer.Complete();
        string header = """{"w":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]}}""";
        Assert.Equal(0, header.Length % 8);
        Assert.Equal(WithHeader(header, 0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0), stream.ToArray());
    }

    [Fact]
    public void The_header_is_padded_with_spaces_so_that_data_is_aligned()
    {
        for (int length = 1; length <= 9; length++)
        {
            using var stream = new MemoryStream();
            var writer = new SafetensorsWriter(stream);
            writer.Declare(new string('n', length), 1);
            writer.Write(new string('n', length), [1f]);
            writer.Complete();
            long header = BinaryPrimitives.ReadInt64LittleEndian(stream.ToArray());
            Assert.Equal(0, header % 8);
            Assert.Equal(8 + header + 4, stream.Length);
            string text = Encoding.UTF8.GetString(stream.ToArray().AsSpan(8, (int)header));
            Assert.InRange(text.Length - text.TrimEnd(' ').Length, 0, 7);
            Assert.EndsWith("}}", text.TrimEnd(' '));
        }
    }

    [Fact]
    public void The_same_calls_give_the_same_bytes_whatever_the_order_of_the_metadata()
    {
        byte[] Write(params (string, string)[] metadata)
        {
            using var stream = new MemoryStream();
            new SafetensorsWriter(stream, metadata.ToDictionary()).Complete();
            return stream.ToArray();
        }
        Assert.Equal(Sample(), Sample());
        Assert.Equal(Write(("a", "1"), ("b", "2")), Write(("b", "2"), ("a", "1")));
        using var file = Open(Write());
        Assert.Empty(file.Tensors);
    }

    [Fact]
    public void The_writer_refuses_what_would_not_be_a_file()
    {
        var writer = new SafetensorsWriter(Stream.Null);
        writer.Declare("a", 2);
        writer.Declare("b", 1);
        Assert.Throws<ArgumentException>(() => writer.Declare("a", 2));
        Assert.Throws<ArgumentException>(() => writer.Declare("__metadata__", 2));
        Assert.Throws<ArgumentException>(() => writer.Declare("c", -1));
        Assert.Throws<ArgumentException>(() => writer.Declare("d", long.MaxValue, 2));
        Assert.Throws<InvalidOperationException>(() => writer.Write("b", [1]));
        Assert.Throws<InvalidOperationException>(() => writer.Write("a", [1, 2, 3]));
        writer.Write("a", [1]);
        Assert.Throws<InvalidOperationException>(() => writer.Declare("e", 1));
        Assert.Throws<InvalidOperationException>(writer.Complete);
        writer.Write("a", [1]);
        Assert.Throws<InvalidOperationException>(() => writer.Write("a", [1]));
        writer.Write("b", [1]);
        writer.Complete();
        Assert.Throws<InvalidOperationException>(() => writer.Write("b", [1]));
    }

    [Fact]
    public void Reading_goes_beyond_two_gigabytes()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "the file would really take 3 GB where files are not sparse by themselves");
        const long big = 3L << 30;
        string path = folder.File("big.safetensors");
        using (var stream = File.Create(path))
        {
            stream.Write(WithHeader($$$"""{"big":{"dtype":"U8","shape":[{{{big}}}],"data_offsets":[0,{{{big}}}]},"w":{"dtype":"F32","shape":[2],"data_offsets":[{{{big}}},{{{big + 8}}}]}}"""));
            stream.Seek(big, SeekOrigin.Current);
            stream.Write([0, 0, 0x80, 0x3F, 0, 0, 0, 0x40]);
        }
        using var file = SafetensorsFile.Open(path);
        float[] w = new float[2];
        file.ReadFloat32("w", w);
        Assert.Equal([1, 2], w);
    }

    [Fact]
    public void Writing_goes_beyond_two_gigabytes()
    {
        using var sink = new CountingStream();
        var writer = new SafetensorsWriter(sink);
        writer.Declare("a", 3, 1 << 28);
        writer.Declare("b", 1);
        float[] piece = new float[1 << 20];
        for (int i = 0; i < 3 << 8; i++)
            writer.Write("a", piece);
        writer.Write("b", [1]);
        writer.Complete();
        string header = Encoding.UTF8.GetString(sink.Head.AsSpan(8)).TrimEnd();
        Assert.Equal($$$"""{"a":{"dtype":"F32","shape":[3,{{{1 << 28}}}],"data_offsets":[0,{{{3L << 30}}}]},"b":{"dtype":"F32","shape":[1],"data_offsets":[{{{3L << 30}}},{{{(3L << 30) + 4}}}]}}""", header);
        Assert.Equal(sink.Head.Length + (3L << 30) + 4, sink.Count);
    }

    [Fact]
    public void Every_floating_type_reads_as_float()
    {
        byte[] data = [.. BitConverter.GetBytes(0.1), .. BitConverter.GetBytes(1e300), .. BitConverter.GetBytes((Half)1.5f), .. BitConverter.GetBytes(Half.NegativeInfinity),
            0x80, 0x3F, 0xC0, 0xFF, .. BitConverter.GetBytes(0.1f)];
        using var file = Open(WithHeader("""
            {"d":{"dtype":"F64","shape":[2],"data_offsets":[0,16]},"h":{"dtype":"F16","shape":[2],"data_offsets":[16,20]},
             "b":{"dtype":"BF16","shape":[2],"data_offsets":[20,24]},"f":{"dtype":"F32","shape":[],"data_offsets":[24,28]}}
            """.Trim(), data));
        float[] Read(string name)
        {
            float[] values = new float[file[name].ElementCount];
            file.ReadFloat32(name, values);
            return values;
        }
        Assert.Equal([0.1f, float.PositiveInfinity], Read("d"));
        Assert.Equal([1.5f, float.NegativeInfinity], Read("h"));
        Assert.Equal([1f, float.NaN], Read("b"));
        Assert.Equal([0.1f], Read("f"));
    }

    [Fact]
    public void Conversion_reads_long_tensors_piece_by_piece()
    {
        const int count = 300_001;
        byte[] data = new byte[count * 2];
        for (int i = 0; i < count; i++)
            BinaryPrimitives.WriteHalfLittleEndian(data.AsSpan(i * 2), (Half)(i % 2048));
        using var file = Open(WithHeader($$$"""{"h":{"dtype":"F16","shape":[{{{count}}}],"data_offsets":[0,{{{count * 2}}}]}}""", data));
        float[] values = new float[count];
        file.ReadFloat32("h", values);
        Assert.Equal(Enumerable.Range(0, count).Select(i => (float)(i % 2048)), values);
        file.ReadFloat32("h", values.AsSpan(0, 2), count - 2);
        Assert.Equal((count - 1) % 2048, values[1]);
    }

    [Theory]
    [InlineData("I64", 8)]
    [InlineData("U64", 8)]
    [InlineData("I32", 4)]
    [InlineData("U32", 4)]
    [InlineData("I16", 2)]
    [InlineData("U16", 2)]
    [InlineData("I8", 1)]
    [InlineData("U8", 1)]
    [InlineData("BOOL", 1)]
    public void Other_types_read_as_bytes_and_not_as_floats(string dtype, int size)
    {
        byte[] data = [.. Enumerable.Range(1, 3 * size).Select(i => (byte)i)];
        using var file = Open(WithHeader($$$"""{"x":{"dtype":"{{{dtype}}}","shape":[3],"data_offsets":[0,{{{3 * size}}}]}}""", data));
        byte[] read = new byte[3 * size];
        file.ReadBytes("x", read);
        Assert.Equal(data, read);
        Assert.EndsWith($"'x' is {dtype}, not floating point.", Assert.Throws<InvalidDataException>(() => file.ReadFloat32("x", new float[3])).Message);
    }

    [Fact]
    public void Reading_checks_name_and_range()
    {
        using var file = Open(Sample());
        Assert.EndsWith("there is no tensor 'c'.", Assert.Throws<InvalidDataException>(() => file["c"]).Message);
        Assert.Throws<ArgumentException>(() => file.ReadFloat32("a.weight", new float[5]));
        Assert.Throws<ArgumentException>(() => file.ReadFloat32("a.weight", new float[7]));
        Assert.Throws<ArgumentException>(() => file.ReadFloat32("a.weight", new float[2], 5));
        Assert.Throws<ArgumentException>(() => file.ReadFloat32("a.weight", new float[2], -1));
        Assert.Throws<ArgumentException>(() => file.ReadFloat32("a.weight", new float[2], long.MaxValue));
        Assert.Throws<ArgumentException>(() => file.ReadBytes("a.weight", new byte[5], 20));
        Assert.Throws<FileNotFoundException>(() => SafetensorsFile.Open(folder.File("none")));
    }

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
        string message = Assert.Throws<InvalidDataException>(() => Open(WithHeader(header, 0, 0, 0, 0))).Message;
        Assert.StartsWith($"{folder.File("x.safetensors")}: not a valid safetensors file: ", message);
        Assert.Contains(rule, message);
    }

    [Theory]
    [InlineData("{ \"a\" : { \"data_offsets\" : [0, 4], \"new\" : [{}], \"shape\" : [1, 4, 1], \"dtype\" : \"U8\" } }  \n\t ")]
    [InlineData("""{"z":{"dtype":"U8","shape":[2],"data_offsets":[2,4]},"e":{"dtype":"F64","shape":[9,0],"data_offsets":[2,2]},"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}""")]
    public void A_header_may_be_spaced_unaligned_unordered_and_have_fields_of_the_future(string header)
    {
        using var file = Open(WithHeader(header, 1, 2, 3, 4));
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
        Assert.Contains(rule, Assert.Throws<InvalidDataException>(() => Open(bytes)).Message);

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
                using var file = Open(bytes);
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

    [Fact]
    public void Files_of_PyTorch_have_the_names_and_shapes_of_nanoGPT()
    {
        using var file = SafetensorsFile.Open(TorchReference.Find("nanogpt_char/model.safetensors"));
        Assert.Equal(4 + 4 * 12 + 1, file.Tensors.Count);
        Assert.Equal([65, 64], file["transformer.wte.weight"].Shape);
        Assert.Equal([64, 64], file["transformer.wpe.weight"].Shape);
        Assert.Equal([192, 64], file["transformer.h.3.attn.c_attn.weight"].Shape);
        Assert.Equal([256], file["transformer.h.0.mlp.c_fc.bias"].Shape);
        Assert.Equal([64, 256], file["transformer.h.2.mlp.c_proj.weight"].Shape);
        Assert.Equal([65, 64], file["lm_head.weight"].Shape);
        float[] wte = new float[65 * 64], head = new float[65 * 64];
        file.ReadFloat32("transformer.wte.weight", wte);
        file.ReadFloat32("lm_head.weight", head);
        Assert.Equal(wte, head);
        Assert.All(wte, value => Assert.InRange(value, -1f, 1f));
    }

    [Theory]
    [InlineData("bias")]
    [InlineData("nobias")]
    [InlineData("nobias_accum4")]
    public void Trajectories_of_PyTorch_open(string run)
    {
        foreach (string part in (string[])["init", "final", "grads_step0"])
        {
            using var file = SafetensorsFile.Open(TorchReference.Find($"train_trajectory/{run}_{part}.safetensors"));
            Assert.Equal([65, 32], file["transformer.wte.weight"].Shape);
            Assert.Equal([96, 32], file["transformer.h.1.attn.c_attn.weight"].Shape);
            Assert.Equal(run == "bias", file.Contains("transformer.h.1.attn.c_attn.bias"));
            Assert.Equal(part != "grads_step0", file.Contains("lm_head.weight"));
        }
    }

    sealed class CountingStream : MemoryStream
    {
        public byte[] Head { get; private set; } = [];
        public long Count { get; private set; }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            if (Count == 0)
                Head = buffer.ToArray();
            Count += buffer.Length;
        }
    }
}
