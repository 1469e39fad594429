using Monstera.Data.Directory;
using Monstera.Data.Ids;
using Monstera.Server.Nodes;
using Monstera.Server.Presence;
using Monstera.Tests.Clients;

namespace Monstera.Tests.Presence;

/// <summary>What every keeper of the nodes' tables is held to.</summary>
public abstract class PresenceTablesContract
{
    private static readonly TenantId Tenant = new(Guid.NewGuid());
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(30);

    private readonly Guid _node = Guid.NewGuid();

    protected abstract IPresenceTables Tables { get; }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>Lets a lease of <paramref name="lease"/> run out.</summary>
    protected abstract Task Expire(TimeSpan lease, Func<Task<bool>> isGone);

    [Fact]
    public async Task What_is_written_is_read_whole_with_the_counter_it_led_to()
    {
        PresenceEntry[] entries =
        [
            Entry(PresenceActivity.Active, default), Entry(PresenceActivity.Idle, new PresenceSetting(PresenceChoice.Away, 1)),
            Entry(PresenceActivity.Active, new PresenceSetting(PresenceChoice.Invisible, 1L << 50)), Entry(PresenceActivity.Idle, default) with { Tenant = new(Guid.NewGuid()) },
        ];
        Assert.True(await Tables.Write(_node, 7, entries, whole: true, Lease, Cancel));
        await AssertTable(7, entries);

        // Changes: one is another, one is gone, one is new.
        PresenceEntry[] changes = [entries[0] with { Activity = PresenceActivity.Idle }, entries[1] with { Activity = PresenceActivity.None }, Entry(PresenceActivity.Active, default)];
        Assert.True(await Tables.Write(_node, 8, changes, whole: false, Lease, Cancel));
        await AssertTable(8, [changes[0], entries[2], entries[3], changes[2]]);

        Assert.True(await Tables.Write(_node, 9, [entries[1]], whole: true, Lease, Cancel));
        await AssertTable(9, [entries[1]]);
        Assert.Null(await Tables.Read(Guid.NewGuid(), Cancel));
    }

    [Fact]
    public async Task A_table_of_nobody_is_one_and_a_change_of_none_is_refused()
    {
        Assert.False(await Tables.Write(_node, 1, [Entry(PresenceActivity.Active, default)], whole: false, Lease, Cancel));
        Assert.Null(await Tables.Read(_node, Cancel));
        Assert.True(await Tables.Write(_node, 1, [], whole: true, Lease, Cancel));
        await AssertTable(1, []);
        await Tables.Remove(_node, Cancel);
        Assert.Null(await Tables.Read(_node, Cancel));
        Assert.False(await Tables.Write(_node, 2, [], whole: false, Lease, Cancel));
    }

    [Fact]
    public async Task A_table_is_gone_with_its_lease_which_each_write_renews()
    {
        TimeSpan brief = TimeSpan.FromMilliseconds(300);
        Guid renewed = Guid.NewGuid();
        Assert.True(await Tables.Write(_node, 1, [Entry(PresenceActivity.Active, default)], whole: true, brief, Cancel));
        Assert.True(await Tables.Write(renewed, 1, [Entry(PresenceActivity.Active, default)], whole: true, brief, Cancel));
        Assert.True(await Tables.Write(renewed, 1, [], whole: false, Lease, Cancel));
        await Expire(brief, async () => await Tables.Read(_node, Cancel) is null);
        Assert.Null(await Tables.Read(_node, Cancel));
        Assert.Single((await Tables.Read(renewed, Cancel))!.Entries);
    }

    [Fact]
    public async Task Large_tables_go_too()
    {
        PresenceEntry[] entries = [.. Enumerable.Range(0, 5_000).Select(i => Entry(PresenceActivity.Active, new PresenceSetting(PresenceChoice.Auto, i)))];
        Assert.True(await Tables.Write(_node, 1, entries, whole: true, Lease, Cancel));
        await AssertTable(1, entries);
    }

    private static PresenceEntry Entry(PresenceActivity activity, PresenceSetting setting) => new(Tenant, new UserId(Guid.NewGuid()), activity, setting);

    private async Task AssertTable(long counter, PresenceEntry[] entries)
    {
        PresenceTableCopy copy = (await Tables.Read(_node, Cancel))!;
        Assert.Equal(counter, copy.Counter);
        Assert.Equal(entries.OrderBy(entry => entry.User.Value), copy.Entries.OrderBy(entry => entry.User.Value));
    }
}

public sealed class MemoryPresenceTablesTests : PresenceTablesContract
{
    private readonly FakeTime _time = new();

    public MemoryPresenceTablesTests() => Tables = new MemoryPresenceTables(_time);

    protected override IPresenceTables Tables { get; }

    protected override Task Expire(TimeSpan lease, Func<Task<bool>> isGone)
    {
        _time.Advance(lease);
        return Task.CompletedTask;
    }
}
