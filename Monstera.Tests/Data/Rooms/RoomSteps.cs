using FsCheck;
using FsCheck.Fluent;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;

namespace Monstera.Tests.Data.Rooms;

/// <summary>A batch of drafts, or a restart when it has none; then reads, aimed by <see cref="Probe"/>.</summary>
public sealed record RoomStep(IReadOnlyList<Draft> Drafts, DateTimeOffset At, int Probe)
{
    public override string ToString() =>
        Drafts.Count == 0 ? "restart" : $"[{string.Join("; ", Drafts)}] at {At:O}, probe {Probe}";
}

/// <summary>
/// Draws histories from a world that is small on purpose: few rooms, users and client ids, targets near the beginning, so that drafts meet each other.
/// </summary>
public static class RoomSteps
{
    public static readonly TenantId[] Tenants = [new(Id(1)), new(Id(2))];
    public static readonly RoomId[] Rooms = [new(Id(21)), new(Id(22)), new(Id(23))];
    public static readonly UserId[] Users = [new(Id(11)), new(Id(12)), new(Id(13)), new(Id(14)), new(Id(15))];
    private static readonly string[] Emoji = ["👍", "🪴", "+1"];
    private static readonly string[] Texts = ["a", "b", "葵", "", "a\nb"];
    private static readonly string[] Names = ["General", "general", "Ｇeneral", "Plans"];
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>Mostly the first tenant, room and users: histories in which everybody is a stranger are dull.</summary>
    private static readonly Gen<TenantId> ATenant = Skewed(Tenants);
    private static readonly Gen<RoomId> ARoom = Skewed(Rooms);
    private static readonly Gen<UserId> AUser = Skewed(Users);
    private static readonly Gen<long> ASeq = Gen.Frequency((9, Gen.Choose(3, 30)), (1, Gen.Choose(-1, 2))).Select(n => (long)n);
    private static readonly Gen<RoomRole> ARole = Gen.Elements(RoomRole.Member, RoomRole.Moderator, RoomRole.Owner);
    private static readonly Gen<bool> ABool = Gen.Elements(true, false);

    private static readonly Gen<ClientId?> AClientId = Gen.Frequency(
        (1, Gen.Constant<ClientId?>(null)), (2, Gen.Choose(1, 40).Select(n => (ClientId?)new ClientId(Id(1000 + n)))));

    private static readonly Gen<Draft> AnyDraft = Gen.Frequency(
        (24, from text in Gen.Elements(Texts)
             from reply in Gen.Frequency((4, Gen.Constant<long?>(null)), (1, ASeq.Select(s => (long?)s)))
             select (Draft)new SendMessage(text, reply) { Tenant = default, Room = default, Sender = default }),
        (8, from seq in ASeq from text in Gen.Elements(Texts) select (Draft)new EditMessage(seq, text) { Tenant = default, Room = default, Sender = default }),
        (5, from seq in ASeq select (Draft)new DeleteMessage(seq) { Tenant = default, Room = default, Sender = default }),
        (14, from seq in ASeq
             from emoji in Gen.Elements(Emoji)
             from put in ABool
             select (Draft)new React(seq, emoji, put) { Tenant = default, Room = default, Sender = default }),
        (7, from seq in ASeq from put in ABool select (Draft)new Pin(seq, put) { Tenant = default, Room = default, Sender = default }),
        (9, from kind in Gen.Frequency((4, Gen.Constant(RoomKind.Public)), (2, Gen.Constant(RoomKind.Private)), (1, Gen.Constant(RoomKind.Direct)))
            from name in Gen.Elements(Names)
            from topic in Gen.Elements<string?>(null, "", "topic")
            from members in AUser.ArrayOf(3)
            from count in Gen.Choose(0, 3)
            select (Draft)new CreateRoom(kind, kind == RoomKind.Direct ? null : name, topic, members[..count]) { Tenant = default, Room = default, Sender = default }),
        (4, from name in Gen.Elements<string?>(null, "General", "Other", "other")
            from topic in Gen.Elements<string?>(null, "", "topic", "more")
            select (Draft)new UpdateRoom(name, topic) { Tenant = default, Room = default, Sender = default }),
        (5, Gen.Constant<Draft>(new JoinRoom { Tenant = default, Room = default, Sender = default })),
        (5, from user in AUser from role in ARole select (Draft)new AddMember(user, role) { Tenant = default, Room = default, Sender = default }),
        (6, from user in AUser select (Draft)new RemoveMember(user) { Tenant = default, Room = default, Sender = default }),
        (6, from user in AUser from role in ARole select (Draft)new ChangeRole(user, role) { Tenant = default, Room = default, Sender = default }),
        (3, from name in Gen.Elements(Names) select (Draft)new AdmitMember(name) { Tenant = default, Room = default, Sender = default }));

    private static readonly Gen<Draft> ADraft =
        from draft in AnyDraft
        from tenant in ATenant
        from room in ARoom
        from sender in AUser
        from clientId in AClientId
        select draft is RemoveMember remove && clientId is null
            ? remove with { Tenant = tenant, Room = room, Sender = remove.User, ClientId = clientId } // leaving
            : draft with { Tenant = tenant, Room = room, Sender = sender, ClientId = clientId };

    public static readonly Gen<RoomStep> Step =
        from size in Gen.Frequency((1, Gen.Constant(0)), (6, Gen.Choose(1, 3)), (5, Gen.Choose(4, 24)))
        from drafts in ADraft.ArrayOf(size)
        from minutes in Gen.Choose(0, 1000)
        from probe in Gen.Choose(0, 1_000_000)
        select new RoomStep(drafts, Start.AddMinutes(minutes), probe);

    private static Gen<T> Skewed<T>(T[] all) =>
        Gen.Frequency((3, Gen.Constant(all[0])), (2, Gen.Elements(all)));

    private static Guid Id(int n) => new(n, 0, 0x7000, 0x80, 0, 0, 0, 0, 0, 0, 0);
}
