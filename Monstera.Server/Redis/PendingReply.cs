namespace Monstera.Server.Redis;

/// <summary>Waits for the answer to one command; answers come in the order of commands.</summary>
internal abstract class PendingReply
{
    /// <summary>The answer, which may be an error. On the connection's reading loop: must neither wait nor throw.</summary>
    public abstract void Complete(RedisReply reply);

    /// <summary>The connection ended before.</summary>
    public abstract void Fail(RedisUnavailableException reason);
}

/// <summary>For who awaits it.</summary>
internal sealed class AwaitedReply : PendingReply
{
    private readonly TaskCompletionSource<RedisReply> _reply = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Ends with the answer, also one that is an error.</summary>
    public Task<RedisReply> Reply => _reply.Task;

    public override void Complete(RedisReply reply) => _reply.TrySetResult(reply);

    public override void Fail(RedisUnavailableException reason) => _reply.TrySetException(reason);
}

/// <summary>For who does not look at it.</summary>
internal sealed class IgnoredReply : PendingReply
{
    public static readonly IgnoredReply Instance = new();

    public override void Complete(RedisReply reply)
    {
    }

    public override void Fail(RedisUnavailableException reason)
    {
    }
}

/// <summary>For a subscription (or its end), which is confirmed by a push instead of an answer; only an error comes as one.</summary>
internal sealed class SubscriptionReply(string channel, bool begins, Action<string?> ended) : PendingReply
{
    public string Channel { get; } = channel;

    /// <summary>It begins; otherwise it ends.</summary>
    public bool Begins { get; } = begins;

    /// <summary>Confirmed with null, or refused with the server's words.</summary>
    public override void Complete(RedisReply reply) => ended(reply.Kind == RedisReplyKind.Error ? reply.Text : null);

    public override void Fail(RedisUnavailableException reason)
    {
        // A new connection subscribes again.
    }
}
