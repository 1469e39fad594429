using System.Globalization;
using System.Security.Cryptography;
using Monstera.Data;
using Monstera.Data.Postgres;
using Monstera.Data.Postgres.Directory;
using Npgsql;

namespace Monstera.Bench.Storage;

/// <summary>
/// Databases and two roles of this run alone, on a server that somebody else started: one database for each shard of a set, the first with the directory too. Removed at the
/// end, however the run ends, unless this process is killed; their names then tell what to drop.
/// </summary>
internal sealed class PostgresDataSets : IDataSets
{
    private readonly string _administrator;
    private readonly int _shards;
    private readonly string _prefix;
    private readonly string _password = Convert.ToHexString(RandomNumberGenerator.GetBytes(16));
    private readonly Dictionary<string, int> _made = new(StringComparer.Ordinal);

    private PostgresDataSets(string administrator, int shards, string prefix)
    {
        _administrator = administrator;
        _shards = shards;
        _prefix = prefix;
    }

    private string Owner => $"{_prefix}_owner";

    private string App => $"{_prefix}_app";

    /// <summary>Makes the roles.</summary>
    /// <param name="administrator">Connection string of a role that may make roles and databases.</param>
    /// <param name="shards">Of each set that a server is started on.</param>
    public static async Task<PostgresDataSets> Start(string administrator, int shards)
    {
        PostgresDataSets sets = new(administrator, shards, $"bench_{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4))}");
        try
        {
            await sets.Administer(
                $"CREATE ROLE {sets.Owner} LOGIN PASSWORD '{sets._password}'",
                $"CREATE ROLE {sets.App} LOGIN PASSWORD '{sets._password}'",
                $"GRANT {sets.Owner} TO CURRENT_USER");
            return sets;
        }
        catch
        {
            await sets.DisposeAsync();
            throw;
        }
    }

    public async Task<IReadOnlyDictionary<string, string>> SettingsOf(string name)
    {
        await Make(name, _shards);
        Dictionary<string, string> settings = new(StringComparer.Ordinal)
        {
            ["Monstera__Storage"] = "postgres",
            ["ConnectionStrings__Directory"] = StringOf(name, 0, App),
            ["ConnectionStrings__Owners__Directory"] = StringOf(name, 0, Owner),
        };
        for (int shard = 0; shard < _shards; shard++)
        {
            settings[$"ConnectionStrings__Shards__{shard}"] = StringOf(name, shard, App);
            if (shard > 0)
            {
                settings[$"ConnectionStrings__Owners__Shards__{shard}"] = StringOf(name, shard, Owner);
            }
        }

        return settings;
    }

    public async Task<OpenData> Open(string name)
    {
        await Make(name, _shards);
        return Failing(() => new PostgresData(OpenShards(name, _shards)));
    }

    public async Task Copy(string template, string name)
    {
        await Remove(name);
        await Make(template, _shards);
        for (int shard = 0; shard < _shards; shard++)
        {
            await Administer($"CREATE DATABASE {DatabaseOf(name, shard)} TEMPLATE {DatabaseOf(template, shard)} OWNER {Owner}");
        }

        _made.Add(name, _shards);
    }

    /// <summary>The databases of a set of its own kind, empty, on which no server will run.</summary>
    public async Task<IReadOnlyList<PostgresDatabase>> MakeShards(string name, int shards)
    {
        await Remove(name);
        await Make(name, shards);
        return Failing(() => OpenShards(name, shards));
    }

