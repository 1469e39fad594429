using Monstera.Data.Ids;
using Monstera.Data.Rooms;

namespace Monstera.Data.Postgres;

/// <summary>
/// A room within one append, or one write of copied events: what was read of it, changed by each event, so that later drafts of the batch see it. What is to be written at the end is
/// marked as changed; however often a thing changed, its last state is written once.
/// </summary>
internal sealed class AppendRoom(long key, TenantId tenant, RoomState state)
{
    private readonly long _headBefore = state.Head;

    public long Key { get; } = key;

    public TenantId Tenant { get; } = tenant;

    public RoomState State { get; private set; } = state;

    /// <summary>Set for a room that the batch makes.</summary>
    public DateTimeOffset? MadeAt { get; init; }

    public bool IsChanged { get; private set; }

    /// <summary>Those that drafts of the batch speak of. Missing: no member.</summary>
    public Dictionary<UserId, RoomMember> Members { get; } = [];

    public HashSet<UserId> ChangedMembers { get; } = [];

    /// <summary>The last event about a member, for drafts that may have nothing to change.</summary>
    public Dictionary<UserId, long> LastAbout { get; } = [];

    /// <summary>Known when a draft of the batch asks for it.</summary>
    public int Owners { get; set; }

    /// <summary>Known when a draft of the batch asks for it.</summary>
    public int Pins { get; set; }

    public Dictionary<long, AppendMessage> Messages { get; } = [];

    public Dictionary<(UserId Sender, ClientId ClientId), (long Seq, DateTimeOffset At)> Seen { get; } = [];

    public bool IsOfThisBatch(long seq) => seq > _headBefore;

    /// <summary>For a copied event, on which no rule decided: whether what it changes is there.</summary>
    public bool Fits(RoomEvent copied) => copied switch
    {
        { Type: EventType.MemberJoined } => !Members.ContainsKey(copied.User!.Value),
        { User: { } user } => Members.ContainsKey(user),
        { Target: { } target } => Messages.ContainsKey(target),
        _ => true,
    };

    /// <summary>A copy has the epoch of what it is a copy of.</summary>
    /// <returns>Whether it is another one.</returns>
    public bool TakeEpoch(long epoch)
    {
        bool isAnother = State.Epoch != epoch;
        State = State with { Epoch = epoch };
        return isAnother;
    }

    /// <summary>The event was added to the log.</summary>
    public void Apply(RoomEvent added)
    {
        State = State with { Head = added.Seq };
        if (added.ClientId is { } clientId)
        {
            Seen[(added.Sender, clientId)] = (added.Seq, added.At);
        }

        switch (added.Type)
        {
            case EventType.RoomCreated:
                break;
            case EventType.RoomUpdated:
                ApplyUpdate(added);
                break;
            case EventType.MemberJoined:
            case EventType.MemberLeft:
            case EventType.MemberUpdated:
                ApplyMember(added, added.User!.Value);
                break;
            case EventType.MessageCreated:
                Messages[added.Seq] = new AppendMessage(new MessageState(added.Seq, added.Sender, added.Text, added.Seq, null, false, null));
                break;
            default:
                ApplyMessage(added, Messages[added.Target!.Value]);
                break;
        }
    }

    private void ApplyUpdate(RoomEvent added)
    {
        IsChanged = true;
        if (added.Name is not null)
        {
            State = State with { Name = added.Name, NameSeq = added.Seq };
        }

        if (added.Topic is not null)
        {
            State = State with { Topic = added.Topic.Length == 0 ? null : added.Topic, TopicSeq = added.Seq };
        }
    }

    private void ApplyMember(RoomEvent added, UserId user)
    {
        bool wasOwner = Members.TryGetValue(user, out RoomMember? before) && before.Role == RoomRole.Owner;
        switch (added.Type)
        {
            case EventType.MemberJoined:
                Members[user] = new RoomMember(user, added.Role!.Value, added.Seq, added.At);
                State = State with { Members = State.Members + 1 };
                IsChanged = true;
                break;
            case EventType.MemberLeft:
                Members.Remove(user);
                State = State with { Members = State.Members - 1 };
                IsChanged = true;
                break;
            default:
                Members[user] = before! with { Role = added.Role!.Value };
                break;
        }

        Owners += (added.Role == RoomRole.Owner ? 1 : 0) - (wasOwner ? 1 : 0);
        ChangedMembers.Add(user);
        LastAbout[user] = added.Seq;
    }

    private void ApplyMessage(RoomEvent added, AppendMessage message)
    {
        message.Rev = added.Seq;
        switch (added.Type)
        {
            case EventType.MessageEdited:
                message.State = message.State with { Text = added.Text, TextSeq = added.Seq };
                break;
            case EventType.MessageDeleted:
                // A deleted message is pinned no longer.
                Pins -= message.State.Pinned ? 1 : 0;
                message.State = message.State with { Text = null, DeletedSeq = added.Seq, Pinned = false };
                message.ChangedReactions.Clear();
                message.ChangedEmoji.Clear();
                break;
            case EventType.MessagePinned:
            case EventType.MessageUnpinned:
                bool pinned = added.Type == EventType.MessagePinned;
                Pins += pinned ? 1 : -1;
                message.State = message.State with { Pinned = pinned, PinSeq = added.Seq };
                break;
            case EventType.ReactionAdded:
            case EventType.ReactionRemoved:
                message.ApplyReaction(added, added.Type == EventType.ReactionAdded);
                break;
            default:
                throw new InvalidOperationException($"No projection of {added.Type}.");
        }
    }
}

/// <summary>A message within one append.</summary>
internal sealed class AppendMessage(MessageState state)
{
    public MessageState State { get; set; } = state;

    /// <summary>The last event of this batch about the message; 0: none, and nothing is to be written.</summary>
    public long Rev { get; set; }

    /// <summary>What senders of the batch's reactions did last.</summary>
    public Dictionary<(UserId User, string Emoji), ReactionState> Reactions { get; } = [];

    public HashSet<(UserId User, string Emoji)> ChangedReactions { get; } = [];

    /// <summary>All emoji that are on the message, known when a draft of the batch reacts to it.</summary>
    public Dictionary<string, (long FirstSeq, int Users)> Emoji { get; } = new(StringComparer.Ordinal);

    public HashSet<string> ChangedEmoji { get; } = new(StringComparer.Ordinal);

    public void ApplyReaction(RoomEvent added, bool on)
    {
        string emoji = added.Emoji!;
        Reactions[(added.Sender, emoji)] = new ReactionState(on, added.Seq);
        ChangedReactions.Add((added.Sender, emoji));
        ChangedEmoji.Add(emoji);
        (long first, int users) = Emoji.GetValueOrDefault(emoji, (added.Seq, 0));
        users += on ? 1 : -1;
        if (users == 0)
        {
            Emoji.Remove(emoji);
        }
        else
        {
            Emoji[emoji] = (first, users);
        }
    }
}
