namespace NanoGpt.Data;

/// <summary>Finds what was probably meant.</summary>
public static class Nearest
{
    /// <summary>The candidate nearest in spelling; of equally near ones the first that contains, or is contained in, what was typed.</summary>
    public static string Name(string typed, IEnumerable<string> candidates)
    {
        string wanted = typed.ToLowerInvariant().Replace('-', '_');
        return candidates.MinBy(name => (Distance(wanted, name), name.Contains(wanted) || wanted.Contains(name) ? 0 : 1))!;
    }

    /// <summary>Edits that turn one word into the other: insert, delete, replace, swap neighbours (Damerau 1964, restricted).</summary>
    internal static int Distance(string a, string b)
    {
        int[] beforeLast = [], last = [], row = [.. Enumerable.Range(0, b.Length + 1)];
        for (int i = 1; i <= a.Length; i++)
        {
            (beforeLast, last, row) = (last, row, new int[b.Length + 1]);
            row[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                row[j] = Math.Min(Math.Min(row[j - 1], last[j]) + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1));
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                    row[j] = Math.Min(row[j], beforeLast[j - 2] + 1);
            }
        }
        return row[^1];
    }
}
