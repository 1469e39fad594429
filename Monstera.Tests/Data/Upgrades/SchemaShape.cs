using Monstera.Data.Sqlite;
using Npgsql;

namespace Monstera.Tests.Data.Upgrades;

/// <summary>What a binary of an earlier release relies on in a schema: tables and columns, and what may be written into them.</summary>
/// <param name="Columns">By table and name.</param>
/// <param name="Rules">Unique indexes, checks and foreign keys, with the columns that they are about.</param>
/// <param name="Functions">With the types of their arguments and results.</param>
internal sealed record SchemaShape(IReadOnlyDictionary<(string Table, string Name), SchemaColumn> Columns, IReadOnlyList<SchemaRule> Rules, IReadOnlySet<string> Functions)
{
    private static readonly SqliteQuery SqliteColumns = new("""
        SELECT t.name, c.name, c.type, c."notnull", c.dflt_value IS NOT NULL
        FROM sqlite_schema t JOIN pragma_table_xinfo(t.name) c WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' AND t.name <> 'schema_migration'
        """);

    private static readonly SqliteQuery SqliteRules = new("""
        SELECT t.name, 'unique', group_concat(c.name, ',') || coalesce(' ' || substr(s.sql, instr(s.sql, 'WHERE')), '')
        FROM sqlite_schema t JOIN pragma_index_list(t.name) i JOIN pragma_index_info(i.name) c LEFT JOIN sqlite_schema s ON s.type = 'index' AND s.name = i.name AND s.sql LIKE '%WHERE%'
        WHERE t.type = 'table' AND t.name <> 'schema_migration' AND i."unique" GROUP BY t.name, i.name
        UNION ALL SELECT t.name, 'references ' || f."table", f."from" FROM sqlite_schema t JOIN pragma_foreign_key_list(t.name) f WHERE t.type = 'table'
        UNION ALL SELECT tbl_name, 'trigger', sql FROM sqlite_schema WHERE type = 'trigger'
        """);

    private const string PostgresColumns = """
        SELECT c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.atthasdef OR a.attidentity <> ''
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relnamespace = $1::regnamespace AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped AND c.relname <> 'schema_migration'
        """;

    private const string PostgresRules = """
        SELECT c.relname::text, pg_get_constraintdef(o.oid),
            coalesce((SELECT string_agg(a.attname, ',' ORDER BY a.attname) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = ANY (o.conkey)), '')
        FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid WHERE c.relnamespace = $1::regnamespace AND c.relname <> 'schema_migration' AND o.contype <> 'n'
        UNION ALL
        SELECT c.relname::text, 'unique ' || coalesce(pg_get_expr(i.indpred, c.oid), ''), (SELECT string_agg(a.attname, ',' ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = i.indexrelid)
        FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid WHERE c.relnamespace = $1::regnamespace AND c.relname <> 'schema_migration' AND i.indisunique
        UNION ALL
        SELECT c.relname::text, 'trigger', t.tgname::text FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE c.relnamespace = $1::regnamespace AND NOT t.tgisinternal
        """;

    private const string PostgresFunctions =
        "SELECT p.proname || '(' || pg_get_function_arguments(p.oid) || ') ' || pg_get_function_result(p.oid) FROM pg_proc p WHERE p.pronamespace = $1::regnamespace";

    public static SchemaShape Read(SqliteConnection connection)
    {
        Dictionary<(string, string), SchemaColumn> columns = [];
        using (SqliteStatement row = connection.Prepare(SqliteColumns))
        {
            while (row.Step())
            {
                columns[(row.Text(0), row.Text(1))] = new SchemaColumn(row.Text(2), row.Bool(3), row.Bool(4));
            }
        }

        List<SchemaRule> rules = [];
        using (SqliteStatement row = connection.Prepare(SqliteRules))
        {
            while (row.Step())
            {
                rules.Add(new SchemaRule(row.Text(0), row.Text(1), row.Text(2)));
            }
        }

        return new SchemaShape(columns, rules, new HashSet<string>(StringComparer.Ordinal));
    }

    public static async Task<SchemaShape> Read(NpgsqlConnection connection, string schema)
    {
        Dictionary<(string, string), SchemaColumn> columns = [];
        await Each(connection, PostgresColumns, schema, row => columns[(row.GetString(0), row.GetString(1))] = new SchemaColumn(row.GetString(2), row.GetBoolean(3), row.GetBoolean(4)));
        List<SchemaRule> rules = [];
        await Each(connection, PostgresRules, schema, row => rules.Add(new SchemaRule(row.GetString(0), row.GetString(1), row.GetString(2))));
        HashSet<string> functions = new(StringComparer.Ordinal);
        await Each(connection, PostgresFunctions, schema, row => functions.Add(row.GetString(0)));
        return new SchemaShape(columns, rules, functions);
    }

    /// <summary>What a binary that knows this schema would miss, or could not write any more, in a later one.</summary>
    public IEnumerable<string> TakenAwayBy(SchemaShape later)
    {
        foreach (((string table, string name), SchemaColumn column) in Columns)
        {
            if (!later.Columns.TryGetValue((table, name), out SchemaColumn? then))
            {
                yield return $"{table}.{name} is gone";
            }
            else if (then.Type != column.Type)
            {
                yield return $"{table}.{name} was {column.Type} and is {then.Type}";
            }
            else if ((then.NotNull && !column.NotNull) || (column.HasDefault && !then.HasDefault))
            {
                yield return $"{table}.{name} must be given now";
            }
        }

        HashSet<string> tables = [.. Columns.Keys.Select(column => column.Table)];
        foreach (((string table, string name), SchemaColumn column) in later.Columns)
        {
            if (tables.Contains(table) && !Columns.ContainsKey((table, name)) && column is { NotNull: true, HasDefault: false })
            {
                yield return $"{table}.{name} is new and must be given";
            }
        }

        foreach (SchemaRule rule in later.Rules.Except(Rules))
        {
            // One about new columns alone, which have a default, is kept by who does not know them.
            bool isOfNewOnes = rule.Columns.Split(',').All(name => later.Columns.ContainsKey((rule.Table, name)) && !Columns.ContainsKey((rule.Table, name)));
            if (tables.Contains(rule.Table) && !isOfNewOnes)
            {
                yield return $"{rule.Table} has a new rule: {rule.Rule} ({rule.Columns})";
            }
        }

        foreach (string function in Functions.Except(later.Functions))
        {
            yield return $"{function} is gone";
        }
    }

    private static async Task Each(NpgsqlConnection connection, string sql, string schema, Action<NpgsqlDataReader> take)
    {
#pragma warning disable CA2100 // Constants of this class.
        await using var command = new NpgsqlCommand(sql, connection) { Parameters = { new NpgsqlParameter { Value = schema } } };
#pragma warning restore CA2100
        await using NpgsqlDataReader row = await command.ExecuteReaderAsync();
        while (await row.ReadAsync())
        {
            take(row);
        }
    }
}

internal sealed record SchemaColumn(string Type, bool NotNull, bool HasDefault);

internal sealed record SchemaRule(string Table, string Rule, string Columns);
