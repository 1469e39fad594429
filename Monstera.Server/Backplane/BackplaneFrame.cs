using System.Buffers;
using System.Buffers.Binary;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Monstera.Server.Nodes;
using Monstera.Server.Rooms;
using Monstera.Server.Tracing;

namespace Monstera.Server.Backplane;

/// <summary>
/// What nodes send each other, in bytes: a version, the sender, the time (milliseconds since 1970), then records of a kind and a length each, so that a reader passes over those of kinds that it
/// does not know. What is added goes into new kinds and fields; only what older versions must not even try to read needs a new version.
/// </summary>
internal static class BackplaneFrame
{
    public const byte Version = 1;
    public const byte EventsRecord = 1;
    public const byte SignalRecord = 2;

    /// <summary>The sender could not send something that belonged into this partition.</summary>
    public const byte LostRecord = 3;
    private const int HeaderBytes = 1 + 16 + 8;

    public static void Begin(ArrayBufferWriter<byte> frame, Guid sender, DateTimeOffset now)
    {
        frame.WriteByte(Version);
        frame.WriteGuid(sender);
        BinaryPrimitives.WriteInt64BigEndian(frame.GetSpan(8), now.ToUnixTimeMilliseconds());
        frame.Advance(8);
    }

    /// <summary>Reads whatever can be understood. Never throws.</summary>
    public static FrameContent Read(ReadOnlySpan<byte> frame, Guid self)
    {
        FrameContent content = new();
        if (frame.Length < HeaderBytes || frame[0] != Version)
        {
            // The sender stands at the same place in every version, and its own frames are none that one lacks something of.
            content.IsOwn = frame.Length >= 17 && new Guid(frame[1..17], bigEndian: true) == self;
            content.HasUnknown = content.LacksEvents = true;
            return content;
        }

        content.IsOwn = new Guid(frame[1..17], bigEndian: true) == self;
        content.SentAtMs = BinaryPrimitives.ReadInt64BigEndian(frame[17..]);
        if (content.IsOwn)
        {
            return content;
        }

        FrameReader reader = new(frame[HeaderBytes..]);
        while (!reader.IsEmpty)
        {
            if (!reader.TryField(out byte kind, out ReadOnlySpan<byte> record))
            {
                content.HasUnknown = content.LacksEvents = true;
                return content;
            }

            bool isKnown = kind switch
            {
                EventsRecord => ReadEvents(record, content),
                SignalRecord => ReadSignal(record, content),
                LostRecord => true,
                _ => false,
            };
            content.HasUnknown |= !isKnown;
            content.LacksEvents |= kind == LostRecord || (!isKnown && kind != SignalRecord);
        }

        return content;
    }

    private static bool ReadEvents(ReadOnlySpan<byte> record, FrameContent content)
    {
        FrameReader reader = new(record);
        if (!reader.TryGuid(out Guid tenant) || !reader.TryGuid(out Guid room) || !reader.TryNumber(out long epoch))
        {
            return false;
        }

        List<RoomEvent> events = [];
        TraceParent? trace = null;
        bool isWhole = true;
        while (!reader.IsEmpty)
        {
            if (!reader.TryBlock(out ReadOnlySpan<byte> bytes))
            {
                isWhole = false;
                break;
            }

            if (EventBytes.Read(new RoomId(room), bytes, ref trace) is { } e)
            {
                events.Add(e);
            }
            else
            {
                isWhole = false;
            }
        }

        if (events.Count > 0)
        {
            content.Events.Add(new CommittedEvents(new TenantId(tenant), new RoomId(room), epoch, events) { Trace = trace });
        }

        return isWhole;
    }

    private static bool ReadSignal(ReadOnlySpan<byte> record, FrameContent content)
    {
        if (SignalBytes.Read(record) is not { } signal)
        {
            return false;
        }

        content.Signals.Add(signal);
        return true;
    }
}

/// <summary>What was in a frame.</summary>
internal sealed class FrameContent
{
    /// <summary>This node sent it.</summary>
    public bool IsOwn { get; set; }

    /// <summary>By the sender's clock.</summary>
    public long SentAtMs { get; set; }

    /// <summary>There is more in it, or it is garbled.</summary>
    public bool HasUnknown { get; set; }

    /// <summary>There are events that are not in it: the sender lost some, or what is not understood may be some.</summary>
    public bool LacksEvents { get; set; }

    public List<CommittedEvents> Events { get; } = [];

    public List<NodeSignal> Signals { get; } = [];
}

/// <summary>Makes frames, one after another. Not safe for threads.</summary>
internal sealed class FrameWriter(Guid sender)
{
    /// <summary>Frames and records stop past this. One larger event is still a frame.</summary>
    public const int FrameBytesMax = 131_072;

    private readonly ArrayBufferWriter<byte> _frame = new(1_024);
    private readonly ArrayBufferWriter<byte> _record = new(512);
    private readonly ArrayBufferWriter<byte> _event = new(512);

    public int EventCount { get; private set; }

    public int SignalCount { get; private set; }

    public bool IsFull => _frame.WrittenCount >= FrameBytesMax;

    public void Begin(DateTimeOffset now)
    {
        (EventCount, SignalCount) = (0, 0);
        _frame.ResetWrittenCount();
        BackplaneFrame.Begin(_frame, sender, now);
    }

    /// <summary>Adds the events from the place <paramref name="from"/> on, until the frame is full.</summary>
    /// <returns>The place of the first one that was not added.</returns>
    public int Add(CommittedEvents events, int from)
    {
        _record.ResetWrittenCount();
        _record.WriteGuid(events.Tenant.Value);
        _record.WriteGuid(events.Room.Value);
        _record.WriteNumber(events.Epoch);
        TraceParent? trace = events.Trace;
        while (from < events.Events.Count && _frame.WrittenCount + _record.WrittenCount < FrameBytesMax)
        {
            _event.ResetWrittenCount();
            EventBytes.Write(_event, events.Events[from++], trace);
            trace = null;
            _record.WriteBlock(_event.WrittenSpan);
            EventCount++;
        }

        _frame.WriteByte(BackplaneFrame.EventsRecord);
        _frame.WriteBlock(_record.WrittenSpan);
        return from;
    }

    public void Add(NodeSignal signal)
    {
        _record.ResetWrittenCount();
        if (SignalBytes.Write(_record, signal))
        {
            _frame.WriteByte(BackplaneFrame.SignalRecord);
            _frame.WriteBlock(_record.WrittenSpan);
            SignalCount++;
        }
    }

    /// <summary>Says that events of this partition were not sent.</summary>
    public void AddLost()
    {
        _frame.WriteByte(BackplaneFrame.LostRecord);
        _frame.WriteByte(0);
    }

    public byte[] ToFrame() => _frame.WrittenSpan.ToArray();
}
