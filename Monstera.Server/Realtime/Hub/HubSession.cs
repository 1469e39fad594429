using System.Buffers;
using System.Text.Json;

namespace Monstera.Server.Realtime.Hub;

/// <summary>Why a session ends, as a WebSocket close code (RFC 6455 section 7.4.1).</summary>
public enum SessionEnd
{
    /// <summary>It goes on.</summary>
    None = 0,

    Normal = 1000,
    GoingAway = 1001,
    ProtocolError = 1002,
    TooLarge = 1009,
}

/// <summary>
/// One connection's side of the SignalR JSON hub protocol: the handshake, then messages, each ended by 0x1e. Fed with bytes as they come, in any pieces; keeps only an
/// unfinished message between them. Fed by one reader at a time.
/// </summary>
public sealed class HubSession(ChatConnection connection, HubCalls calls)
{
    private const byte RecordSeparator = 0x1e;

    private byte[]? _buffer;
    private int _length;
    private bool _shookHands;
    private int _callsInFlight;
    private TaskCompletionSource? _callEnded;

    public ChatConnection Connection { get; } = connection;

    /// <summary>Takes the next bytes of the stream.</summary>
    /// <returns>Whether the session goes on.</returns>
    public async ValueTask<SessionEnd> Receive(ReadOnlyMemory<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            int end = bytes.Span.IndexOf(RecordSeparator);
            if (end < 0)
            {
                return Keep(bytes.Span) ? SessionEnd.None : TooLarge();
            }

            ReadOnlyMemory<byte> message = bytes[..end];
            if (_length > 0)
            {
                if (!Keep(message.Span))
                {
                    return TooLarge();
                }

                message = _buffer.AsMemory(0, _length);
            }

            if (message.Length > Greeting.FrameBytesMax)
            {
                return TooLarge();
            }

            // The other side waits rather than this side's memory: for answers that are being made, and for those that it does not read. Calls right behind a Hello wait for it.
            await Released(CallsBelow(Connection.SaidHello ? Greeting.CallsInFlightMax : 1));
            await Released(Connection.AnswersTaken());

            SessionEnd outcome = Take(message.Span);
            Forget();
            if (outcome != SessionEnd.None)
            {
                return outcome;
            }

            bytes = bytes[(end + 1)..];
        }

        return SessionEnd.None;
    }

    /// <summary>Before it is waited for, what is held goes out: it may be what the other side waits for.</summary>
    private ValueTask Released(ValueTask wait)
    {
        if (!wait.IsCompleted)
        {
            Connection.Release();
        }

        return wait;
    }

    /// <summary>Answers a call and ends it.</summary>
    internal void Answer(ReadOnlySpan<byte> invocationId, object answer)
    {
        if (invocationId.Length > 0)
        {
            Connection.Reply(invocationId, answer);
        }

        EndCall();
    }

    internal void EndCall()
    {
        Interlocked.Decrement(ref _callsInFlight);
        Volatile.Read(ref _callEnded)?.TrySetResult();
    }

    /// <summary>Ends when all calls are answered. Nobody reads any more.</summary>
    internal ValueTask Drain() => CallsBelow(1);

    private ValueTask CallsBelow(int calls) => Volatile.Read(ref _callsInFlight) < calls ? ValueTask.CompletedTask : CallsBelowSlow(calls);

    private async ValueTask CallsBelowSlow(int calls)
    {
        while (true)
        {
            // Published before the count is looked at again, so that a call that ends in between is not missed.
            TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
            Volatile.Write(ref _callEnded, ended);
            Interlocked.MemoryBarrier();
            if (Volatile.Read(ref _callsInFlight) < calls)
            {
                Volatile.Write(ref _callEnded, null);
                return;
            }

            await ended.Task;
        }
    }

    private SessionEnd Take(ReadOnlySpan<byte> json)
    {
        if (!_shookHands)
        {
            return ShakeHands(json);
        }

        if (!HubMessage.TryRead(json, out HubMessage message))
        {
            Connection.Send(HubReplies.Close("invalid: not a message of the hub protocol.", allowReconnect: false));
            return SessionEnd.ProtocolError;
        }

        switch (message.Type)
        {
            case HubMessageType.Invocation or HubMessageType.StreamInvocation:
                Interlocked.Increment(ref _callsInFlight);
                calls.Run(this, message, json);
                return SessionEnd.None;
            case HubMessageType.Close:
                return SessionEnd.Normal;
            default:
                // Pings, and what belongs to streams, which there are none of.
                return SessionEnd.None;
        }
    }

    private SessionEnd ShakeHands(ReadOnlySpan<byte> json)
    {
        string? error = HandshakeError(json);
        if (error is not null)
        {
            Connection.Send(HubReplies.HandshakeError(error));
            return SessionEnd.ProtocolError;
        }

        _shookHands = true;
        Connection.Send(HubReplies.Welcome);
        return SessionEnd.None;
    }

    private static string? HandshakeError(ReadOnlySpan<byte> json)
    {
        try
        {
            Utf8JsonReader reader = new(json);
            using JsonDocument document = JsonDocument.ParseValue(ref reader);
            JsonElement root = document.RootElement;
            return root.ValueKind != JsonValueKind.Object
                || !root.TryGetProperty("protocol"u8, out JsonElement protocol) || !protocol.ValueEquals("json"u8)
                || !root.TryGetProperty("version"u8, out JsonElement version) || !version.TryGetInt32(out int number)
                ? "The handshake is {\"protocol\":\"json\",\"version\":1}."
                : number != 1 ? "Only version 1 of the JSON hub protocol is spoken here." : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return "The handshake is {\"protocol\":\"json\",\"version\":1}.";
        }
    }

    private SessionEnd TooLarge()
    {
        Connection.Send(HubReplies.Close($"too_large: at most {Greeting.FrameBytesMax} bytes in a frame.", allowReconnect: false));
        return SessionEnd.TooLarge;
    }

    /// <summary>Keeps the beginning of a message until the rest comes.</summary>
    private bool Keep(ReadOnlySpan<byte> bytes)
    {
        int length = _length + bytes.Length;
        if (length > Greeting.FrameBytesMax)
        {
            return false;
        }

        if (_buffer is null || _buffer.Length < length)
        {
            byte[] larger = ArrayPool<byte>.Shared.Rent(length);
            _buffer.AsSpan(0, _length).CopyTo(larger);
            Return();
            _buffer = larger;
        }

        bytes.CopyTo(_buffer.AsSpan(_length));
        _length = length;
        return true;
    }

    private void Forget()
    {
        _length = 0;
        Return();
    }

    private void Return()
    {
        if (_buffer is not null)
        {
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = null;
        }
    }
}