    public async Task Remove(string name)
    {
        if (!_made.Remove(name, out int shards))
        {
            return;
        }

        for (int shard = 0; shard < shards; shard++)
        {
            await Administer($"DROP DATABASE IF EXISTS {DatabaseOf(name, shard)} WITH (FORCE)");
        }
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            foreach (string name in _made.Keys.ToArray())
            {
                await Remove(name);
            }

            await Administer($"DROP ROLE IF EXISTS {App}", $"DROP ROLE IF EXISTS {Owner}");
        }
        catch (BenchFailedException e)
        {
            await Console.Error.WriteLineAsync($"bench: what begins with {_prefix} could not be removed from PostgreSQL, databases and roles: {e.Message}");
        }
    }

    /// <summary>Which of so many shards has the slot, and at which epoch: those that are not the first shard's were given away once.</summary>
    public static (int Shard, long Epoch) OwnerOf(short slot, int shards) => slot % shards is var shard && shard == 0 ? (0, 1) : (shard, 2);

    private static T Failing<T>(Func<T> open)
    {
        try
        {
            return open();
        }
        catch (Exception e) when (e is StorageUnavailableException or StorageRefusedException or NpgsqlException)
        {
            throw new BenchFailedException($"PostgreSQL: {e.Message}");
        }
    }

    private async Task Make(string name, int shards)
    {
        if (_made.ContainsKey(name))
        {
            return;
        }

        _made.Add(name, shards);
        for (int shard = 0; shard < shards; shard++)
        {
            await Administer($"CREATE DATABASE {DatabaseOf(name, shard)} OWNER {Owner} ENCODING 'UTF8' TEMPLATE template0");
        }

        Failing(() =>
        {
            foreach (PostgresDatabase database in OpenShards(name, shards))
            {
                database.Dispose();
            }

            return true;
        });
        if (shards > 1)
        {
            await Spread(name, shards);
        }
    }

    /// <summary>As the tools for shards would leave it; there are no rooms yet, so that nothing is to be copied.</summary>
    private async Task Spread(string name, int shards)
    {
        string n = shards.ToString(CultureInfo.InvariantCulture);
        await Execute(StringOf(name, 0, Owner), $"UPDATE rooms.slot_owner SET epoch = 2, state = 2 WHERE slot % {n} <> 0");
        for (int shard = 1; shard < shards; shard++)
        {
            string id = shard.ToString(CultureInfo.InvariantCulture);
            await Execute(
                StringOf(name, shard, Owner), $"INSERT INTO rooms.slot_owner (slot, epoch, state) SELECT s, 2, 1 FROM generate_series(0, 4095) s WHERE s % {n} = {id}");
            await Execute(StringOf(name, 0, Owner), $"INSERT INTO directory.shard (id, name, state) VALUES ({id}, '{id}', 1)");
        }

        await Execute(
            StringOf(name, 0, Owner),
            $"UPDATE directory.slot_map SET shard = slot % {n}, epoch = 2 WHERE slot % {n} <> 0",
            "UPDATE directory.slot_map_version SET version = version + 1");
    }

    private List<PostgresDatabase> OpenShards(string name, int shards)
    {
        List<PostgresDatabase> databases = [];
        try
        {
            for (short shard = 0; shard < shards; shard++)
            {
                databases.Add(PostgresDatabase.Open(
                    new PostgresOptions { ConnectionString = StringOf(name, shard, App), OwnerConnectionString = StringOf(name, shard, Owner) },
                    shard == 0 ? PostgresParts.Rooms | PostgresParts.Directory : PostgresParts.Rooms));
                databases[shard].Identify(new ShardIdentity(shard, PostgresInstallation.Read(databases[0]).Id));
            }

            return databases;
        }
        catch
        {
            databases.ForEach(database => database.Dispose());
            throw;
        }
    }

    private string DatabaseOf(string name, int shard) =>
        string.Create(CultureInfo.InvariantCulture, $"{_prefix}_{name.Replace('-', '_')}_{shard}");

    private string StringOf(string name, int shard, string role) => new NpgsqlConnectionStringBuilder(_administrator)
    {
        Database = DatabaseOf(name, shard),
        Username = role,
        Password = _password,
        Passfile = null,
    }.ConnectionString;

    private Task Administer(params string[] statements) =>
        Execute(new NpgsqlConnectionStringBuilder(_administrator) { Pooling = false, CommandTimeout = 120 }.ConnectionString, statements);

    private static async Task Execute(string connectionString, params string[] statements)
    {
        try
        {
            await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false }.ConnectionString);
            await connection.OpenAsync();
            foreach (string statement in statements)
            {
#pragma warning disable CA2100 // Names and numbers of this class.
                await using var command = new NpgsqlCommand(statement, connection);
#pragma warning restore CA2100
                await command.ExecuteNonQueryAsync();
            }
        }
        catch (NpgsqlException e)
        {
            throw new BenchFailedException($"PostgreSQL: {e.Message}");
        }
    }
}
