using System.Text;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;

namespace Monstera.Data.Archive;

/// <summary>
/// What is projected from a room's log, made anew from nothing but the log, and told to a <see cref="RoomDigester"/> as a store tells what it has: the two digests are equal when the projections
/// agree with the log. In memory: members, and messages to which something happened.
/// </summary>
internal sealed class RoomReplay
{
    private readonly SortedDictionary<Guid, RoomMember> _members = [];
    private readonly SortedDictionary<long, Message> _messages = [];
    private RoomEvent? _created;
    private string? _name;
    private string? _topic;
    private long _nameSeq;
    private long _topicSeq;

    /// <summary>Digest of what the store should have of the room, up to <paramref name="head"/>. Null: the log ends before.</summary>
    public static async ValueTask<string?> Digest(IRoomArchive archive, TenantId tenant, RoomId room, long head, CancellationToken cancel)
    {
        var replay = new RoomReplay();
        long last = await Walk(replay.Apply);
        if (last < head || replay._created is null)
        {
            return null;
        }

        // The room comes first in a digest, and is known last: the log is read again.
        using var digester = new RoomDigester();
        replay.TellRoom(digester);
        await Walk(digester.Event);
        replay.TellProjections(digester);
        return digester.Finish();

        async ValueTask<long> Walk(Action<RoomEvent> use)
        {
            const int EventsMax = 5_000;
            const int BytesMax = 4 * 1024 * 1024;
            long after = 0;
            while (after < head)
            {
                IReadOnlyList<RoomEvent> events = await archive.ReadLog(tenant, room, after, (int)Math.Min(EventsMax, head - after), BytesMax, cancel);
                if (events.Count == 0)
                {
                    break;
                }

                foreach (RoomEvent e in events)
                {
                    use(e);
                }

                after = events[^1].Seq;
            }

            return after;
        }
    }

    public void Apply(RoomEvent e)
    {
        ArgumentNullException.ThrowIfNull(e);
        switch (e.Type)
        {
            case EventType.RoomCreated:
                (_created, _name, _nameSeq, _topic, _topicSeq) = (e, e.Name, e.Seq, e.Topic, e.Seq);
                break;
            case EventType.RoomUpdated:
                (_name, _nameSeq) = e.Name is null ? (_name, _nameSeq) : (e.Name, e.Seq);
                (_topic, _topicSeq) = e.Topic is null ? (_topic, _topicSeq) : (e.Topic.Length == 0 ? null : e.Topic, e.Seq);
                break;
            case EventType.MemberJoined:
                _members[e.User!.Value.Value] = new RoomMember(e.User.Value, e.Role!.Value, e.Seq, e.At);
                break;
            case EventType.MemberLeft:
                _members.Remove(e.User!.Value.Value);
                break;
            case EventType.MemberUpdated:
                // Nobody there: the log has an error, which shows in the digest.
                if (_members.TryGetValue(e.User!.Value.Value, out RoomMember? member))
                {
                    _members[e.User.Value.Value] = member with { Role = e.Role!.Value };
                }

                break;
            case EventType.MessageCreated:
                break;
            default:
                Of(e.Target!.Value).Apply(e);
                break;
        }
    }

    public void TellRoom(RoomDigester digester) =>
        digester.Room(_created!.Kind!.Value, _name, _nameSeq, _topic, _topicSeq, _members.Count, _created.At);

    public void TellProjections(RoomDigester digester)
    {
        foreach (RoomMember member in _members.Values)
        {
            digester.Member(member);
        }

        foreach ((long seq, Message message) in _messages)
        {
            digester.MessageState(seq, message.Rev, message.EditedSeq, message.DeletedSeq, message.Pinned, message.PinSeq);
        }

        foreach ((long seq, Message message) in _messages)
        {
            foreach (((Guid user, string emoji), (long at, bool present)) in message.Reactions.OrderBy(r => r.Key.User).ThenBy(r => r.Key.Emoji, Utf8Order.Instance))
            {
                digester.Reaction(seq, user, emoji, at, present);
            }
        }

        foreach ((long seq, Message message) in _messages)
        {
            foreach ((string emoji, (long first, int users)) in message.Counts.OrderBy(c => c.Key, Utf8Order.Instance))
            {
                digester.EmojiCount(seq, emoji, first, users);
            }
        }
    }

    private Message Of(long seq)
    {
        if (!_messages.TryGetValue(seq, out Message? message))
        {
            _messages.Add(seq, message = new Message());
        }

        return message;
    }

    /// <summary>A message to which something happened.</summary>
    private sealed class Message
    {
        public long Rev { get; private set; }

        public long? EditedSeq { get; private set; }

        public long? DeletedSeq { get; private set; }

        public bool Pinned { get; private set; }

        public long? PinSeq { get; private set; }

        public Dictionary<(Guid User, string Emoji), (long Seq, bool Present)> Reactions { get; } = [];

        public Dictionary<string, (long FirstSeq, int Users)> Counts { get; } = new(StringComparer.Ordinal);

        public void Apply(RoomEvent e)
        {
            Rev = e.Seq;
            switch (e.Type)
            {
                case EventType.MessageEdited:
                    EditedSeq = e.Seq;
                    break;
                case EventType.MessageDeleted:
                    (DeletedSeq, Pinned) = (e.Seq, false);
                    Reactions.Clear();
                    Counts.Clear();
                    break;
                case EventType.MessagePinned or EventType.MessageUnpinned:
                    (Pinned, PinSeq) = (e.Type == EventType.MessagePinned, e.Seq);
                    break;
                case EventType.ReactionAdded or EventType.ReactionRemoved:
                    React(e, e.Type == EventType.ReactionAdded);
                    break;
                default:
                    throw new ArchiveConflictException($"Room {e.Room} has an event of an unknown type at seq {e.Seq}: {e.Type}.");
            }
        }

        private void React(RoomEvent e, bool present)
        {
            string emoji = e.Emoji!;
            Reactions[(e.Sender.Value, emoji)] = (e.Seq, present);
            (long first, int users) = Counts.GetValueOrDefault(emoji, (e.Seq, 0));
            users += present ? 1 : -1;
            if (users <= 0)
            {
                Counts.Remove(emoji);
            }
            else
            {
                Counts[emoji] = (first, users);
            }
        }
    }

    /// <summary>By code point, as the databases sort.</summary>
    private sealed class Utf8Order : IComparer<string>
    {
        public static readonly Utf8Order Instance = new();

        public int Compare(string? x, string? y) => Encoding.UTF8.GetBytes(x!).AsSpan().SequenceCompareTo(Encoding.UTF8.GetBytes(y!));
    }
}
