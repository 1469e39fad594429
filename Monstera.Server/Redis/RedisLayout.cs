namespace Monstera.Server.Redis;

/// <summary>Which servers take writes, and of a cluster which slots each has.</summary>
/// <param name="Slots">The place in <paramref name="Masters"/> of each slot's owner, -1 where there is none; null: it is no cluster.</param>
internal sealed record RedisLayout(IReadOnlyList<RedisAddress> Masters, short[]? Slots)
{
    /// <summary>From the answer to CLUSTER SLOTS.</summary>
    /// <param name="asked">Who gave it: a server that does not know its own address leaves it out.</param>
    public static RedisLayout FromSlots(RedisReply reply, RedisAddress asked)
    {
        List<RedisAddress> masters = [];
        short[] slots = new short[RedisSlot.Count];
        Array.Fill(slots, (short)-1);
        foreach (RedisReply range in reply.Items.Span)
        {
            (int from, int to) = ((int)range.Items.Span[0].Integer, (int)range.Items.Span[1].Integer);
            ReadOnlySpan<RedisReply> node = range.Items.Span[2].Items.Span;
            RedisAddress master = new(node[0].Text is { Length: > 0 } host and not "?" ? host : asked.Host, (int)node[1].Integer);
            if (from < 0 || to >= RedisSlot.Count || from > to || master.Port is <= 0 or > 65_535)
            {
                throw new RedisUnavailableException($"Redis at {asked} told of slots that cannot be.");
            }

            int place = masters.IndexOf(master);
            if (place < 0)
            {
                place = masters.Count;
                masters.Add(master);
            }

            Array.Fill(slots, (short)place, from, to - from + 1);
        }

        return masters.Count > 0 ? new RedisLayout(masters, slots) : throw new RedisUnavailableException($"Redis at {asked} is of a cluster in which nobody has slots.");
    }
}
