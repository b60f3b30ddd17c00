namespace NanoGpt.Data.Tests;

static class Documents
{
    /// <summary>The texts of a file, pieces of one document put together.</summary>
    public static List<string> Of(DocumentFile file, out int empty)
    {
        var documents = new List<string>();
        var raw = new RawChunk();
        var texts = new DocumentText();
        empty = 0;
        using DocumentReader reader = file.Open();
        while (true)
        {
            raw.Clear();
            texts.Clear();
            if (!reader.Read(raw)) return documents;
            file.TakeTexts(raw, texts);
            foreach (TextPiece piece in texts.Pieces)
            {
                string text = System.Text.Encoding.UTF8.GetString(texts[piece]);
                if (piece.Begins) documents.Add(text);
                else documents[^1] += text;
            }
            empty += texts.Empty;
        }
    }

    public static List<string> Of(DocumentFile file) => Of(file, out _);
}
