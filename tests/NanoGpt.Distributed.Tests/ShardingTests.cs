using NanoGpt.Cli.Tests;
using NanoGpt.Data;
using NanoGpt.Training;

namespace NanoGpt.Distributed.Tests;

/// <summary>The ranks together see every token of an epoch once, however many they are and however ragged the files.</summary>
public class ShardingTests
{
    const int BlockSize = 8;

    [Fact]
    public void For_1_to_256_ranks_every_row_of_ragged_shards_is_seen_once_an_epoch()
    {
        using var work = new Workplace();
        var random = new Random(5);
        int token = 0, rows = 0;
        for (int shard = 0; shard < 7; shard++)
        {
            int count = shard == 3 ? BlockSize + 1 : random.Next(2 * BlockSize, 3000);
            ushort[] tokens = [.. Enumerable.Range(token, count).Select(t => (ushort)t)];       // each token once in all files
            work.WriteBytes($"part_train_{shard:000000}.bin", [.. tokens.SelectMany(BitConverter.GetBytes)]);
            token += count;
            rows += (count - 1) / BlockSize;
        }
        work.WriteBytes("part_val_000000.bin", [.. Enumerable.Range(0, 100).SelectMany(t => BitConverter.GetBytes((ushort)t))]);
        using var data = TokenDataset.Open(work["part_train_*.bin"], work["part_val_*.bin"]);

        for (int ranks = 1; ranks <= 256; ranks++)
        {
            int batch = 1 + ranks % 3, micros = ranks * (1 + ranks % 4);
            var seen = new Dictionary<int, int>();       // first token of a row: how often
            int[] x = new int[batch * BlockSize], y = new int[x.Length];
            for (int step = 0; (long)step * micros * batch < rows; step++)
            {
                int next = 0;
                for (int rank = 0; rank < ranks; rank++)
                {
                    var (first, end) = DataParallel.Share(micros, rank, ranks);
                    Assert.Equal(next, first);
                    for (int micro = first; micro < end; micro++)
                    {
                        data.Fill(new BatchKey(1, Split.Train, step, micro, micros), batch, BlockSize, x, y, DataOrder.Sequential);
                        for (int row = 0; row < batch; row++)
                        {
                            if (((long)step * micros + micro) * batch + row >= rows) continue;      // of the next epoch
                            seen[x[row * BlockSize]] = seen.GetValueOrDefault(x[row * BlockSize]) + 1;
                            Assert.Equal(Enumerable.Range(x[row * BlockSize], BlockSize), x.Skip(row * BlockSize).Take(BlockSize));
                        }
                    }
                    next = end;
                }
                Assert.Equal(micros, next);
            }
            Assert.Equal(rows, seen.Count);
            Assert.All(seen.Values, times => Assert.Equal(1, times));
        }
    }
}
