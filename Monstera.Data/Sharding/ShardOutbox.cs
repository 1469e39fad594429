using Monstera.Data.Rooms;

namespace Monstera.Data.Sharding;

internal sealed class ShardOutbox(ShardLink shard) : IMembershipOutbox
{
    public ValueTask<IReadOnlyList<MembershipChange>> Read(int limit, CancellationToken cancel) => shard.Call(store => store.Outboxes[0].Read(limit, cancel));

    public async ValueTask Acknowledge(long id, CancellationToken cancel) => await shard.Call(async store =>
    {
        await store.Outboxes[0].Acknowledge(id, cancel);
        return true;
    });
}
