using Npgsql;
using NpgsqlTypes;

namespace Monstera.Data.Postgres;

/// <summary>
/// Statements that go to the server in one round trip, and what is done with the rows of each. With the first that fails the rest are skipped.
/// </summary>
internal sealed class PostgresBatch(NpgsqlConnection connection) : IDisposable
{
    private readonly NpgsqlBatch _batch = new(connection);
    private readonly List<Action<NpgsqlDataReader>?> _rows = [];

    /// <summary>A statement that returns no rows.</summary>
    public PostgresBatch Do(string sql, params ReadOnlySpan<NpgsqlParameter> parameters)
    {
        Append(sql, parameters);
        return this;
    }

    /// <summary>A statement whose rows do not matter.</summary>
    public PostgresBatch Skip(string sql, params ReadOnlySpan<NpgsqlParameter> parameters)
    {
        Append(sql, parameters);
        _rows.Add(null);
        return this;
    }

    /// <summary>A query; <paramref name="row"/> is called for each of its rows.</summary>
    public PostgresBatch Read(string sql, Action<NpgsqlDataReader> row, params ReadOnlySpan<NpgsqlParameter> parameters)
    {
        Append(sql, parameters);
        _rows.Add(row);
        return this;
    }

    public async ValueTask Run(CancellationToken cancel)
    {
        await using NpgsqlDataReader reader = await _batch.ExecuteReaderAsync(cancel);
        for (int i = 0; i < _rows.Count; i++)
        {
            if (_rows[i] is { } row)
            {
                while (await reader.ReadAsync(cancel))
                {
                    row(reader);
                }
            }

            await reader.NextResultAsync(cancel);
        }
    }

    public void Dispose() => _batch.Dispose();

    private void Append(string sql, ReadOnlySpan<NpgsqlParameter> parameters)
    {
        var command = new NpgsqlBatchCommand(sql);
        foreach (NpgsqlParameter parameter in parameters)
        {
            command.Parameters.Add(parameter);
        }

        _batch.BatchCommands.Add(command);
    }
}

/// <summary>Parameters with their types said, so that they travel in binary form and <c>unnest</c> knows what it has.</summary>
internal static class Sql
{
    public static NpgsqlParameter Of(Guid value) => new NpgsqlParameter<Guid> { TypedValue = value, NpgsqlDbType = NpgsqlDbType.Uuid };

    public static NpgsqlParameter Of(Guid? value) => new() { Value = (object?)value ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Uuid };

    public static NpgsqlParameter Of(bool value) => new NpgsqlParameter<bool> { TypedValue = value, NpgsqlDbType = NpgsqlDbType.Boolean };

    public static NpgsqlParameter Of(short value) => new NpgsqlParameter<short> { TypedValue = value, NpgsqlDbType = NpgsqlDbType.Smallint };

    public static NpgsqlParameter Of(int value) => new NpgsqlParameter<int> { TypedValue = value, NpgsqlDbType = NpgsqlDbType.Integer };

    public static NpgsqlParameter Of(long value) => new NpgsqlParameter<long> { TypedValue = value, NpgsqlDbType = NpgsqlDbType.Bigint };

    public static NpgsqlParameter Of(string value) => new NpgsqlParameter<string> { TypedValue = value, NpgsqlDbType = NpgsqlDbType.Text };

    /// <param name="value">UTC.</param>
    public static NpgsqlParameter Of(DateTime value) => new NpgsqlParameter<DateTime> { TypedValue = value, NpgsqlDbType = NpgsqlDbType.TimestampTz };

    public static NpgsqlParameter Of(Guid[] values) => Array(values, NpgsqlDbType.Uuid);

    public static NpgsqlParameter Of(Guid?[] values) => Array(values, NpgsqlDbType.Uuid);

    public static NpgsqlParameter NoSmallints() => new() { Value = DBNull.Value, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Smallint };

    public static NpgsqlParameter Of(short[] values) => Array(values, NpgsqlDbType.Smallint);

    public static NpgsqlParameter Of(short?[] values) => Array(values, NpgsqlDbType.Smallint);

    public static NpgsqlParameter Of(int[] values) => Array(values, NpgsqlDbType.Integer);

    public static NpgsqlParameter Of(long[] values) => Array(values, NpgsqlDbType.Bigint);

    public static NpgsqlParameter Of(long?[] values) => Array(values, NpgsqlDbType.Bigint);

    public static NpgsqlParameter Of(bool[] values) => Array(values, NpgsqlDbType.Boolean);

    public static NpgsqlParameter Of(string?[] values) => Array(values, NpgsqlDbType.Text);

    public static NpgsqlParameter Of(DateTime[] values) => Array(values, NpgsqlDbType.TimestampTz);

    public static string? Text(this NpgsqlDataReader row, int column) => row.IsDBNull(column) ? null : row.GetString(column);

    public static long? Long(this NpgsqlDataReader row, int column) => row.IsDBNull(column) ? null : row.GetInt64(column);

    public static Guid? Id(this NpgsqlDataReader row, int column) => row.IsDBNull(column) ? null : row.GetGuid(column);

    public static short? Short(this NpgsqlDataReader row, int column) => row.IsDBNull(column) ? null : row.GetInt16(column);

    public static DateTimeOffset Time(this NpgsqlDataReader row, int column) => new(row.GetDateTime(column), TimeSpan.Zero);

    private static NpgsqlParameter<T[]> Array<T>(T[] values, NpgsqlDbType of) => new() { TypedValue = values, NpgsqlDbType = NpgsqlDbType.Array | of };
}
