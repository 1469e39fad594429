using Monstera.Data.Ids;
using Monstera.Data.Rooms;

namespace Monstera.Tests.Data.Rooms;

/// <summary>One room of <see cref="RoomStoreModel"/>, and what is to be read from its log.</summary>
public sealed class RoomLog(TenantId tenant, RoomKind kind)
{
    public TenantId Tenant { get; } = tenant;

    public RoomKind Kind { get; } = kind;

    public List<RoomEvent> Events { get; } = [];

    public Dictionary<UserId, RoomRole> Members()
    {
        Dictionary<UserId, RoomRole> members = [];
        foreach (RoomEvent e in Events)
        {
            switch (e.Type)
            {
                case EventType.MemberJoined or EventType.MemberUpdated:
                    members[e.User!.Value] = e.Role!.Value;
                    break;
                case EventType.MemberLeft:
                    members.Remove(e.User!.Value);
                    break;
            }
        }

        return members;
    }

    public RoomRole? RoleOf(UserId user) => LastAbout(user)?.Role;

    public RoomEvent? LastAbout(UserId user) => Events.FindLast(e => e.User == user);

    public RoomEvent JoinOf(UserId user) => Events.FindLast(e => e.User == user && e.Type == EventType.MemberJoined)!;

    public RoomEvent? Message(long seq) => Events.Find(e => e.Seq == seq && e.Type == EventType.MessageCreated);

    public RoomEvent? DeletionOf(long message) => Events.Find(e => e.Target == message && e.Type == EventType.MessageDeleted);

    public RoomEvent TextOf(long message) =>
        Events.FindLast(e => e.Target == message && e.Type == EventType.MessageEdited) ?? Message(message)!;

    public void Erase(long message)
    {
        for (int i = 0; i < Events.Count; i++)
        {
            if (Events[i].Seq == message || (Events[i].Target == message && Events[i].Type == EventType.MessageEdited))
            {
                Events[i] = Events[i] with { Text = null, Deleted = true };
            }
        }
    }

    public TimelineItem Item(RoomEvent e)
    {
        RoomEvent[] about = e.Type == EventType.MessageCreated ? [.. Events.Where(x => x.Target == e.Seq)] : [];
        long rev = about.Length == 0 ? e.Seq : about[^1].Seq;
        if (e.Type != EventType.MessageCreated || e.Deleted)
        {
            return new TimelineItem(e, rev, null, false, []);
        }

        RoomEvent text = TextOf(e.Seq);
        bool pinned = about.LastOrDefault(x => x.Type is EventType.MessagePinned or EventType.MessageUnpinned)?.Type == EventType.MessagePinned;
        return new TimelineItem(e with { Text = text.Text }, rev, text == e ? null : text.At, pinned, ReactionsOf(about));
    }

    public IEnumerable<TimelineItem> Timeline() =>
        Events.Where(e => e.Type is EventType.MessageCreated or EventType.RoomCreated or EventType.RoomUpdated
            or EventType.MemberJoined or EventType.MemberLeft or EventType.MessagePinned).Select(Item);

    public int Unread(UserId user, long seq) =>
        Events.Count(e => e.Seq > seq && e.Type == EventType.MessageCreated && !e.Deleted && e.Sender != user);

    private static List<Reaction> ReactionsOf(RoomEvent[] about)
    {
        List<(string Emoji, List<UserId> Users)> reactions = [];
        foreach (RoomEvent e in about.Where(x => x.Emoji is not null))
        {
            int at = reactions.FindIndex(r => r.Emoji == e.Emoji);
            if (e.Type == EventType.ReactionAdded && at < 0)
            {
                reactions.Add((e.Emoji!, [e.Sender]));
            }
            else if (e.Type == EventType.ReactionAdded)
            {
                reactions[at].Users.Add(e.Sender);
            }
            else
            {
                reactions[at].Users.Remove(e.Sender);
                reactions.RemoveAll(r => r.Users.Count == 0);
            }
        }

        return [.. reactions.Select(r => new Reaction(r.Emoji, r.Users, r.Users.Count))];
    }
}
