using Monstera.Data.Growth;

namespace Monstera.Data.Sqlite;

/// <summary>The history of growth in an SQLite file. The schema is in <c>Migrations/0005_growth.sql</c>.</summary>
public sealed class SqliteGrowthLog : IGrowthLog
{
    private static readonly SqliteQuery Put = new("INSERT INTO growth_sample (span, at, node, sample) VALUES (?, ?, ?, ?) ON CONFLICT (span, at, node) DO UPDATE SET sample = excluded.sample");
    private static readonly SqliteQuery Latest = new("SELECT at, node, sample FROM growth_sample WHERE span = ? AND at >= ? ORDER BY at DESC, node DESC LIMIT ?");
    private static readonly SqliteQuery Forget = new("DELETE FROM growth_sample WHERE span = ? AND at < ?");

    private readonly SqliteDatabase _database;

    public SqliteGrowthLog(SqliteDatabase database)
    {
        ArgumentNullException.ThrowIfNull(database);
        _database = database;
    }

    /// <inheritdoc/>
    public async ValueTask Write(IReadOnlyList<GrowthRow> rows, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(rows);
        await _database.Write(
            connection =>
            {
                foreach (GrowthRow row in rows)
                {
                    connection.Prepare(Put).Bind(1, (long)row.Span).Bind(2, row.At.ToUnixTimeMilliseconds()).Bind(3, GrowthRows.NodeOf(row)).Bind(4, row.Sample.ToJson()).Run();
                }

                return true;
            },
            cancel);
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<GrowthRow>> Read(GrowthSpan span, DateTimeOffset since, CancellationToken cancel) => _database.Read<IReadOnlyList<GrowthRow>>(
        connection =>
        {
            List<GrowthRow> rows = [];
            using SqliteStatement row = connection.Prepare(Latest).Bind(1, (long)span).Bind(2, since.ToUnixTimeMilliseconds()).Bind(3, IGrowthLog.RowsMax);
            while (row.Step())
            {
                if (GrowthSample.Parse(row.Text(2)) is { } sample)
                {
                    rows.Add(new GrowthRow(span, row.Text(1), row.Time(0), sample));
                }
            }

            rows.Reverse();
            return rows;
        },
        cancel);

    /// <inheritdoc/>
    public async ValueTask Remove(GrowthSpan span, DateTimeOffset before, CancellationToken cancel) =>
        await _database.Write(connection => connection.Prepare(Forget).Bind(1, (long)span).Bind(2, before.ToUnixTimeMilliseconds()).Run(), cancel);
}
