using System.Collections.Concurrent;
using System.Text;
using Monstera.Server.Redis;
using Monstera.Tests.Clients;

namespace Monstera.Tests.Redis;

/// <summary>The client on one real server.</summary>
public sealed class RedisClientTests
{
    [Fact]
    public async Task Commands_are_answered_whatever_they_carry()
    {
        await using RedisClient redis = await RedisServer.Shared.Connect();
        string key = redis.Key("t", "key");
        byte[] bytes = [.. Enumerable.Range(0, 256).Select(i => (byte)i)];

        Assert.Equal("OK", (await redis.Call(key, ["SET", key, bytes], CancellationToken.None)).Text);
        Assert.Equal(bytes, (await redis.Call(key, ["GET", key], CancellationToken.None)).Bytes.ToArray());
        Assert.True((await redis.Call(key, ["GET", key + "none"], CancellationToken.None)).IsNull);
        Assert.Equal(1, (await redis.Call(key, ["DEL", key], CancellationToken.None)).Integer);
        await redis.Call(key, ["HSET", key, "名前", "アオイ", "n", 7], CancellationToken.None);
        RedisReply map = await redis.Call(key, ["HGETALL", key], CancellationToken.None);
        Assert.Equal(RedisReplyKind.Map, map.Kind);
        Assert.Equal(["名前", "アオイ", "n", "7"], map.Items.ToArray().Select(item => item.Text));
        Assert.Equal("WRONGTYPE", (await Assert.ThrowsAsync<RedisErrorException>(async () => await redis.Call(key, ["GET", key], CancellationToken.None))).Code);
    }

    [Fact]
    public async Task A_thousand_calls_at_once_each_get_their_own_answer()
    {
        await using RedisClient redis = await RedisServer.Shared.Connect();
        string[] answers = await Task.WhenAll(Enumerable.Range(0, 1_000).Select(async i =>
            (await redis.Call(redis.Key("t", "echo"), ["ECHO", $"{i}"], CancellationToken.None)).Text!));

        Assert.Equal(Enumerable.Range(0, 1_000).Select(i => $"{i}"), answers);
    }

    [Fact]
    public async Task A_script_runs_whether_the_server_knows_it_or_not()
    {
        await using RedisClient redis = await RedisServer.Shared.Connect();
        RedisScript script = new($"return {{KEYS[1], ARGV[1], redis.call('INCR', KEYS[1])}} -- {Guid.NewGuid()}");
        string key = redis.Key("t", "count");
        for (int i = 1; i <= 2; i++)
        {
            RedisReply reply = await redis.Run(script, [key], ["word"], CancellationToken.None);
            Assert.Equal([key, "word", $"{i}"], reply.Items.ToArray().Select(item => item.Text));
        }
    }

    [Fact]
    public async Task What_is_published_arrives_in_order_and_after_unsubscribing_no_more()
    {
        await using RedisClient redis = await RedisServer.Shared.Connect();
        await using RedisClient other = await RedisServer.Shared.Connect();
        string channel = redis.Key("t", "news");
        ConcurrentQueue<string> heard = [];
        Signal changed = new();
        int begun = 0;
        redis.Subscribe(channel, payload => Note(heard, changed, payload), () => Count(ref begun, changed));
        await changed.Until(() => begun == 1, "the subscription");
        Assert.Throws<InvalidOperationException>(() => redis.Subscribe(channel, _ => { }, null));

        for (int i = 0; i < 500; i++)
        {
            other.Publish(channel, Encoding.UTF8.GetBytes($"{i}"));
        }

        await changed.Until(() => heard.Count == 500, "the messages");
        Assert.Equal(Enumerable.Range(0, 500).Select(i => $"{i}"), heard);

        redis.Unsubscribe(channel);
        other.Publish(channel, "late"u8.ToArray());
        redis.Subscribe(channel, payload => Note(heard, changed, payload), () => Count(ref begun, changed));
        await changed.Until(() => begun == 2, "the second subscription");
        Assert.True(await other.PublishAndConfirm(channel, "again"u8.ToArray()));
        await changed.Until(() => heard.Contains("again"), "a message of the second subscription");
        Assert.Equal(501, heard.Count(text => text != "late"));
    }

    private static void Note(ConcurrentQueue<string> heard, Signal changed, ReadOnlyMemory<byte> payload)
    {
        heard.Enqueue(Encoding.UTF8.GetString(payload.Span));
        changed.Pulse();
    }

    private static void Count(ref int count, Signal changed)
    {
        Interlocked.Increment(ref count);
        changed.Pulse();
    }
}
