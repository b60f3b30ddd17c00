using System.IO.Compression;
using System.Text;

namespace NanoGpt.Models.Tests;

public sealed class TorchFileTests : IDisposable
{
    readonly TempFolder folder = new();
    readonly SmallWeights weights = new();

    public TorchFileTests() => folder.Write("config.json", SmallWeights.ConfigJson);

    public void Dispose() => folder.Dispose();

    string Fault(byte[] bytes)
    {
        string path = folder.Write("pytorch_model.bin", bytes), message = Assert.Throws<InvalidDataException>(() => PretrainedWeights.Open(path)).Message;
        Assert.StartsWith($"{path}: ", message);
        return message;
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Zip_and_zip64_are_read(bool zip64) =>
        Assert.Equal("PyTorch", weights.AssertIn(folder.Write("pytorch_model.bin", new TorchBytes().Dictionary(weights.HuggingFace()).Zip(zip64))));

    [Fact]
    public void Tensors_may_be_views_of_larger_storages_that_lie_in_any_order()
    {
        var file = new TorchBytes().Op((byte)'}', (byte)'(');
        foreach (var (name, (shape, values)) in weights.Tensors)
        {
            // (in, out) in memory, shown as (out, in): what .t() leaves; seven elements of something else in front, every second one used
            if (!SmallWeights.IsMatrix(name)) file.Text(name).Tensor([.. new float[7], .. values], 7, shape, TorchBytes.Contiguous(shape));
            else
            {
                var storage = new float[7 + 2 * values.Length];
                for (int r = 0; r < shape[0]; r++)
                    for (int c = 0; c < shape[1]; c++) storage[7 + 2 * (c * shape[0] + r)] = values[r * shape[1] + c];
                file.Text(name).Tensor(storage, 7, shape, [2, 2 * shape[0]]);
            }
        }
        weights.AssertIn(folder.Write("pytorch_model.bin", file.Op((byte)'u').Zip()));
    }

    [Fact]
    public void A_checkpoint_of_nanoGPT_says_what_model_it_is_of()
    {
        var file = new TorchBytes().Op((byte)'}', (byte)'(').Text("model").Op((byte)'}', (byte)'(');
        foreach (var (name, (shape, values)) in weights.Tensors) file.Text($"_orig_mod.{name}").Tensor(values, 0, shape, TorchBytes.Contiguous(shape));
        file.Op((byte)'u').Text("model_args").Op((byte)'}', (byte)'(');
        foreach (var (name, size) in (ReadOnlySpan<(string, int)>)[("block_size", 6), ("vocab_size", 11), ("n_layer", 2), ("n_head", 2), ("n_embd", 8)]) file.Text(name).Number(size);
        string path = folder.Write("ckpt.pt", file.Text("bias").Op(0x88).Text("dropout").Op([(byte)'G', .. new byte[8]]).Op((byte)'u').Text("best_val_loss").Op([(byte)'G', .. new byte[8]]).Op((byte)'u').Zip());
        using var opened = PretrainedWeights.Open(path);
        Assert.Equal(SmallWeights.Config with { Gelu = GeluForm.Erf }, opened.Config);
        Assert.Equal("nanoGPT ckpt.pt", opened.Format);
        foreach (var (name, values) in SmallWeights.Read(opened)) Assert.Equal(weights.Tensors[name].Values, values);
    }

    [Theory]
    [InlineData("os", "system")]
    [InlineData("builtins", "eval")]
    [InlineData("torch", "load")]
    [InlineData("numpy.core.multiarray", "_reconstruct")]
    [InlineData("__main__", "GPTConfig")]
    public void A_foreign_class_is_refused_by_name_and_not_called(string module, string name)
    {
        string marker = folder["executed"];
        byte[] call = new TorchBytes().Global(module, name).Op((byte)'(').Text($"touch {marker}").Op((byte)'t', (byte)'R').Zip();
        Assert.Contains($"the pickle names '{module}.{name}', which is neither a tensor nor a plain value; nothing in it was run", Fault(call));
        byte[] newer = new TorchBytes().Text(module).Text(name).Op(0x93, (byte)')', (byte)'R').Zip();
        Assert.Contains($"'{module}.{name}'", Fault(newer));
        Assert.False(File.Exists(marker));
    }

    [Fact]
    public void A_name_of_a_megabyte_is_one_line_of_moderate_length()
    {
        string message = Fault(new TorchBytes().Text(new string('x', 1 << 20) + "\r\n\u001b[31m").Text("y").Op(0x93).Zip());
        Assert.InRange(message.Length, 50, 1000);
        Assert.DoesNotContain(message, char.IsControl);
    }

    [Fact]
    public void A_tensor_must_lie_in_its_storage()
    {
        Assert.Contains("looks outside the 4 elements", Fault(new TorchBytes().Tensor(new float[4], 1, [2, 2], [2, 1]).Zip()));
        Assert.Contains("looks outside the 4 elements", Fault(new TorchBytes().Tensor(new float[4], 0, [2, 2], [3, 1]).Zip()));
        Assert.Contains("more elements than the 1 of its storage", Fault(new TorchBytes().Tensor(new float[1], 0, [1 << 20, 1 << 20], [0, 0]).Zip()));
        Assert.Contains("sizes and strides", Fault(new TorchBytes().Tensor(new float[4], 0, [-2, 2], [2, 1]).Zip()));
        Assert.Contains("with what it does not take", Fault(new TorchBytes().Tensor(new float[4], 0, new long[9], new long[9]).Zip()));
    }

    [Fact]
    public void A_storage_must_be_in_the_file_and_as_long_as_it_says()
    {
        Assert.Contains("no entry 'archive/data/5'", Fault(new TorchBytes().Op((byte)'}', (byte)'(').Text("wte.weight").View("5", 4, 0, [4], [1]).Op((byte)'u').Zip()));
        Assert.Contains("too few for 1000", Fault(new TorchBytes().Op((byte)'}', (byte)'(').Text("a").Tensor(new float[4], 0, [4], [1]).Text("b").View("0", 1000, 0, [4], [1]).Op((byte)'u').Zip()));
    }

    [Fact]
    public void A_compressed_zip_is_refused()
    {
        using var file = new MemoryStream();
        using (var zip = new ZipArchive(file, ZipArchiveMode.Create, leaveOpen: true))
        using (var entry = zip.CreateEntry("archive/data.pkl").Open())
            entry.Write(Encoding.UTF8.GetBytes(new string('N', 1000) + "."));
        Assert.Contains("compressed or encrypted", Fault(file.ToArray()));
    }

    [Fact]
    public void The_form_before_PyTorch_1_6_is_named() =>
        Assert.Contains("PyTorch before 1.6", Fault([0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e]));

    [Fact]
    public void Something_else_than_a_dictionary_is_refused() =>
        Assert.Contains("it holds no dictionary of weights", Fault(new TorchBytes().Text("hello").Zip()));
}
