using NanoGpt.Tensors.Cpu;

namespace NanoGpt.Tensors.Tests;

/// <summary>Samples that are written together must be those written alone: a row's products do not depend, to the bit, on the rows beside it.</summary>
public class FewRowsTests
{
    [Theory, MemberData(nameof(Devices.Widths), MemberType = typeof(Devices))]
    public void A_row_gives_the_same_bits_whatever_rows_are_beside_it_and_at_any_number_of_threads(SimdWidth width)
    {
        foreach (bool narrow in (bool[])[false, true])
            foreach (bool bias in (bool[])[false, true])
                foreach (var (inputs, outputs) in ((int, int)[])[(1, 1), (7, 2), (16, 3), (33, 7), (768, 100), (1024, 31), (1025, 11), (3072, 50), (2500, 301)])
                {
                    float[] x = RandomValues.Normal(16L * inputs, 1), weight = RandomValues.Normal((long)outputs * inputs, 2), b = RandomValues.Normal(outputs, 3);
                    float[][] alone = [.. Enumerable.Range(0, 16).Select(row => Product(Devices.Of(width, 1), x[(row * inputs)..((row + 1) * inputs)], weight, bias ? b : null, inputs, narrow))];
                    Near(alone[15], x.AsSpan(15 * inputs), weight, bias ? b : null, narrow);
                    foreach (int rows in (int[])[2, 3, 4, 5, 7, 8, 9, 16])
                        foreach (int threads in (int[])[1, 2])
                            Assert.Equal(alone[..rows].SelectMany(y => y), Product(Devices.Of(width, threads), x[..(rows * inputs)], weight, bias ? b : null, inputs, narrow));
                }
    }

    /// <summary>The sum in double precision.</summary>
    static void Near(float[] y, ReadOnlySpan<float> x, float[] weight, float[]? bias, bool narrow)
    {
        for (int o = 0; o < y.Length; o++)
        {
            double sum = bias?[o] ?? 0, size = 1;
            for (int k = 0; k < x.Length; k++)
            {
                double product = (double)x[k] * weight[o * x.Length + k];
                (sum, size) = (sum + product, size + Math.Abs(product));
            }
            Assert.Equal(sum, y[o], size * (narrow ? 1.0 / 256 : 1e-6));
        }
    }

    static float[] Product(Device device, float[] x, float[] weight, float[]? bias, int inputs, bool narrow)
    {
        int rows = x.Length / inputs, outputs = weight.Length / inputs;
        Storage source = Place(device, x), w = Place(device, weight), b = bias == null ? default : Place(device, bias), y = device.Allocate((long)rows * outputs), half = device.Allocate(weight.Length);
        if (narrow)
        {
            device.Narrow(w, half);
            device.NarrowLinearForward(source, half, b, y, rows, inputs, outputs);
        }
        else device.LinearForward(source, w, b, y, rows, inputs, outputs);
        var result = new float[rows * outputs];
        device.Read(y, result);
        foreach (var storage in (Storage[])[source, w, y, half]) device.Free(storage);
        if (bias != null) device.Free(b);
        return result;
    }

    static Storage Place(Device device, float[] values)
    {
        var storage = device.Allocate(values.Length);
        device.Write(values, storage);
        return storage;
    }
}
