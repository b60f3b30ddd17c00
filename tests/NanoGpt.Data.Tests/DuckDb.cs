namespace NanoGpt.Data.Tests;

static class DuckDb
{
    /// <summary>Skips a test where DuckDB's library is missing.</summary>
    public static void Need() => Assert.SkipUnless(DuckDbLibrary.IsThere, "DuckDB's library is not on this machine (NANOGPT_DUCKDB); .ci/run fetches it.");
}
