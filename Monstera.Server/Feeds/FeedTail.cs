using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Monstera.Server.Wire;

namespace Monstera.Server.Feeds;

/// <summary>An event of the tail: its JSON, whose membership it ended, and the message that its text is of (0: none).</summary>
internal readonly record struct TailEntry(ReadOnlyMemory<byte> Json, UserId? Left, long Message)
{
    public static TailEntry Of(RoomEvent e) => new(
        EventJson.ToBytes(e),
        e.Type == EventType.MemberLeft ? e.User : null,
        e.Type switch
        {
            EventType.MessageCreated => e.Seq,
            EventType.MessageEdited => e.Target ?? 0,
            _ => 0,
        });
}

/// <summary>
/// The newest events of one room, consecutive, as JSON. Bounded by number and bytes; what has not been offered yet is kept beyond that, up to four times the number, so
/// that one large batch does not make everybody lag. Not safe for threads: the feed's lock guards it.
/// </summary>
internal sealed class FeedTail(int eventsMax, int bytesMax)
{
    private const int HardFactor = 4;
    private const int SmallestRing = 8;

    // A ring whose length is a power of two; it grows as it is needed, so that a quiet room costs nothing.
    private TailEntry[] _ring = [];
    private int _start;
    private int _count;
    private long _bytes;

    /// <summary>The newest seq; 0 before the first.</summary>
    public long Last { get; private set; }

    /// <summary>The oldest seq that is here; <c>Last + 1</c> when none is.</summary>
    public long First => Last - _count + 1;

    /// <summary>Begins anew after <paramref name="head"/>.</summary>
    public void Clear(long head)
    {
        _ring = [];
        (_start, _count, _bytes) = (0, 0, 0);
        Last = head;
    }

    /// <summary>Adds the event after <see cref="Last"/>.</summary>
    /// <param name="offered">Everything up to this seq has been offered to all.</param>
    public void Add(TailEntry entry, long offered)
    {
        if (_count == _ring.Length)
        {
            Grow();
        }

        _ring[(_start + _count) & (_ring.Length - 1)] = entry;
        _count++;
        _bytes += entry.Json.Length;
        Last++;
        while (_count > 1
            && (_count > eventsMax || _bytes > bytesMax)
            && (First <= offered || _count > eventsMax * HardFactor || _bytes > (long)bytesMax * HardFactor))
        {
            RemoveFirst();
        }
    }

    /// <summary>The events after <paramref name="cursor"/> (at least <c>First - 1</c>) up to <paramref name="until"/>, stopping past <paramref name="frameBytes"/>.</summary>
    public ReadOnlyMemory<byte>[] After(long cursor, long until, int frameBytes)
    {
        int most = (int)Math.Max(0, Math.Min(until, Last) - cursor);
        int bytes = 0;
        int count = 0;
        while (count < most && (count == 0 || bytes + At(cursor + 1 + count).Json.Length <= frameBytes))
        {
            bytes += At(cursor + 1 + count).Json.Length;
            count++;
        }

        ReadOnlyMemory<byte>[] taken = new ReadOnlyMemory<byte>[count];
        for (int i = 0; i < count; i++)
        {
            taken[i] = At(cursor + 1 + i).Json;
        }

        return taken;
    }

    /// <summary>Takes a deleted message's text out of the events that have it, as the deletion does in the log: who reads them later must not see it.</summary>
    public void Erase(long message)
    {
        for (long seq = Math.Max(message, First); seq <= Last; seq++)
        {
            ref TailEntry entry = ref At(seq);
            if (entry.Message == message)
            {
                byte[] erased = EventJson.Erased(entry.Json.Span);
                _bytes += erased.Length - entry.Json.Length;
                entry = entry with { Json = erased };
            }
        }
    }

    /// <summary>The first event after <paramref name="cursor"/> that ended the membership of <paramref name="user"/>; null when none is here.</summary>
    public long? LeftAfter(long cursor, UserId user)
    {
        for (long seq = Math.Max(cursor + 1, First); seq <= Last; seq++)
        {
            if (At(seq).Left == user)
            {
                return seq;
            }
        }

        return null;
    }

    private ref TailEntry At(long seq) => ref _ring[(_start + (int)(seq - First)) & (_ring.Length - 1)];

    private void RemoveFirst()
    {
        _bytes -= _ring[_start].Json.Length;
        _ring[_start] = default;
        _start = (_start + 1) & (_ring.Length - 1);
        _count--;
    }

    private void Grow()
    {
        TailEntry[] larger = new TailEntry[Math.Max(SmallestRing, _ring.Length * 2)];
        for (int i = 0; i < _count; i++)
        {
            larger[i] = _ring[(_start + i) & (_ring.Length - 1)];
        }

        (_ring, _start) = (larger, 0);
    }
}
