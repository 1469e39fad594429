using System.Buffers.Text;
using System.Text;

namespace Monstera.Server.Redis;

public enum RedisReplyKind : byte
{
    Null,

    /// <summary>Also booleans: 0 and 1.</summary>
    Integer,

    /// <summary>Strings of all kinds, and numbers that are no integers, as the server wrote them.</summary>
    Bytes,

    /// <summary>Also sets.</summary>
    Array,

    /// <summary>Its items are key, value, key, value …</summary>
    Map,

    /// <summary>Only within arrays: an answer that is an error becomes a <see cref="RedisErrorException"/>.</summary>
    Error,

    /// <summary>What nobody asked for: a message of a channel, the end of a subscription.</summary>
    Push,
}

/// <summary>What the server answered.</summary>
public readonly struct RedisReply
{
    private readonly long _integer;
    private readonly ReadOnlyMemory<byte> _bytes;
    private readonly RedisReply[]? _items;

    internal RedisReply(long integer) => (Kind, _integer) = (RedisReplyKind.Integer, integer);

    internal RedisReply(RedisReplyKind kind, ReadOnlyMemory<byte> bytes) => (Kind, _bytes) = (kind, bytes);

    internal RedisReply(RedisReplyKind kind, RedisReply[] items) => (Kind, _items) = (kind, items);

    public RedisReplyKind Kind { get; }

    public bool IsNull => Kind == RedisReplyKind.Null;

    /// <summary>A number, also one that is written as text.</summary>
    /// <exception cref="InvalidOperationException">It is none.</exception>
    public long Integer => Kind switch
    {
        RedisReplyKind.Integer => _integer,
        RedisReplyKind.Bytes when Utf8Parser.TryParse(_bytes.Span, out long number, out int used) && used == _bytes.Length => number,
        _ => throw Unexpected("a number"),
    };

    /// <exception cref="InvalidOperationException">It is no string.</exception>
    public ReadOnlyMemory<byte> Bytes => Kind is RedisReplyKind.Bytes or RedisReplyKind.Error ? _bytes : throw Unexpected("a string");

    /// <summary>A string as UTF-8, or a number; null: <see cref="RedisReplyKind.Null"/>.</summary>
    /// <exception cref="InvalidOperationException">It is something else.</exception>
    public string? Text => Kind switch
    {
        RedisReplyKind.Null => null,
        RedisReplyKind.Integer => _integer.ToString(System.Globalization.CultureInfo.InvariantCulture),
        _ => Encoding.UTF8.GetString(Bytes.Span),
    };

    /// <summary>Of an array, a map (key, value, key, value …) or a push; none of null.</summary>
    /// <exception cref="InvalidOperationException">It is something else.</exception>
    public ReadOnlyMemory<RedisReply> Items => _items ?? (IsNull ? default(ReadOnlyMemory<RedisReply>) : throw Unexpected("an array"));

    /// <summary>The value of a key of a map, or of an array that is one in the older protocol; null when it has none.</summary>
    internal RedisReply Of(string key)
    {
        ReadOnlySpan<RedisReply> items = Items.Span;
        for (int i = 0; i + 1 < items.Length; i += 2)
        {
            if (items[i].Kind == RedisReplyKind.Bytes && items[i].Text == key)
            {
                return items[i + 1];
            }
        }

        return default;
    }

    private InvalidOperationException Unexpected(string wanted) => new($"Redis answered with {Kind} where {wanted} was expected.");
}
