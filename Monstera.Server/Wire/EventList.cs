using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Monstera.Data.Rooms;

namespace Monstera.Server.Wire;

/// <summary>Consecutive events of an answer: as they were read from the log, or as the JSON that a feed has of them already.</summary>
[JsonConverter(typeof(EventListConverter))]
public sealed class EventList
{
    private const int EventBytes = 128;

    private readonly IReadOnlyList<RoomEvent> _events = [];
    private readonly ReadOnlyMemory<byte>[] _json = [];

    public EventList(IReadOnlyList<RoomEvent> events)
    {
        _events = events;
        foreach (RoomEvent e in events)
        {
            Bytes += SizeOf(e);
        }
    }

    public EventList(ReadOnlyMemory<byte>[] json)
    {
        _json = json;
        Bytes = json.Sum(one => one.Length);
    }

    public static EventList Empty { get; } = new(Array.Empty<RoomEvent>());

    public int Count => _events.Count + _json.Length;

    /// <summary>About what it takes in an answer.</summary>
    public int Bytes { get; }

    /// <summary>About what an event takes in an answer.</summary>
    public static int SizeOf(RoomEvent e)
    {
        ArgumentNullException.ThrowIfNull(e);
        return EventBytes + (e.Text is null ? 0 : Encoding.UTF8.GetByteCount(e.Text));
    }

    internal void Write(Utf8JsonWriter writer)
    {
        writer.WriteStartArray();
        foreach (RoomEvent e in _events)
        {
            EventJson.Write(writer, e);
        }

        foreach (ReadOnlyMemory<byte> json in _json)
        {
            // Written by EventJson.
            writer.WriteRawValue(json.Span, skipInputValidation: true);
        }

        writer.WriteEndArray();
    }
}

internal sealed class EventListConverter : JsonConverter<EventList>
{
    public override EventList Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        throw new NotSupportedException("Events come from the log, never from a client.");

    public override void Write(Utf8JsonWriter writer, EventList value, JsonSerializerOptions options) => value.Write(writer);
}
