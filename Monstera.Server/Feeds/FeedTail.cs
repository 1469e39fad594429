using Monstera.Data.Ids;

namespace Monstera.Server.Feeds;

/// <summary>An event of the tail: its JSON, and whose membership it ended.</summary>
internal readonly record struct TailEntry(ReadOnlyMemory<byte> Json, UserId? Left);

/// <summary>
/// The newest events of one room, consecutive, as JSON. Bounded by number and bytes; what has not been offered yet is kept beyond that, up to four times the number, so
/// that one large batch does not make everybody lag. Not safe for threads: the feed's lock guards it.
/// </summary>
internal sealed class FeedTail(int eventsMax, int bytesMax)
{
    private const int HardFactor = 4;

    private readonly Queue<TailEntry> _entries = new();
    private long _bytes;

    /// <summary>The newest seq; 0 before the first.</summary>
    public long Last { get; private set; }

    /// <summary>The oldest seq that is here; <c>Last + 1</c> when none is.</summary>
    public long First => Last - _entries.Count + 1;

    /// <summary>Begins anew after <paramref name="head"/>.</summary>
    public void Clear(long head)
    {
        _entries.Clear();
        _bytes = 0;
        Last = head;
    }

    /// <summary>Adds the event after <see cref="Last"/>.</summary>
    /// <param name="offered">Everything up to this seq has been offered to all.</param>
    public void Add(TailEntry entry, long offered)
    {
        _entries.Enqueue(entry);
        _bytes += entry.Json.Length;
        Last++;
        while (_entries.Count > 1
            && (_entries.Count > eventsMax || _bytes > bytesMax)
            && (First <= offered || _entries.Count > eventsMax * HardFactor || _bytes > (long)bytesMax * HardFactor))
        {
            _bytes -= _entries.Dequeue().Json.Length;
        }
    }

    /// <summary>The events after <paramref name="cursor"/> (at least <c>First - 1</c>) up to <paramref name="until"/>, stopping past <paramref name="frameBytes"/>.</summary>
    public ReadOnlyMemory<byte>[] After(long cursor, long until, int frameBytes)
    {
        int skip = (int)(cursor + 1 - First);
        int most = (int)(Math.Min(until, Last) - cursor);
        List<ReadOnlyMemory<byte>> taken = new(Math.Max(0, most));
        int bytes = 0;
        foreach (TailEntry entry in _entries.Skip(skip).Take(most))
        {
            if (taken.Count > 0 && bytes + entry.Json.Length > frameBytes)
            {
                break;
            }

            taken.Add(entry.Json);
            bytes += entry.Json.Length;
        }

        return [.. taken];
    }

    /// <summary>The first event after <paramref name="cursor"/> that ended the membership of <paramref name="user"/>; null when none is here.</summary>
    public long? LeftAfter(long cursor, UserId user)
    {
        long seq = First - 1;
        foreach (TailEntry entry in _entries)
        {
            seq++;
            if (seq > cursor && entry.Left == user)
            {
                return seq;
            }
        }

        return null;
    }
}
