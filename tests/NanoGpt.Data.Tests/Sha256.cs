using System.Security.Cryptography;

namespace NanoGpt.Data.Tests;

static class Sha256
{
    public static string Of(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    public static string OfFile(string path) => Of(File.ReadAllBytes(path));
}
