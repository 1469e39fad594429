using System.Globalization;
using Monstera.Data.Ids;
using Npgsql;

namespace Monstera.Data.Postgres.Directory;

/// <summary>
/// Statements that go to the server in one message and are one transaction there: first the settings that say which rows the others may see (row level security), then the
/// statements, of which only the last one may give rows. For what EF cannot say in one statement, and for what is asked so often that its work would show.
/// </summary>
/// <remarks>
/// The answers are read to the end, also those without rows: the server commits after the last statement's rows, and only then says whether it could.
/// </remarks>
internal sealed class DirectoryBatch : IAsyncDisposable
{
    private readonly NpgsqlBatch _batch;
    private readonly NpgsqlBatchCommand _first;
    private int _settings = 1;

    /// <param name="settings">A query that makes the settings of every transaction.</param>
    public DirectoryBatch(NpgsqlDataSource data, string settings)
    {
        _batch = data.CreateBatch();
        _first = new NpgsqlBatchCommand(settings);
        _batch.BatchCommands.Add(_first);
    }

    /// <summary>Whose rows the statements may see.</summary>
    public DirectoryBatch See(params IEnumerable<TenantId> tenants) => Set("monstera.tenants", $"{{{string.Join(',', tenants)}}}");

    /// <summary>A setting for the rest of the transaction.</summary>
    public DirectoryBatch Set(string setting, string value)
    {
        _first.Parameters.Add(new NpgsqlParameter<string>("", value));
#pragma warning disable CA2100 // Names that the directory gives.
        _first.CommandText += string.Create(CultureInfo.InvariantCulture, $", set_config('{setting}', ${_first.Parameters.Count}, true)");
#pragma warning restore CA2100
        return this;
    }

    /// <summary>A setting that a query computes: its one row, if it gives any, calls <c>set_config</c>.</summary>
    public DirectoryBatch Setting(string query, params ReadOnlySpan<object> values)
    {
        _settings++;
        return Add(query, values);
    }

    /// <param name="statement">Values are <c>$1</c>, <c>$2</c> … in it.</param>
    /// <param name="values">In PostgreSQL's terms: Guid, string, long, int, short, bool, byte[], arrays of those, DateTimeOffset (cut by <see cref="PostgresTime"/>), DBNull.</param>
    public DirectoryBatch Add(string statement, params ReadOnlySpan<object> values)
    {
#pragma warning disable CA2100 // Constants of the directory.
        var command = new NpgsqlBatchCommand(statement);
#pragma warning restore CA2100
        foreach (object value in values)
        {
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        }

        _batch.BatchCommands.Add(command);
        return this;
    }

    /// <summary>The rows of the last statement.</summary>
    public async Task<List<T>> Read<T>(Func<NpgsqlDataReader, T> row, CancellationToken cancel)
    {
        await using NpgsqlDataReader reader = await _batch.ExecuteReaderAsync(cancel);
        for (int i = 0; i < _settings; i++)
        {
            await reader.NextResultAsync(cancel);
        }

        List<T> rows = [];
        while (await reader.ReadAsync(cancel))
        {
            rows.Add(row(reader));
        }

        // From here on it may be committed: who gives up now would not know.
        await reader.NextResultAsync(CancellationToken.None);
        return rows;
    }

    /// <summary>Rows that the statements changed.</summary>
    public Task<int> Run(CancellationToken cancel) => _batch.ExecuteNonQueryAsync(cancel);

    public ValueTask DisposeAsync() => _batch.DisposeAsync();
}
