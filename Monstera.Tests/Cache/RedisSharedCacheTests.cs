using Microsoft.Extensions.Logging.Abstractions;
using Monstera.Data.Directory;
using Monstera.Data.Ids;
using Monstera.Server.Backplane;
using Monstera.Server.Cache;
using Monstera.Server.Redis;
using Monstera.Tests.Clients;
using Monstera.Tests.Data.Sqlite;
using Monstera.Tests.Redis;

namespace Monstera.Tests.Cache;

/// <summary>What was removed never comes back, whoever is late, in a real Redis.</summary>
public sealed class RedisSharedCacheTests : IAsyncLifetime
{
    private readonly FakeTime _time = new();
    private readonly List<RedisClient> _clients = [];
    private readonly string _prefix = "test-" + Guid.NewGuid().ToString("N");
    private RedisSharedCache _here = null!;
    private RedisSharedCache _there = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => (_here, _there) = (await Connect(), await Connect());

    public async ValueTask DisposeAsync()
    {
        foreach (RedisClient client in _clients)
        {
            await client.DisposeAsync();
        }
    }

    [Fact]
    public async Task Who_finds_nothing_may_fill_it_in_and_all_find_that()
    {
        SharedKey key = NewKey();
        SharedEntry first = await _here.Read(key);
        Assert.Null(first.Value);
        Assert.NotNull(first.Lease);
        Assert.Equal(default, await _there.Read(key));

        _here.Fill(key, first.Lease.Value, new byte[] { 0, 1, 0xff });
        await Finds(_there, key, [0, 1, 0xff]);
        await Finds(_here, key, [0, 1, 0xff]);
    }

    [Fact]
    public async Task A_reader_who_is_late_does_not_bring_back_what_was_removed()
    {
        SharedKey key = NewKey();
        Guid late = (await _here.Read(key)).Lease!.Value;
        Assert.True(await _there.Remove(key));
        _here.Fill(key, late, "old"u8.ToArray());
        Guid lease = (await _here.Read(key)).Lease!.Value;

        // The one who is late comes between the new lease and its filling, and after it.
        _here.Fill(key, late, "old"u8.ToArray());
        _here.Fill(key, lease, "new"u8.ToArray());
        await Finds(_here, key, "new"u8.ToArray());
        _here.Fill(key, late, "old"u8.ToArray());
        await Finds(_here, key, "new"u8.ToArray());

        Assert.True(await _here.Remove(key));
        Assert.Null((await _there.Read(key)).Value);
    }

    [Fact]
    public async Task When_Redis_has_forgotten_a_late_reader_fills_in_nothing()
    {
        using RedisServer redis = RedisServer.Start();
        RedisClient client = await Client(redis);
        RedisSharedCache cache = new(client, _time, NullLogger<RedisSharedCache>.Instance);
        SharedKey key = NewKey();
        Guid late = (await cache.Read(key)).Lease!.Value;
        await client.Call(client.Key("all", "x"), ["FLUSHALL"], Cancel);
        cache.Fill(key, late, "old"u8.ToArray());
        await Signal.Poll(
            () =>
            {
                // The pause after the loss, which may be noticed only now.
                _time.Advance(TimeSpan.FromMinutes(1));
                SharedEntry entry = cache.Read(key).AsTask().GetAwaiter().GetResult();
                Assert.Null(entry.Value);
                return entry.Lease is not null;
            },
            "the right to fill it in");
    }

    [Fact]
    public async Task While_Redis_is_away_nothing_is_found_and_nothing_counts_as_removed_and_after_it_there_is_a_pause()
    {
        using RedisServer redis = RedisServer.Start();
        RedisClient client = await Client(redis);
        RedisSharedCache cache = new(client, _time, NullLogger<RedisSharedCache>.Instance);
        SharedKey key = NewKey();
        cache.Fill(key, (await cache.Read(key)).Lease!.Value, "value"u8.ToArray());
        await Finds(cache, key, "value"u8.ToArray());

        redis.Stop();
        await Signal.Poll(() => client.IsAway, "Redis to be away");
        Assert.Equal(default, await cache.Read(key));
        Assert.False(await cache.Remove(key));
        cache.Fill(key, Guid.NewGuid(), "value"u8.ToArray());

        TaskCompletionSource restored = new();
        client.Restored += () => restored.TrySetResult();
        redis.Restart();
        await restored.Task.WaitAsync(Signal.Patience, TimeProvider.System, Cancel);
        Assert.Equal(default, await cache.Read(key));
        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.NotEqual(default, await cache.Read(key));
    }

