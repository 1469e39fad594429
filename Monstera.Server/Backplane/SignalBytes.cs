using System.Buffers;
using Monstera.Data.Ids;
using Monstera.Server.Nodes;

namespace Monstera.Server.Backplane;

/// <summary>
/// One signal in a frame: its kind, then numbered fields, of which a reader passes over those that it does not know. A new kind of signal gets a number, a line in
/// <see cref="Write"/> and one in <see cref="Read"/>. The numbers are the wire between versions that run side by side: never change or reuse one.
/// </summary>
internal static class SignalBytes
{
    private const byte Typing = 1;
    private const byte ReadMarker = 2;
    private const byte Rooms = 3;
    private const byte SessionEnded = 4;
    private const byte User = 5;
    private const byte Tenant = 6;
    private const byte Presence = 7;
    private const byte NodeLeft = 8;

    // Fields that several kinds have.
    private const byte TenantField = 1;
    private const byte RoomField = 2;
    private const byte UserField = 3;
    private const byte SeqField = 4;
    private const byte UnreadField = 5;
    private const byte SessionField = 6;
    private const byte NodeField = 7;
    private const byte EntriesField = 8;

    /// <returns>False: it has no number, and is not sent.</returns>
    public static bool Write(ArrayBufferWriter<byte> to, NodeSignal signal)
    {
        switch (signal)
        {
            case TypingSignal typing:
                WriteWho(to, Typing, typing.Tenant, typing.User);
                to.WriteField(RoomField, typing.Room.Value);
                return true;
            case ReadSignal read:
                WriteWho(to, ReadMarker, read.Tenant, read.User);
                to.WriteField(RoomField, read.Room.Value);
                to.WriteField(SeqField, read.Seq);
                to.WriteField(UnreadField, read.Unread);
                return true;
            case RoomsSignal rooms:
                WriteWho(to, Rooms, rooms.Tenant, rooms.User);
                return true;
            case SessionEndedSignal ended:
                to.WriteByte(SessionEnded);
                to.WriteField(SessionField, ended.Session.Value);
                return true;
            case UserSignal user:
                WriteWho(to, User, user.Tenant, user.User);
                return true;
            case TenantSignal tenant:
                to.WriteByte(Tenant);
                to.WriteField(TenantField, tenant.Tenant.Value);
                return true;
            case PresenceSignal presence:
                to.WriteByte(Presence);
                to.WriteField(NodeField, presence.Node);
                to.WriteField(SeqField, presence.Counter);
                WriteEntries(to, presence.Changes);
                return true;
            case NodeLeftSignal left:
                to.WriteByte(NodeLeft);
                to.WriteField(NodeField, left.Node);
                return true;
            default:
                return false;
        }
    }

    /// <returns>Null: it is garbled, or of a kind that this version does not know.</returns>
    public static NodeSignal? Read(ReadOnlySpan<byte> bytes)
    {
        FrameReader reader = new(bytes);
        if (!reader.TryByte(out byte kind))
        {
            return null;
        }

        Fields fields = default;
        while (!reader.IsEmpty)
        {
            if (!reader.TryField(out byte field, out ReadOnlySpan<byte> content) || !fields.Take(field, content))
            {
                return null;
            }
        }

        return (kind, fields) switch
        {
            (Typing, { Tenant: { } tenant, Room: { } room, User: { } user }) => new TypingSignal(tenant, room, user),
            (ReadMarker, { Tenant: { } tenant, User: { } user, Room: { } room, Seq: { } seq, Unread: { } unread }) => new ReadSignal(tenant, user, room, seq, unread),
            (Rooms, { Tenant: { } tenant, User: { } user }) => new RoomsSignal(tenant, user),
            (SessionEnded, { Session: { } session }) => new SessionEndedSignal(session),
            (User, { Tenant: { } tenant, User: { } user }) => new UserSignal(tenant, user),
            (Tenant, { Tenant: { } tenant }) => new TenantSignal(tenant),
            (Presence, { Node: { } node, Seq: { } counter, Entries: var entries }) => new PresenceSignal(node, counter, entries ?? []),
            (NodeLeft, { Node: { } node }) => new NodeLeftSignal(node),
            _ => null,
        };
    }

    private static void WriteEntries(ArrayBufferWriter<byte> to, IReadOnlyList<PresenceEntry> entries)
    {
        to.WriteByte(EntriesField);
        to.WriteNumber((long)entries.Count * PresenceEntryBytes.Length);
        foreach (PresenceEntry entry in entries)
        {
            Span<byte> row = to.GetSpan(PresenceEntryBytes.Length);
            PresenceEntryBytes.WriteKey(entry, row);
            PresenceEntryBytes.WriteValue(entry, row[PresenceEntryBytes.KeyLength..]);
            to.Advance(PresenceEntryBytes.Length);
        }
    }

    private static void WriteWho(ArrayBufferWriter<byte> to, byte kind, TenantId tenant, UserId user)
    {
        to.WriteByte(kind);
        to.WriteField(TenantField, tenant.Value);
        to.WriteField(UserField, user.Value);
    }

    private struct Fields
    {
        public TenantId? Tenant { get; private set; }

        public RoomId? Room { get; private set; }

        public UserId? User { get; private set; }

        public SessionId? Session { get; private set; }

        public long? Seq { get; private set; }

        public int? Unread { get; private set; }

        public Guid? Node { get; private set; }

        public IReadOnlyList<PresenceEntry>? Entries { get; private set; }

        public bool Take(byte field, ReadOnlySpan<byte> content)
        {
            if (field is TenantField or RoomField or UserField or SessionField or NodeField)
            {
                return FrameFields.TryAsGuid(content, out Guid? id) && Take(field, id.Value);
            }

            if (field == EntriesField)
            {
                return TakeEntries(content);
            }

            if (field is SeqField or UnreadField)
            {
                return FrameFields.TryAsNumber(content, out long? number) && Take(field, number.Value);
            }

            return true;
        }

        /// <summary>All of them, or the signal is not what it was: who then lacks one finds the gap.</summary>
        private bool TakeEntries(ReadOnlySpan<byte> content)
        {
            if (content.Length % PresenceEntryBytes.Length != 0)
            {
                return false;
            }

            List<PresenceEntry> entries = new(content.Length / PresenceEntryBytes.Length);
            for (; !content.IsEmpty; content = content[PresenceEntryBytes.Length..])
            {
                if (!PresenceEntryBytes.TryRead(content[..PresenceEntryBytes.KeyLength], content[PresenceEntryBytes.KeyLength..PresenceEntryBytes.Length], out PresenceEntry entry))
                {
                    return false;
                }

                entries.Add(entry);
            }

            Entries = entries;
            return true;
        }

        private bool Take(byte field, Guid id)
        {
            switch (field)
            {
                case TenantField:
                    Tenant = new TenantId(id);
                    break;
                case RoomField:
                    Room = new RoomId(id);
                    break;
                case UserField:
                    User = new UserId(id);
                    break;
                case NodeField:
                    Node = id;
                    break;
                default:
                    Session = new SessionId(id);
                    break;
            }

            return true;
        }

        private bool Take(byte field, long number)
        {
            if (field == SeqField)
            {
                Seq = number;
            }
            else
            {
                Unread = (int)Math.Clamp(number, 0, int.MaxValue);
            }

            return number >= 0;
        }
    }
}
