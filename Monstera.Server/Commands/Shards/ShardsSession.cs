using Microsoft.Extensions.Options;
using Monstera.Data;
using Monstera.Data.Archive;
using Monstera.Data.Postgres;
using Monstera.Data.Postgres.Directory;
using Monstera.Data.Postgres.Slots;
using Monstera.Server.Configuration;

namespace Monstera.Server.Commands.Shards;

/// <summary>The directory and the shards of the settings, as their owners, for one command. A shard that does not answer, or is another than it should be, is left out, and why is kept.</summary>
internal sealed class ShardsSession : IAsyncDisposable
{
    private readonly ConnectionStrings _strings;
    private readonly PostgresSettings _settings;
    private readonly Dictionary<short, SlotShard> _shards = [];
    private readonly Dictionary<short, string> _away = [];
    private PostgresOperation? _operation;

    private ShardsSession(ConnectionStrings strings, PostgresSettings settings, PostgresDatabase directory)
    {
        _strings = strings;
        _settings = settings;
        Directory = directory;
        Installation = PostgresInstallation.Read(directory);
        Map = new PostgresShardMap(directory);
        Moves = new PostgresSlotMoves(directory);
    }

    public PostgresDatabase Directory { get; }

    public Installation Installation { get; }

    public PostgresShardMap Map { get; }

    public PostgresSlotMoves Moves { get; }

    /// <summary>Those that are registered, by number.</summary>
    public IReadOnlyList<Shard> Registered { get; private set; } = [];

    /// <summary>Of them, those that answer.</summary>
    public IReadOnlyDictionary<short, SlotShard> Shards => _shards;

    /// <summary>Why the others do not, in a sentence with nothing secret.</summary>
    public IReadOnlyDictionary<short, string> Away => _away;

    /// <param name="tokens">What the command line did not know: settings, as <c>serve</c> takes them.</param>
    /// <exception cref="OptionsValidationException">A setting is wrong or missing.</exception>
    /// <exception cref="StorageRefusedException">The directory is not as this binary knows it.</exception>
    /// <exception cref="StorageUnavailableException">The directory cannot be reached.</exception>
    public static async Task<ShardsSession> Open(IReadOnlyList<string> tokens, CancellationToken cancel)
    {
        CommandSettings settings = Settings(tokens);
        PostgresDatabase directory = PostgresDatabase.OpenAsOwner(
            Options(settings.Options.Postgres, settings.Strings.Directory!, settings.Strings.DirectoryOwner!), PostgresParts.Directory);
        try
        {
            var session = new ShardsSession(settings.Strings, settings.Options.Postgres, directory);
            await session.OpenShards(cancel);
            return session;
        }
        catch
        {
            directory.Dispose();
            throw;
        }
    }

    /// <summary>From now on no other command moves or copies.</summary>
    /// <exception cref="SlotMoveRefusedException">Another one does; or the installation is not served from here.</exception>
    public async Task<PostgresOperation> Begin(CancellationToken cancel)
    {
        if (Installation.State != InstallationState.Served)
        {
            throw new SlotMoveRefusedException("This installation is not served from here: it receives a copy, or was moved elsewhere.");
        }

        return _operation = await PostgresOperation.TryBegin(Directory, cancel)
            ?? throw new SlotMoveRefusedException("Another command moves or copies data of this installation: wait until it has ended.");
    }

    /// <summary>How a shard that is to be added is opened: brought up to date, checked for who serves, and told who it is.</summary>
    /// <exception cref="OptionsValidationException">It has no connection strings.</exception>
    public SlotShard OpenNew(short id, string name)
    {
        (string? app, string? owner) = (_strings.Shard(id), _strings.ShardOwner(id));
        List<string> missing = [];
        if (app is null)
        {
            missing.Add($"{ConnectionStrings.ShardKey(id)} is missing: the connection string of the role that serves. All servers need it, before slots are moved to the shard.");
        }

        if (owner is null)
        {
            missing.Add($"{ConnectionStrings.ShardOwnerKey(id)} is missing: the connection string of the role that owns the schema.");
        }

        Require(missing);
        PostgresOptions options = Options(_settings, app!, owner!);
        PostgresDatabase.Open(options, PostgresParts.Rooms, new ShardIdentity(id, Installation.Id)).Dispose();
        return _shards[id] = SlotShard.Open(id, name, options);
    }

