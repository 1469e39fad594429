using System.Text;

namespace Monstera.Bench.Load;

/// <summary>A room of the run: who is in it, and the frames that were seen of it lately.</summary>
internal sealed class Room(string key, string id)
{
    /// <summary>Members get the same bytes within a short time of one another: a power of two, well above the passes that lie between the first and the last.</summary>
    private const int FramesKept = 64;

    private readonly EventFrame?[] _frames = new EventFrame?[FramesKept];

    public string Key { get; } = key;

    /// <summary>The id as it is on the wire.</summary>
    public byte[] Id { get; } = Encoding.UTF8.GetBytes(id);

    public int MemberCount { get; private set; }

    public int Join() => MemberCount++;

    /// <summary>
    /// The events in a record. Parsed once for all members that get the same bytes: comparing them proves more than parsing them again, and costs a tenth. That is what lets one
    /// core of client check every delivery.
    /// </summary>
    /// <returns>Null when there are no events in it.</returns>
    public EventFrame? Read(ReadOnlySpan<byte> record, IDesk desk)
    {
        ReadOnlySpan<byte> first = Records.After(record, EventFrame.SeqName);
        if (first.IsEmpty)
        {
            return null;
        }

        long from = Records.Number(first);
        ref EventFrame? slot = ref _frames[from & (FramesKept - 1)];
        if (slot is null || !slot.Is(from, record))
        {
            (slot ??= new EventFrame()).Parse(record, this, desk);
        }

        return slot;
    }
}
