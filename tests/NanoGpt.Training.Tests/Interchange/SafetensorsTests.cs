using System.Buffers.Binary;
using System.Text;
using NanoGpt.Models;
using static NanoGpt.Training.Tests.SafetensorsBytes;

namespace NanoGpt.Training.Tests;

public sealed class SafetensorsTests : IDisposable
{
    readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void What_is_written_in_pieces_reads_back_whole_and_in_pieces()
    {
        using var file = Open(folder, Sample());
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
        using var file = Open(folder, Write());
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
        using var file = Open(folder, WithHeader("""
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
        using var file = Open(folder, WithHeader($$$"""{"h":{"dtype":"F16","shape":[{{{count}}}],"data_offsets":[0,{{{count * 2}}}]}}""", data));
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
        using var file = Open(folder, WithHeader($$$"""{"x":{"dtype":"{{{dtype}}}","shape":[3],"data_offsets":[0,{{{3 * size}}}]}}""", data));
        byte[] read = new byte[3 * size];
        file.ReadBytes("x", read);
        Assert.Equal(data, read);
        Assert.EndsWith($"'x' is {dtype}, not floating point.", Assert.Throws<InvalidDataException>(() => file.ReadFloat32("x", new float[3])).Message);
    }

    [Fact]
    public void Reading_checks_name_and_range()
    {
        using var file = Open(folder, Sample());
        Assert.EndsWith("there is no tensor 'c'.", Assert.Throws<InvalidDataException>(() => file["c"]).Message);
        Assert.Throws<ArgumentException>(() => file.ReadFloat32("a.weight", new float[5]));
        Assert.Throws<ArgumentException>(() => file.ReadFloat32("a.weight", new float[7]));
        Assert.Throws<ArgumentException>(() => file.ReadFloat32("a.weight", new float[2], 5));
        Assert.Throws<ArgumentException>(() => file.ReadFloat32("a.weight", new float[2], -1));
        Assert.Throws<ArgumentException>(() => file.ReadFloat32("a.weight", new float[2], long.MaxValue));
        Assert.Throws<ArgumentException>(() => file.ReadBytes("a.weight", new byte[5], 20));
        Assert.Throws<FileNotFoundException>(() => SafetensorsFile.Open(folder.File("none")));
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
