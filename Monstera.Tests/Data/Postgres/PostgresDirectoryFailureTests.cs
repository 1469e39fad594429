using Monstera.Data;
using Monstera.Data.Directory;
using Monstera.Data.Ids;
using Monstera.Data.Postgres.Directory;

namespace Monstera.Tests.Data.Postgres;

public sealed class PostgresDirectoryFailureTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 21, 10, 2, 3, 456, TimeSpan.Zero);
    private static readonly byte[] Token = [.. Enumerable.Repeat((byte)7, 32)];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static NewUser Ann(TenantId tenant, string name = "ann") => new(tenant, name, "Ann", "hash", WorkspaceRole.Member);

    /// <summary>A query of each kind, and a change of each.</summary>
    private static Func<Task>[] Calls(IDirectory directory, User user) =>
    [
        async () => await directory.FindSession(Token, Now, Cancel),
        async () => await directory.FindUser(user.Tenant, user.Id, Cancel),
        async () => await directory.ReadRooms(user.Tenant, user.Id, null, 10, Cancel),
        async () => await directory.SetDisplayName(user.Tenant, user.Id, "Anna", Cancel),
        async () => await directory.CreateUser(Ann(user.Tenant, "bob"), null, Now, Cancel),
        async () => await directory.SetUp("Acme", Ann(user.Tenant, "owner"), Now, Cancel),
        async () => await directory.RemoveExpired(Now, Cancel),
        async () => await directory.ProveWritable(Cancel),
    ];

    [Fact]
    public async Task A_server_that_is_away_is_unavailable_and_answers_when_it_is_back()
    {
        using PostgresServer server = PostgresServer.Start();
        using var storage = new PostgresDirectoryStorage(server);
        IDirectory directory = storage.Directory;
        var map = new PostgresShardMap(storage.OpenDatabase());
        TenantId tenant = (await directory.EnsureTenant("acme", Now, Cancel)).Id;
        User user = (await directory.CreateUser(Ann(tenant), null, Now, Cancel)).User!;
        await directory.CreateSession(new Session(tenant, SessionId.New(Now), user.Id, Now, Now, Now.AddDays(1), null), Token, Cancel);

        // Connections that lie in the pool, as of a server that has been busy; and one that waits for an answer.
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(async () => await directory.FindUser(tenant, user.Id, Cancel), Cancel)));
        await using UnfinishedTransaction first = await storage.Begin(tenant.ToString(), "UPDATE directory.account SET failures = 5");
        Task<int> waiting = directory.RecordSignInFailure(tenant, user.Id, Cancel).AsTask();
        await storage.AreWaiting(1, Cancel);

        server.StopImmediately();
        await Assert.ThrowsAsync<StorageUnavailableException>(() => waiting);
        foreach (Func<Task> call in Calls(directory, user))
        {
            await Assert.ThrowsAsync<StorageUnavailableException>(call);
        }

        await Assert.ThrowsAsync<StorageUnavailableException>(() => map.TryChange([7], 0, 0, 1, Cancel));
        server.Restart();
        Assert.Equal(user, (await directory.FindSession(Token, Now, Cancel))!.Value.User);
        Assert.Equal(0, (await directory.FindCredentials(tenant, "ann", Cancel))!.Failures);
        foreach (Func<Task> call in Calls(directory, user))
        {
            await call();
        }
    }

    /// <summary>Between two calls, so that nobody was told: the connections in the pool are all dead.</summary>
    [Fact]
    public async Task A_restart_in_between_goes_unnoticed_by_queries()
    {
        using PostgresServer server = PostgresServer.Start();
        using var storage = new PostgresDirectoryStorage(server);
        IDirectory directory = storage.Directory;
        TenantId tenant = (await directory.EnsureTenant("acme", Now, Cancel)).Id;
        User user = (await directory.CreateUser(Ann(tenant), null, Now, Cancel)).User!;
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(async () => await directory.FindUser(tenant, user.Id, Cancel), Cancel)));
        for (int i = 0; i < 2; i++)
        {
            server.StopImmediately();
            server.Restart();
            if (i == 0)
            {
                Assert.Equal(user, await directory.FindUser(tenant, user.Id, Cancel));
            }
            else
            {
                await directory.ProveWritable(Cancel);
            }

            Assert.Equal(i + 1, await directory.RecordSignInFailure(tenant, user.Id, Cancel));
        }
    }

    /// <summary>A standby, or a primary that was set so.</summary>
    [Fact]
    public async Task A_database_that_only_reads_is_unavailable_for_changes()
    {
        using var storage = new PostgresDirectoryStorage();
        TenantId tenant = (await storage.Directory.EnsureTenant("acme", Now, Cancel)).Id;
        User user = (await storage.Directory.CreateUser(Ann(tenant), null, Now, Cancel)).User!;
        var name = new Npgsql.NpgsqlConnectionStringBuilder(storage.OwnerConnection).Database;
        PostgresServer.Execute(storage.OwnerConnection, $"ALTER DATABASE {name} SET default_transaction_read_only = on");
        storage.Reopen();
        Assert.Equal(user, await storage.Directory.FindUser(tenant, user.Id, Cancel));
        await Assert.ThrowsAsync<StorageUnavailableException>(async () => await storage.Directory.ProveWritable(Cancel));
        await Assert.ThrowsAsync<StorageUnavailableException>(async () => await storage.Directory.SetDisplayName(tenant, user.Id, "Anna", Cancel));
        await Assert.ThrowsAsync<StorageUnavailableException>(async () => await storage.Directory.CreateUser(Ann(tenant, "bob"), null, Now, Cancel));
    }

    /// <summary>The server commits after it has answered the last statement: who stops reading there takes for stored what is not.</summary>
    [Fact]
    public async Task What_fails_at_the_commit_is_told()
    {
        using var storage = new PostgresDirectoryStorage();
        IDirectory directory = storage.Directory;
        TenantId tenant = (await directory.EnsureTenant("acme", Now, Cancel)).Id;
        User user = (await directory.CreateUser(Ann(tenant), null, Now, Cancel)).User!;
        await directory.CreateSession(new Session(tenant, SessionId.New(Now), user.Id, Now, Now, Now.AddDays(1), null), Token, Cancel);
        PostgresServer.Execute(
            storage.OwnerConnection,
            """
            CREATE FUNCTION directory.refuse() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'no room left' USING ERRCODE = 'disk_full'; END $$
            """,
            "CREATE CONSTRAINT TRIGGER a AFTER INSERT OR UPDATE ON directory.account DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION directory.refuse()",
            "CREATE CONSTRAINT TRIGGER s AFTER DELETE ON directory.session DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION directory.refuse()");
        await Assert.ThrowsAsync<StorageUnavailableException>(async () => await directory.RecordSignInFailure(tenant, user.Id, Cancel));
        await Assert.ThrowsAsync<StorageUnavailableException>(async () => await directory.EndOtherSessions(tenant, user.Id, null, Cancel));
        await Assert.ThrowsAsync<StorageUnavailableException>(async () => await directory.SetDisplayName(tenant, user.Id, "Anna", Cancel));
        await Assert.ThrowsAsync<StorageUnavailableException>(async () => await directory.CreateUser(Ann(tenant, "bob"), null, Now, Cancel));
        Assert.Equal(new Credentials(user, "hash", 0, null), await directory.FindCredentials(tenant, "ann", Cancel));
        Assert.NotNull(await directory.FindSession(Token, Now, Cancel));
    }

    [Fact]
    public async Task A_lock_is_waited_for_as_long_as_configured()
    {
        using var storage = new PostgresDirectoryStorage();
        TenantId tenant = (await storage.Directory.EnsureTenant("acme", Now, Cancel)).Id;
        User user = (await storage.Directory.CreateUser(Ann(tenant), null, Now, Cancel)).User!;
        Monstera.Data.Postgres.PostgresDatabase impatient = storage.OpenDatabase(lockTimeout: TimeSpan.FromMilliseconds(50));
        await using UnfinishedTransaction first = await storage.Begin(tenant.ToString(), "UPDATE directory.account SET failures = 5");
        await first.Run("UPDATE directory.slot_map_version SET version = version + 1");
        Func<Task>[] calls =
        [
            async () => await new PostgresDirectory(impatient).RecordSignInFailure(tenant, user.Id, Cancel),
            async () => await new PostgresDirectory(impatient).SetDisplayName(tenant, user.Id, "Anna", Cancel),
            () => new PostgresShardMap(impatient).TryChange([7], 0, 0, 1, Cancel),
        ];
        foreach (Func<Task> call in calls)
        {
            StorageUnavailableException e = await Assert.ThrowsAsync<StorageUnavailableException>(call);
            Assert.Contains(Npgsql.PostgresErrorCodes.LockNotAvailable, e.Message, StringComparison.Ordinal);
        }

        await first.Rollback();
        Assert.Equal(1, await new PostgresDirectory(impatient).RecordSignInFailure(tenant, user.Id, Cancel));
    }

    /// <summary>Acknowledged means on disk, also in a database whose default is otherwise.</summary>
    [Fact]
    public async Task Every_change_is_committed_to_disk()
    {
        using var storage = new PostgresDirectoryStorage();
        TenantId tenant = (await storage.Directory.EnsureTenant("acme", Now, Cancel)).Id;
        User user = (await storage.Directory.CreateUser(Ann(tenant), null, Now, Cancel)).User!;
        string name = new Npgsql.NpgsqlConnectionStringBuilder(storage.OwnerConnection).Database!;
        PostgresServer.Execute(
            storage.OwnerConnection,
            $"ALTER DATABASE {name} SET synchronous_commit = off",
            """
            CREATE FUNCTION directory.refuse() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN IF current_setting('synchronous_commit') <> 'on' THEN RAISE EXCEPTION 'may be lost'; END IF; RETURN NULL; END $$
            """,
            "CREATE TRIGGER a AFTER UPDATE ON directory.account FOR EACH ROW EXECUTE FUNCTION directory.refuse()",
            "CREATE TRIGGER m AFTER UPDATE ON directory.slot_map FOR EACH ROW EXECUTE FUNCTION directory.refuse()");
        storage.Reopen();
        await Assert.ThrowsAsync<Npgsql.PostgresException>(() => storage.Begin(tenant.ToString(), "UPDATE directory.account SET failures = 5"));
        Assert.Equal(1, await storage.Directory.RecordSignInFailure(tenant, user.Id, Cancel));
        await storage.Directory.SetDisplayName(tenant, user.Id, "Anna", Cancel);
        Assert.Equal(SlotMapChange.Changed, await new PostgresShardMap(storage.OpenDatabase()).TryChange([7], 0, 0, 1, Cancel));
    }

    [Fact]
    public async Task Who_gives_up_waiting_changes_nothing()
    {
        using var storage = new PostgresDirectoryStorage();
        TenantId tenant = (await storage.Directory.EnsureTenant("acme", Now, Cancel)).Id;
        User user = (await storage.Directory.CreateUser(Ann(tenant), null, Now, Cancel)).User!;
        await using UnfinishedTransaction first = await storage.Begin(tenant.ToString(), "UPDATE directory.account SET failures = 5");
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        Task<int> failure = storage.Directory.RecordSignInFailure(tenant, user.Id, patience.Token).AsTask();
        Task rename = storage.Directory.SetDisplayName(tenant, user.Id, "Anna", patience.Token).AsTask();
        await storage.AreWaiting(2, Cancel);
        await patience.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => failure);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => rename);
        await first.Rollback();
        Assert.Equal(new Credentials(user, "hash", 0, null), await storage.Directory.FindCredentials(tenant, "ann", Cancel));
    }
}
