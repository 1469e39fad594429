using System.Text.Json;

namespace Monstera.Server.Realtime.Hub;

/// <summary>Kinds of messages of the SignalR hub protocol that a client sends.</summary>
public enum HubMessageType
{
    /// <summary>No <c>type</c> was given.</summary>
    Unknown = 0,

    Invocation = 1,
    StreamItem = 2,
    Completion = 3,
    StreamInvocation = 4,
    CancelInvocation = 5,
    Ping = 6,
    Close = 7,
}

/// <summary>Where the parts of one message of a client are within its bytes: nothing is copied before it is wanted.</summary>
public readonly record struct HubMessage
{
    /// <summary>Longer invocation ids are refused: they are echoed.</summary>
    private const int InvocationIdBytesMax = 128;

    private static readonly JsonReaderOptions ReaderOptions = new() { MaxDepth = 32 };

    public HubMessageType Type { get; private init; }

    /// <summary>The JSON of the id, quotes included, to be echoed as it is; empty when no answer is wanted.</summary>
    public Range InvocationId { get; private init; }

    /// <summary>The method's name as it was sent, without quotes.</summary>
    public Range Target { get; private init; }

    /// <summary>The JSON of the only argument; empty when there is not exactly one.</summary>
    public Range Argument { get; private init; }

    /// <summary>Reads one message.</summary>
    /// <returns>False: not a message of the protocol at all.</returns>
    public static bool TryRead(ReadOnlySpan<byte> json, out HubMessage message)
    {
        message = default;
        try
        {
            Utf8JsonReader reader = new(json, ReaderOptions);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            {
                return false;
            }

            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                if (!TryReadProperty(ref reader, ref message))
                {
                    return false;
                }
            }

            return reader.TokenType == JsonTokenType.EndObject && !reader.Read() && message.Type != HubMessageType.Unknown;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            return false;
        }
    }

    private static bool TryReadProperty(ref Utf8JsonReader reader, ref HubMessage message)
    {
        if (reader.ValueTextEquals("type"u8))
        {
            reader.Read();
            message = message with { Type = (HubMessageType)reader.GetInt32() };
            return true;
        }

        if (reader.ValueTextEquals("target"u8))
        {
            reader.Read();
            message = message with { Target = new Range((int)reader.TokenStartIndex + 1, (int)reader.BytesConsumed - 1) };
            return reader.TokenType == JsonTokenType.String;
        }

        if (reader.ValueTextEquals("invocationId"u8))
        {
            reader.Read();
            if (reader.TokenType == JsonTokenType.Null)
            {
                return true;
            }

            message = message with { InvocationId = TokenOf(reader) };
            return reader.TokenType == JsonTokenType.String && reader.ValueSpan.Length <= InvocationIdBytesMax;
        }

        if (reader.ValueTextEquals("arguments"u8))
        {
            reader.Read();
            return TryReadArguments(ref reader, ref message);
        }

        reader.Read();
        reader.Skip();
        return true;
    }

    private static bool TryReadArguments(ref Utf8JsonReader reader, ref HubMessage message)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            return false;
        }

        int count = 0;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            int start = (int)reader.TokenStartIndex;
            reader.Skip();
            message = message with { Argument = count++ == 0 ? new Range(start, (int)reader.BytesConsumed) : default };
        }

        return true;
    }

    private static Range TokenOf(in Utf8JsonReader reader) => new((int)reader.TokenStartIndex, (int)reader.BytesConsumed);
}
