using Monstera.Tests.Data.Postgres.Slots;
using static Monstera.Tests.Data.Postgres.PostgresDesk;

namespace Monstera.Tests.Commands;

/// <summary>What changes nothing can all be asked of one installation.</summary>
public sealed class ShardsCommandRefusalTests(ShardsCommandRefusalTests.Installation installation) : IClassFixture<ShardsCommandRefusalTests.Installation>
{
    private readonly SlotWorld _world = installation.World;

    [Theory]
    [InlineData(2, "move-slots")]
    [InlineData(2, "move-slots", "--from", "0", "--to", "1")]
    [InlineData(2, "move-slots", "--from", "0", "--to", "1", "--slots", "5-", "--dry-run")]
    [InlineData(2, "move-slots", "--from", "0", "--to", "1", "--slots", "4096")]
    [InlineData(2, "move-slots", "--from", "0", "--to", "1", "--slots", "5", "--count", "3")]
    [InlineData(2, "move-slots", "--from", "0", "--to", "1", "--slots", "5", "--soak", "soon")]
    [InlineData(2, "move-slots", "--from", "0", "--to", "1", "--slot", "5")]
    [InlineData(2, "move-slots", "--from", "0", "--to", "1", "--count", "4097")]
    [InlineData(2, "move-slots", "--resume", "0190f5a0-0000-7000-8000-000000000000", "--from", "0")]
    [InlineData(3, "move-slots", "--resume", "0190f5a0-0000-7000-8000-000000000000")]
    [InlineData(3, "move-slots", "--from", "1", "--to", "0", "--slots", "5")]
    [InlineData(3, "move-slots", "--from", "0", "--to", "7", "--slots", "5")]
    [InlineData(0, "move-slots", "--from", "0", "--to", "1", "--slots", "5", "--dry-run")]
    [InlineData(2, "move-slots", "--from", "0", "--to", "1", "--count", "many")]
    [InlineData(2, "move-slots", "--from", "0", "--to", "1", "--count", "-3")]
    [InlineData(2, "add", "0")]
    [InlineData(2, "add", "2")]
    [InlineData(3, "add", "3")]
    [InlineData(2, "add", "256")]
    [InlineData(3, "verify", "--shard", "9")]
    [InlineData(2, "list", "--Monstera:Storage=sqlite")]
    [InlineData(1, "list", "--ConnectionStrings:Directory=Host=127.0.0.1;Port=1;Username=x", "--ConnectionStrings:Owners:Directory=Host=127.0.0.1;Port=1;Username=x")]
    public async Task What_cannot_be_meant_or_is_not_safe_has_an_exit_code_and_changes_nothing(int exitCode, params string[] arguments)
    {
        Assert.Equal(exitCode, await ShardsCommandLine.Run(_world.Names, arguments));
        Assert.Empty(await _world.Moves.ReadOpen(Cancel));
        Assert.Equal(1, (await _world.Map.Read(Cancel)).Version);
    }

    public sealed class Installation : IAsyncLifetime
    {
        internal SlotWorld World { get; private set; } = null!;

        public async ValueTask InitializeAsync() => World = await SlotWorld.Create();

        public ValueTask DisposeAsync() => World.DisposeAsync();
    }
}