    /// <exception cref="SlotMoveRefusedException">It is not registered, or away: why.</exception>
    public SlotShard Require(short id)
    {
        if (_away.TryGetValue(id, out string? why))
        {
            throw new SlotMoveRefusedException($"Shard {id} is needed for this, and {why}");
        }

        return _shards.TryGetValue(id, out SlotShard? shard) ? shard : throw new SlotMoveRefusedException($"Shard {id} is not registered: `monstera shards add {id}`.");
    }

    public async ValueTask DisposeAsync()
    {
        if (_operation is not null)
        {
            await _operation.DisposeAsync();
        }

        foreach (SlotShard shard in _shards.Values)
        {
            shard.Database.Dispose();
        }

        Directory.Dispose();
    }

    private static CommandSettings Settings(IReadOnlyList<string> tokens)
    {
        CommandSettings settings = CommandSettings.Read(tokens);
        List<string> failures = [];
        if (settings.Options.Storage != StorageProvider.Postgres)
        {
            failures.Add("Monstera:Storage is 'sqlite', where there are no shards: set it to postgres.");
        }

        foreach ((string key, string? value) in new[] { (ConnectionStrings.DirectoryKey, settings.Strings.Directory), (ConnectionStrings.DirectoryOwnerKey, settings.Strings.DirectoryOwner) })
        {
            if (value is null)
            {
                failures.Add($"{key} is missing: commands that look after shards work with the same settings as the server, and as the owner of the schema.");
            }
            else if (PostgresConnectionString.FindFault(value) is { } fault)
            {
                failures.Add($"{key} (not shown) {fault}.");
            }
        }

        Require(failures);
        return settings;
    }

    private static void Require(List<string> failures)
    {
        if (failures.Count > 0)
        {
            throw new OptionsValidationException(MonsteraOptions.Section, typeof(MonsteraOptions), failures);
        }
    }

    private static PostgresOptions Options(PostgresSettings settings, string app, string owner) => new()
    {
        ConnectionString = app,
        OwnerConnectionString = owner,
        ConnectionsMax = Math.Max(settings.ConnectionsMax, 12),
        ConnectTimeout = TimeSpan.FromSeconds(settings.ConnectTimeoutSeconds),
        StatementTimeout = TimeSpan.FromMinutes(10),
        LockTimeout = TimeSpan.FromSeconds(settings.LockTimeoutSeconds),
    };

    private async Task OpenShards(CancellationToken cancel)
    {
        Registered = await Map.ReadShards(cancel);
        await Parallel.ForEachAsync(Registered.Where(shard => shard.State != ShardState.Gone), cancel, (registered, _) =>
        {
            (SlotShard? shard, string? why) = Find(registered);
            lock (_away)
            {
                if (shard is not null)
                {
                    _shards.Add(registered.Id, shard);
                }
                else
                {
                    _away.Add(registered.Id, why!);
                }
            }

            return ValueTask.CompletedTask;
        });
    }

    private (SlotShard? Shard, string? Why) Find(Shard registered)
    {
        (string? app, string? owner) = (_strings.Shard(registered.Id), _strings.ShardOwner(registered.Id));
        foreach ((string key, string? value) in new[] { (ConnectionStrings.ShardKey(registered.Id), app), (ConnectionStrings.ShardOwnerKey(registered.Id), owner) })
        {
            if (value is null)
            {
                return (null, $"{key} is missing.");
            }

            if (PostgresConnectionString.FindFault(value) is { } fault)
            {
                return (null, $"{key} (not shown) {fault}.");
            }
        }

        SlotShard? shard = null;
        try
        {
            shard = SlotShard.Open(registered.Id, registered.Name, Options(_settings, app!, owner!));
            var wanted = new ShardIdentity(registered.Id, Installation.Id);
            ShardIdentity? found = shard.Database.FindIdentity();
            if (found == wanted)
            {
                return (shard, null);
            }

            shard.Database.Dispose();
            return (null, $"its database {shard.Database.Place} is {found?.ToString() ?? "none yet: start a server once with the owner's connection string"}, not {wanted}.");
        }
        catch (Exception e) when (e is StorageUnavailableException or StorageRefusedException)
        {
            shard?.Database.Dispose();
            return (null, e.Message);
        }
    }
}
