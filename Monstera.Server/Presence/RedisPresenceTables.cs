using Monstera.Server.Nodes;
using Monstera.Server.Redis;

namespace Monstera.Server.Presence;

/// <summary>Tables of nodes in Redis: a hash for each, which expires with its lease. Rows are as <see cref="PresenceEntryBytes"/> has them.</summary>
public sealed class RedisPresenceTables(RedisClient redis) : IPresenceTables
{
    private const string Counter = "counter";

    // Lease in milliseconds, counter, whether it is the whole; then fields with their values, an empty one for a row that is gone.
    private static readonly RedisScript WriteScript = new(
        """
        if ARGV[3] == '1' then
          redis.call('DEL', KEYS[1])
        elseif redis.call('EXISTS', KEYS[1]) == 0 then
          return 0
        end
        for i = 4, #ARGV, 2 do
          if ARGV[i + 1] == '' then
            redis.call('HDEL', KEYS[1], ARGV[i])
          else
            redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
          end
        end
        redis.call('HSET', KEYS[1], 'counter', ARGV[2])
        redis.call('PEXPIRE', KEYS[1], ARGV[1])
        return 1
        """);

    public async ValueTask<bool> Write(Guid node, long counter, IReadOnlyCollection<PresenceEntry> entries, bool whole, TimeSpan lease, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(entries);
        List<RedisArg> args = [(long)lease.TotalMilliseconds, counter, whole ? 1 : 0];
        foreach (PresenceEntry entry in entries)
        {
            args.Add(FieldOf(entry));
            args.Add(ValueOf(entry));
        }

        try
        {
            return (await redis.Run(WriteScript, [KeyOf(node)], [.. args], cancel)).Integer == 1;
        }
        catch (RedisUnavailableException)
        {
            return false;
        }
    }

    public async ValueTask<PresenceTableCopy?> Read(Guid node, CancellationToken cancel)
    {
        string key = KeyOf(node);
        RedisReply reply;
        try
        {
            reply = await redis.Call(key, ["HGETALL", key], cancel);
        }
        catch (RedisUnavailableException)
        {
            return null;
        }

        long? counter = null;
        List<PresenceEntry> entries = [];
        ReadOnlySpan<RedisReply> items = reply.Items.Span;
        for (int i = 0; i + 1 < items.Length; i += 2)
        {
            // A row that another version of the server wrote differently is left out.
            if (PresenceEntryBytes.TryRead(items[i].Bytes.Span, items[i + 1].Bytes.Span, out PresenceEntry entry))
            {
                entries.Add(entry);
            }
            else if (items[i].Text == Counter)
            {
                counter = items[i + 1].Integer;
            }
        }

        return counter is { } known ? new PresenceTableCopy(known, entries) : null;
    }

    public async ValueTask Remove(Guid node, CancellationToken cancel)
    {
        string key = KeyOf(node);
        try
        {
            await redis.Call(key, ["DEL", key], cancel);
        }
        catch (RedisUnavailableException)
        {
            // It expires by itself.
        }
    }

    private string KeyOf(Guid node) => redis.Key(node.ToString("N"), "presence");

    private static byte[] FieldOf(in PresenceEntry entry)
    {
        byte[] field = new byte[PresenceEntryBytes.KeyLength];
        PresenceEntryBytes.WriteKey(entry, field);
        return field;
    }

    /// <summary>Empty: the row is gone.</summary>
    private static byte[] ValueOf(in PresenceEntry entry)
    {
        if (entry.Activity == PresenceActivity.None)
        {
            return [];
        }

        byte[] value = new byte[PresenceEntryBytes.ValueLength];
        PresenceEntryBytes.WriteValue(entry, value);
        return value;
    }
}
