namespace Monstera.Data.Sqlite;

/// <summary>
/// The text of a statement, made once as a static field. The number is its place in every connection's list of prepared statements,
/// so that using it costs no lookup by text, and SQL cannot be put together at run time.
/// </summary>
internal sealed class SqliteQuery(string text)
{
    private static int _count;

    public string Text { get; } = text;

    public int Number { get; } = Interlocked.Increment(ref _count) - 1;
}
