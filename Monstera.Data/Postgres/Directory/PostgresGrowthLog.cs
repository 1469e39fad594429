using Monstera.Data.Growth;

namespace Monstera.Data.Postgres.Directory;

/// <summary>The history of growth in the directory's database.</summary>
public sealed class PostgresGrowthLog : IGrowthLog
{
    // In the order of the key, so that nodes that write the same rows at once do not wait for each other in a circle.
    private const string Put =
        """
        INSERT INTO directory.growth_sample (span, at, node, sample)
        SELECT * FROM unnest($1::smallint[], $2::timestamptz[], $3::text[], $4::text[]) AS given (span, at, node, sample) ORDER BY span, at, node
        ON CONFLICT (span, at, node) DO UPDATE SET sample = excluded.sample
        """;

    private const string Latest = "SELECT at, node, sample FROM directory.growth_sample WHERE span = $1 AND at >= $2 ORDER BY at DESC, node DESC LIMIT $3";
    private const string Forget = "DELETE FROM directory.growth_sample WHERE span = $1 AND at < $2";

    private readonly DirectoryDatabase _database;

    /// <param name="directory">Opened with <see cref="PostgresParts.Directory"/>.</param>
    public PostgresGrowthLog(PostgresDatabase directory)
    {
        ArgumentNullException.ThrowIfNull(directory);
        _database = new DirectoryDatabase(directory);
    }

    /// <inheritdoc/>
    public async ValueTask Write(IReadOnlyList<GrowthRow> rows, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(rows);
        GrowthRow[] once = [.. rows.GroupBy(row => (row.Span, row.At, Node: GrowthRows.NodeOf(row))).Select(same => same.Last())];
        short[] spans = [.. once.Select(row => (short)row.Span)];
        DateTimeOffset[] times = [.. once.Select(row => PostgresTime.Of(row.At))];
        string[] nodes = [.. once.Select(GrowthRows.NodeOf)];
        string[] samples = [.. once.Select(row => row.Sample.ToJson())];
        await _database.Batch(batch => batch.Add(Put, spans, times, nodes, samples).Run(cancel));
    }

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<GrowthRow>> Read(GrowthSpan span, DateTimeOffset since, CancellationToken cancel)
    {
        List<(DateTimeOffset At, string Node, string Sample)> rows = await _database.Batch(batch => batch
            .Add(Latest, (short)span, PostgresTime.Of(since), IGrowthLog.RowsMax)
            .Read(row => (row.Time(0), row.GetString(1), row.GetString(2)), cancel));
        List<GrowthRow> read = [];
        for (int i = rows.Count - 1; i >= 0; i--)
        {
            if (GrowthSample.Parse(rows[i].Sample) is { } sample)
            {
                read.Add(new GrowthRow(span, rows[i].Node, rows[i].At, sample));
            }
        }

        return read;
    }

    /// <inheritdoc/>
    public async ValueTask Remove(GrowthSpan span, DateTimeOffset before, CancellationToken cancel) =>
        await _database.Batch(batch => batch.Add(Forget, (short)span, PostgresTime.Of(before)).Run(cancel));
}
