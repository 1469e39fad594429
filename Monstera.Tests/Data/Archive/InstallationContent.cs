using Monstera.Data.Directory;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using static Monstera.Tests.Data.Postgres.PostgresDesk;

namespace Monstera.Tests.Data.Archive;

/// <summary>People and rooms with everything that rooms can have, written as a server writes them.</summary>
internal sealed class InstallationContent(IRoomStore rooms, IDirectory directory)
{
    public TenantId Green { get; private set; }

    public List<RoomId> Rooms { get; } = [];

    public UserId Owner { get; private set; }

    public static byte[] Token { get; } = [.. Enumerable.Range(0, 32).Select(i => (byte)(i * 7))];

    /// <summary>Two tenants, rooms of the first with a history each; memberships are in the directory.</summary>
    public async Task Fill(int count, int messages)
    {
        Green = (await directory.EnsureTenant(Monstera.Data.Directory.Tenant.DefaultKey, Now, Cancel)).Id;
        TenantId blue = (await directory.EnsureTenant("blue", Now, Cancel)).Id;
        User owner = (await directory.SetUp("Green", new NewUser(Green, "ann", "Ann", "hash", WorkspaceRole.Owner), Now, Cancel)).User!;
        Owner = owner.Id;
        await directory.SetPresenceChoice(Green, Owner, PresenceChoice.Away, Cancel);
        User other = await directory.EnsureExternalUser(Green, "crm|7", "Guest", Now, Cancel);
        await directory.CreateSession(new Session(Green, new SessionId(Id(31)), owner.Id, Now, Now, Now.AddYears(1), "a browser"), Token, Cancel);
        await directory.CreateInvite(new Invite(Green, new InviteId(Id(41)), "code", owner.Id, Now, Now.AddYears(1), 3), Cancel);
        for (int i = 0; i < count; i++)
        {
            RoomId room = new(Guid.NewGuid());
            Rooms.Add(room);
            await Do(new CreateRoom(RoomKind.Public, $"Room {i}", "topic", [other.Id]) { Tenant = Green, Room = room, Sender = owner.Id });
            await Write(room, messages);
        }

        var theirs = new UserId(Id(51));
        await Do(new CreateRoom(RoomKind.Private, "Blue", null, []) { Tenant = blue, Room = new RoomId(Guid.NewGuid()), Sender = theirs });
        await Drain();
        await directory.MarkRead(Green, owner.Id, Rooms[0], 3, Cancel);
    }

    /// <summary>Messages of the owner, with an edit, a deletion, reactions and a pin among the first.</summary>
    /// <returns>Events that it made.</returns>
    public async Task<int> Write(RoomId room, int messages)
    {
        IReadOnlyList<AppendOutcome> sent = await rooms.Append([.. Enumerable.Range(0, messages).Select(i => Send(room, $"message {i} こんにちは"))], Now, Cancel);
        int events = sent.Sum(outcome => outcome.Events.Count);
        Assert.Equal(messages, events);
        if (messages >= 4)
        {
            Draft[] drafts =
            [
                new EditMessage(sent[0].Seq, "edited") { Tenant = Green, Room = room, Sender = Owner }, new DeleteMessage(sent[1].Seq) { Tenant = Green, Room = room, Sender = Owner },
                new React(sent[2].Seq, "🎉", true) { Tenant = Green, Room = room, Sender = Owner }, new React(sent[2].Seq, "🎉", false) { Tenant = Green, Room = room, Sender = Owner },
                new React(sent[3].Seq, "🙂", true) { Tenant = Green, Room = room, Sender = Owner }, new Pin(sent[3].Seq, true) { Tenant = Green, Room = room, Sender = Owner },
            ];
            events += (await rooms.Append(drafts, Now.AddSeconds(1), Cancel)).Sum(outcome => outcome.Events.Count);
        }

        return events;
    }

    public SendMessage Send(RoomId room, string text, ClientId? id = null) => new(text) { Tenant = Green, Room = room, Sender = Owner, ClientId = id ?? ClientId.New(Now) };

    /// <summary>As a server does it all the time.</summary>
    public async Task Drain()
    {
        foreach (IMembershipOutbox outbox in rooms.Outboxes)
        {
            while (await outbox.Read(1_000, Cancel) is { Count: > 0 } changes)
            {
                await directory.ApplyMemberships(changes, Cancel);
                await outbox.Acknowledge(changes[^1].Id, Cancel);
            }
        }
    }

    public async Task<AppendOutcome> Do(Draft draft)
    {
        AppendOutcome outcome = (await rooms.Append([draft], Now, Cancel))[0];
        Assert.Null(outcome.Refusal);
        return outcome;
    }
}
