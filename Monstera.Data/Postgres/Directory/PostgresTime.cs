namespace Monstera.Data.Postgres.Directory;

/// <summary>
/// Times as they are stored: UTC, cut to whole milliseconds (PostgreSQL would round them), so that what is given back is the same from every provider.
/// </summary>
internal static class PostgresTime
{
    public static DateTimeOffset Of(DateTimeOffset time) => DateTimeOffset.FromUnixTimeMilliseconds(time.ToUnixTimeMilliseconds());
}
