namespace NanoGpt.Training.Tests;

public class CheckpointCrashTests
{
    [Theory]
    [InlineData(0, false)]
    [InlineData(0, true)]
    [InlineData(2, false)]
    [InlineData(2, true)]
    public void A_crash_at_any_instant_leaves_a_checkpoint_and_the_next_save_cleans_up(int keep, bool best)
    {
        bool crashed = true;
        int instant = 0, old = 0, @new = 0;
        for (; crashed; instant++)
        {
            using var folder = new TemporaryFolder();
            var store = new CheckpointStore(folder.Path, keep);
            store.Save(50);
            store.Save(100, best: true);
            var disk = new CrashingDisk(instant);
            try
            {
                new CheckpointStore(folder.Path, keep, disk).Save(200, best);
            }
            catch (CrashingDisk.Crash)
            {
                // The machine has stopped; what follows is the next start.
            }
            crashed = disk.Crashed;

            int last = store.LoadWhole("last"), bestIter = store.LoadWhole("best");
            Assert.Contains(last, (int[])[100, 200]);
            Assert.True(bestIter == 100 || (best && bestIter == 200));
            Assert.True(best ? bestIter >= last : bestIter == 100, $"crash {instant}: best {bestIter} must not be behind last {last}");
            _ = last == 100 ? old++ : @new++;
            foreach (string name in Run.Entries(folder).Where(name => name.StartsWith("step-", StringComparison.Ordinal)))
                store.LoadWhole(name);

            store.Save(300, best: true);
            Assert.Equal((300, 300), (store.LoadWhole("last"), store.LoadWhole("best")));
            Assert.DoesNotContain(Run.Entries(folder), name => name.StartsWith('.'));
            Assert.Equal(Math.Max(1, keep), Run.Entries(folder).Count(name => name.StartsWith("step-", StringComparison.Ordinal)));
        }
        Assert.InRange(old, 20, 200);       // there were many instants before the new one counts,
        Assert.InRange(@new, 2, 200);       // and some after
    }

    [Fact]
    public void A_crash_in_the_first_save_of_a_run_leaves_a_run_that_can_start_again()
    {
        bool crashed = true;
        for (int instant = 0; crashed; instant++)
        {
            using var folder = new TemporaryFolder();
            var store = new CheckpointStore(folder.File("out"));
            var disk = new CrashingDisk(instant);
            try
            {
                new CheckpointStore(folder.File("out"), 0, disk).Save(100, best: true);
            }
            catch (CrashingDisk.Crash)
            {
                // As above.
            }
            crashed = disk.Crashed;
            try
            {
                Assert.Equal(100, store.LoadWhole("last"));
            }
            catch (FileNotFoundException fault)
            {
                Assert.Contains("--init_from=scratch", fault.Message);
            }
            catch (InvalidDataException fault)
            {
                // The data is there, only its name is not: that can be resumed.
                Assert.EndsWith("--resume_from=step-00000100", fault.Message);
                Assert.Equal(100, store.LoadWhole("step-00000100"));
            }
            store.Save(200);
            Assert.Equal(200, store.LoadWhole("last"));
            Assert.DoesNotContain(Directory.EnumerateFileSystemEntries(folder.File("out/checkpoints")), name => Path.GetFileName(name).StartsWith('.'));
        }
    }

    [Fact]
    public void A_full_disk_leaves_the_checkpoint_from_before_and_says_how_much_it_needs()
    {
        long needed;
        using (var folder = new TemporaryFolder())
        {
            var saved = new CheckpointStore(folder.Path).Save(200);
            needed = Directory.EnumerateFiles(saved.Directory).Sum(file => new FileInfo(file).Length);
        }
        for (long room = 0; room < needed + 200; room += 17)
        {
            using var folder = new TemporaryFolder();
            var store = new CheckpointStore(folder.Path);
            store.Save(100, best: true);
            string[] before = Run.Entries(folder);
            var fault = Record.Exception(() => new CheckpointStore(folder.Path, 0, new FullDisk(room)).Save(200));
            if (fault is null)
            {
                Assert.True(room > needed);
                Assert.Equal(200, store.LoadWhole("last"));
                return;
            }
            Assert.Equal($"{folder.File("checkpoints")}: cannot save the checkpoint of iteration 200, which needs {needed} bytes: ",
                Assert.IsType<IOException>(fault).Message[..(fault.Message.IndexOf("bytes: ", StringComparison.Ordinal) + 7)]);
            Assert.Contains("No space left on device", fault.Message);
            Assert.EndsWith("; the checkpoint from before is untouched; make room or choose another --out_dir.", fault.Message);
            Assert.Equal(before, Run.Entries(folder));
            Assert.Equal((100, 100), (store.LoadWhole("last"), store.LoadWhole("best")));
        }
        Assert.Fail("the disk was never large enough");
    }

    [Fact]
    public void A_folder_that_cannot_be_written_is_an_error_with_its_path()
    {
        using var folder = new TemporaryFolder();
        folder.Write("out", "a file where the folder should be");
        var fault = Assert.Throws<IOException>(() => new CheckpointStore(folder.File("out")).Save(100));
        Assert.StartsWith(folder.File("out"), fault.Message);
        Assert.Contains("there is no checkpoint from before", fault.Message);
    }
}
