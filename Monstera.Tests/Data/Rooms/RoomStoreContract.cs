using Monstera.Data.Ids;
using Monstera.Data.Rooms;

namespace Monstera.Tests.Data.Rooms;

/// <summary>What <see cref="IRoomStore"/> promises, tried on a provider. A promise has a test here, or it is none.</summary>
public abstract partial class RoomStoreContract : IDisposable
{
    protected static readonly DateTimeOffset Now = new(2026, 11, 21, 10, 2, 3, 456, TimeSpan.Zero);

    protected static readonly TenantId Tenant = new(Id(1));
    protected static readonly TenantId OtherTenant = new(Id(2));
    protected static readonly UserId Ann = new(Id(11));
    protected static readonly UserId Bob = new(Id(12));
    protected static readonly UserId Cid = new(Id(13));
    protected static readonly UserId Dee = new(Id(14));
    protected static readonly RoomId Room = new(Id(21));
    protected static readonly RoomId Room2 = new(Id(22));

    private readonly Lazy<StorageUnderTest> _storage;

    protected RoomStoreContract() => _storage = new Lazy<StorageUnderTest>(OpenStorage);

    protected StorageUnderTest Storage => _storage.Value;

    protected IRoomStore Rooms => Storage.Rooms;

    protected static CancellationToken Cancel => TestContext.Current.CancellationToken;

    protected abstract StorageUnderTest OpenStorage();

    public void Dispose()
    {
        if (_storage.IsValueCreated)
        {
            _storage.Value.Dispose();
        }

        GC.SuppressFinalize(this);
    }

    protected static Guid Id(int n) => new(n, 0, 0x7000, 0x80, 0, 0, 0, 0, 0, 0, (byte)n);

    protected static ClientId Client(int n) => new(Id(1_000_000 + n));

    protected async Task<AppendOutcome> Do(Draft draft, DateTimeOffset? now = null) =>
        (await Rooms.Append([draft], now ?? Now, Cancel))[0];

    protected async Task<AppendOutcome> Done(Draft draft)
    {
        AppendOutcome outcome = await Do(draft);
        Assert.Null(outcome.Refusal);
        return outcome;
    }

    protected async Task Refused(RefusalCode code, Draft draft)
    {
        LogPage? before = await Log(draft.Room);
        AppendOutcome outcome = await Do(draft);
        Assert.Equal(code, outcome.Refusal?.Code);
        Assert.Empty(outcome.Events);
        Assert.Equal(before?.Head, (await Log(draft.Room))?.Head);
    }

    /// <summary>Nothing to change: the answer names the event that made it so.</summary>
    protected async Task Unchanged(long seq, Draft draft)
    {
        LogPage before = (await Log(draft.Room))!;
        AppendOutcome outcome = await Do(draft, Now.AddHours(1));
        Assert.Null(outcome.Refusal);
        Assert.Equal((seq, 0), (outcome.Seq, outcome.Events.Count));
        LogPage after = (await Log(draft.Room))!;
        Assert.Equal(before.Head, after.Head);
        Assert.Equal(after.Events[(int)seq - 1].At, outcome.At);
    }

    protected async Task<LogPage?> Log(RoomId room, long after = 0) =>
        await Rooms.ReadAfter(Tenant, room, reader: null, after, 10_000, int.MaxValue, Cancel);

    /// <summary>A public room of Ann (owner), Bob and Cid (members): seqs 1 to 4.</summary>
    protected async Task MakeRoom(RoomKind kind = RoomKind.Public) => await Done(Create(Room, Ann, kind, "General", Bob, Cid));

    protected static CreateRoom Create(RoomId room, UserId sender, RoomKind kind, string? name, params UserId[] members) =>
        new(kind, name, null, members) { Tenant = Tenant, Room = room, Sender = sender };

    protected static SendMessage Send(UserId sender, string text, ClientId? id = null, long? replyTo = null, RoomId? room = null) =>
        new(text, replyTo) { Tenant = Tenant, Room = room ?? Room, Sender = sender, ClientId = id };

    protected static EditMessage Edit(UserId sender, long target, string text) => new(target, text) { Tenant = Tenant, Room = Room, Sender = sender };

    protected static DeleteMessage Delete(UserId sender, long target) => new(target) { Tenant = Tenant, Room = Room, Sender = sender };

    protected static React React(UserId sender, long target, string emoji, bool on = true) =>
        new(target, emoji, on) { Tenant = Tenant, Room = Room, Sender = sender };

    protected static Pin Pin(UserId sender, long target, bool on = true) => new(target, on) { Tenant = Tenant, Room = Room, Sender = sender };

    protected static UpdateRoom Update(UserId sender, string? name, string? topic) => new(name, topic) { Tenant = Tenant, Room = Room, Sender = sender };

    protected static JoinRoom Join(UserId sender, RoomId? room = null) => new() { Tenant = Tenant, Room = room ?? Room, Sender = sender };

    protected static AddMember Add(UserId sender, UserId user, RoomRole role = RoomRole.Member) =>
        new(user, role) { Tenant = Tenant, Room = Room, Sender = sender };

    protected static RemoveMember Remove(UserId sender, UserId user, RoomId? room = null) =>
        new(user) { Tenant = Tenant, Room = room ?? Room, Sender = sender };

    protected static ChangeRole Change(UserId sender, UserId user, RoomRole role) => new(user, role) { Tenant = Tenant, Room = Room, Sender = sender };

    protected static AdmitMember Admit(UserId sender, string name, RoomId? room = null) =>
        new(name) { Tenant = Tenant, Room = room ?? Room, Sender = sender };
}