    [Fact]
    public async Task Users_and_tenants_of_one_node_cost_another_nothing_and_changes_count_at_once()
    {
        using SqliteStorage stored = new();
        MemoryBackplaneWire wire = new();
        using CachingNode here = new(stored.Directory, wire, _time, _here);
        using CachingNode there = new(stored.Directory, wire, _time, _there);
        TenantId tenant = (await stored.Directory.EnsureTenant("acme", _time.GetUtcNow(), Cancel)).Id;
        User ann = (await stored.Directory.CreateUser(new NewUser(tenant, "ann", "Ann 葵", "hash", WorkspaceRole.Admin), null, _time.GetUtcNow(), Cancel)).User!;
        await here.Directory.FindUser(tenant, ann.Id, Cancel);
        Tenant acme = (await here.Directory.FindTenant(tenant, Cancel))!;
        await Signal.Poll(() => IsThere(ann, tenant), "both to be filled in");

        Assert.Equal(ann, await there.Directory.FindUser(tenant, ann.Id, Cancel));
        Assert.Equal(acme, await there.Directory.FindTenant(tenant, Cancel));
        Assert.Empty(there.NewCalls());

        await there.Directory.SetDisplayName(tenant, ann.Id, "Ann B.", Cancel);
        Assert.Equal("Ann B.", (await here.Directory.FindUser(tenant, ann.Id, Cancel))!.DisplayName);
        Assert.Equal("Ann B.", (await there.Directory.FindUser(tenant, ann.Id, Cancel))!.DisplayName);

        // Another tenant's key leads nowhere, whatever lies there.
        Assert.Null(await there.Directory.FindUser(new TenantId(Guid.NewGuid()), ann.Id, Cancel));
    }

    [Fact]
    public async Task A_reader_who_is_late_brings_nothing_back_to_any_node()
    {
        using SqliteStorage stored = new();
        MemoryBackplaneWire wire = new();
        using CachingNode here = new(stored.Directory, wire, _time, _here);
        using CachingNode there = new(stored.Directory, wire, _time, _there);
        TenantId tenant = (await stored.Directory.EnsureTenant("acme", _time.GetUtcNow(), Cancel)).Id;
        User ann = (await stored.Directory.CreateUser(new NewUser(tenant, "ann", "Ann", "hash", WorkspaceRole.Admin), null, _time.GetUtcNow(), Cancel)).User!;
        TaskCompletionSource late = new();
        TaskCompletionSource asked = new();
        here.Asked.Late = _ =>
        {
            asked.TrySetResult();
            return late.Task;
        };
        Task<User?> before = here.Directory.FindUser(tenant, ann.Id, Cancel).AsTask();
        await asked.Task;
        await there.Directory.SetDisplayName(tenant, ann.Id, "Ann B.", Cancel);

        late.SetResult();
        await before;

        foreach (CachingNode node in new[] { here, there })
        {
            _time.Advance(TimeSpan.FromMinutes(2));
            Assert.Equal("Ann B.", (await node.Directory.FindUser(tenant, ann.Id, Cancel))!.DisplayName);
        }
    }

    private static SharedKey NewKey() => new(Guid.NewGuid().ToString(), "test");

    private static Task Finds(RedisSharedCache cache, SharedKey key, byte[] value) => Signal.Poll(
        () => cache.Read(key).AsTask().GetAwaiter().GetResult().Value is { } found && found.Span.SequenceEqual(value), "the value");

    private bool IsThere(User user, TenantId tenant) =>
        _here.Read(new SharedKey($"{tenant}/{user.Id}", SharedRecord<User>.Name)).AsTask().GetAwaiter().GetResult().Value is not null
        && _here.Read(new SharedKey($"{tenant}", SharedRecord<Tenant>.Name)).AsTask().GetAwaiter().GetResult().Value is not null;

    private async Task<RedisSharedCache> Connect() => new(await Client(RedisServer.Shared), _time, NullLogger<RedisSharedCache>.Instance);

    private async Task<RedisClient> Client(RedisServer server)
    {
        RedisClient client = await server.Connect(_prefix);
        _clients.Add(client);
        return client;
    }
}
