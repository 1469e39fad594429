using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Monstera.Data.Rooms;

namespace Monstera.Data.Archive;

/// <summary>
/// Takes what a store holds of one room, in this order: the room, its log by seq, members by user id, states of messages by seq, reactions by (message, user, emoji), counts by
/// (message, emoji); ids and texts in the order of their bytes (UTF-8). Each value goes in with its length, so that no two rooms look alike.
/// </summary>
internal sealed class RoomDigester : IDisposable
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    /// <summary>The room's row but for epoch and tenant.</summary>
    public void Room(RoomKind kind, string? name, long nameSeq, string? topic, long topicSeq, int members, DateTimeOffset createdAt) =>
        Begin('R').Add((long)kind).Add(name).Add(nameSeq).Add(topic).Add(topicSeq).Add(members).Add(createdAt.ToUnixTimeMilliseconds());

    public void Event(RoomEvent e)
    {
        ArgumentNullException.ThrowIfNull(e);
        Begin('E').Add(e.Seq).Add((long)e.Type).Add(e.Sender.Value).Add(e.At.ToUnixTimeMilliseconds()).Add(e.ClientId?.Value).Add(e.Target).Add(e.User?.Value)
            .Add((long?)e.Role).Add(e.Text).Add(e.ReplyTo).Add(e.Emoji).Add((long?)e.Kind).Add(e.Name).Add(e.Topic);
    }

    public void Member(RoomMember member)
    {
        ArgumentNullException.ThrowIfNull(member);
        Begin('M').Add(member.User.Value).Add((long)member.Role).Add(member.JoinedSeq).Add(member.JoinedAt.ToUnixTimeMilliseconds());
    }

    public void MessageState(long seq, long rev, long? editedSeq, long? deletedSeq, bool pinned, long? pinSeq) =>
        Begin('S').Add(seq).Add(rev).Add(editedSeq).Add(deletedSeq).Add(pinned ? 1 : 0).Add(pinSeq);

    public void Reaction(long target, Guid user, string emoji, long seq, bool present) =>
        Begin('X').Add(target).Add(user).Add(emoji).Add(seq).Add(present ? 1 : 0);

    public void EmojiCount(long target, string emoji, long firstSeq, int users) => Begin('C').Add(target).Add(emoji).Add(firstSeq).Add(users);

    /// <summary>In lower-case hexadecimal. Nothing can be taken afterwards.</summary>
    public string Finish() => Convert.ToHexStringLower(_hash.GetHashAndReset());

    public void Dispose() => _hash.Dispose();

    private RoomDigester Begin(char kind) => Add((long)kind);

    private RoomDigester Add(long? value)
    {
        Span<byte> bytes = stackalloc byte[9];
        bytes[0] = value is null ? (byte)0 : (byte)8;
        BinaryPrimitives.WriteInt64BigEndian(bytes[1..], value ?? 0);
        _hash.AppendData(bytes);
        return this;
    }

    private RoomDigester Add(Guid? value)
    {
        Span<byte> bytes = stackalloc byte[17];
        bytes[0] = value is null ? (byte)0 : (byte)16;
        (value ?? Guid.Empty).TryWriteBytes(bytes[1..], bigEndian: true, out _);
        _hash.AppendData(bytes);
        return this;
    }

    private RoomDigester Add(string? value)
    {
        if (value is null)
        {
            return Add((long?)null);
        }

        byte[] bytes = Encoding.UTF8.GetBytes(value);
        Add(bytes.Length);
        _hash.AppendData(bytes);
        return this;
    }
}
