namespace Monstera.Data.Postgres.Directory;

/// <summary>PostgreSQL's text cannot hold U+0000, nor can UTF-8 hold half a surrogate pair. What is looked for with either is not there, and need not be asked for.</summary>
internal static class PostgresText
{
    public static bool CanHold(ReadOnlySpan<char> text)
    {
        for (int i = 0; i < text.Length; i++)
        {
            bool isPair = char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]);
            if (text[i] == '\0' || (char.IsSurrogate(text[i]) && !isPair))
            {
                return false;
            }

            i += isPair ? 1 : 0;
        }

        return true;
    }
}
