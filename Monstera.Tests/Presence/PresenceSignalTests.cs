using System.Text.Json;
using Monstera.Tests.Clients;
using Monstera.Tests.Fixtures;
using Monstera.Tests.Realtime;

namespace Monstera.Tests.Presence;

/// <summary>Presence as clients see it: docs/protocol.md section 6.</summary>
public sealed class PresenceSignalTests(SharedServer shared) : IClassFixture<SharedServer>, IAsyncDisposable
{
    private readonly (string Key, Guid Id) _room = shared.NewRoom();
    private readonly List<HubSocket> _hubs = [];

    public async ValueTask DisposeAsync()
    {
        foreach (HubSocket hub in _hubs)
        {
            await hub.DisposeAsync();
        }

        shared.Server.AssertNoErrors();
    }

    [Fact]
    public async Task Idle_and_away_are_told_and_are_in_the_answer_of_Open()
    {
        (HubSocket desk, _) = await Connect("aoi");
        (HubSocket phone, _) = await Connect("aoi");
        Guid aoi = await UserOf(desk);
        (HubSocket looks, SeenMessages seen) = await Connect("looks");
        JsonElement open = await looks.Call("Open", new { room = _room.Id });
        Assert.Contains(aoi, Online(open));
        Assert.False(open.GetProperty("states").TryGetProperty(aoi.ToString(), out _));

        await desk.Call("SetActivity", new { active = false });
        await phone.Call("SetActivity", new { active = false });
        await seen.Changed.Until(() => LastOf(seen, aoi) == "idle", "idle");
        open = await looks.Call("Open", new { room = _room.Id });
        Assert.Equal((true, "idle"), (Online(open).Contains(aoi), open.GetProperty("states").GetProperty(aoi.ToString()).GetString()));

        await phone.Call("SetActivity", new { active = true });
        await seen.Changed.Until(() => LastOf(seen, aoi) == "online", "online");
        Assert.Equal("away", (await phone.Call("SetPresence", new { choice = "away" })).GetProperty("choice").GetString());
        await seen.Changed.Until(() => LastOf(seen, aoi) == "away", "away");
        open = await looks.Call("Open", new { room = _room.Id });
        Assert.Equal("away", open.GetProperty("states").GetProperty(aoi.ToString()).GetString());
    }

    [Fact]
    public async Task A_choice_is_kept_and_all_own_devices_hear_of_it_and_nobody_else()
    {
        (HubSocket desk, SeenMessages atDesk) = await Connect("aoi");
        (HubSocket phone, SeenMessages onPhone) = await Connect("aoi");
        (HubSocket other, SeenMessages seen) = await Connect("other");
        await other.Call("Open", new { room = _room.Id });
        Assert.Equal("auto", await ChoiceOf(desk));

        await desk.Call("SetPresence", new { choice = "away" });
        await onPhone.Changed.Until(() => Choices(onPhone) is ["away"], "the choice");
        RestClient rest = new(shared.Server.Address) { Token = Tokens.For(Name("aoi")) };
        Answer put = await rest.Put("/api/me/presence", new { choice = "invisible" });
        Assert.Equal((200, "invisible"), (put.Status, put["choice"].GetString()));
        await atDesk.Changed.Until(() => Choices(atDesk) is [.., "invisible"], "the choice");
        await onPhone.Changed.Until(() => Choices(onPhone) is [.., "invisible"], "the choice");

        Assert.Equal("invisible", (await rest.Get("/api/me"))["presence"].GetProperty("choice").GetString());
        Assert.Equal("invisible", await ChoiceOf(phone));
        (HubSocket third, _) = await Connect("aoi");
        Assert.Equal("invisible", await ChoiceOf(third));
        Assert.Empty(seen.Signals("choice"));

        Assert.Equal("invalid", (await desk.Call("SetPresence", new { choice = "elsewhere" })).Code());
        Assert.Equal("invalid", (await desk.Call("SetPresence", new { choice = 1 })).Code());
        Assert.Equal("invalid", (await desk.Call("SetActivity", new { })).Code());
        Assert.Equal(400, (await rest.Put("/api/me/presence", new { choice = "elsewhere" })).Status);
    }

    /// <summary>Not by coming, being in use, typing or going, nor in the answer of Open; and not for one instant before the choice is known.</summary>
    [Fact]
    public async Task Who_is_invisible_never_shows()
    {
        RestClient rest = new(shared.Server.Address) { Token = Tokens.For(Name("ghost"), _room.Key) };
        Guid ghost = (await rest.Get("/api/me"))["user"].GetProperty("id").GetGuid();
        Assert.Equal(200, (await rest.Put("/api/me/presence", new { choice = "invisible" })).Status);
        (HubSocket looks, SeenMessages seen) = await Connect("looks");
        await looks.Call("Open", new { room = _room.Id });

        (HubSocket hub, _) = await Connect("ghost");
        await hub.Resume(_room.Id);
        await hub.Call("SetActivity", new { active = false });
        await hub.Call("SetActivity", new { active = true });
        Assert.Null((await hub.Call("Typing", new { room = _room.Id })).Code());
        JsonElement open = await looks.Call("Open", new { room = _room.Id });
        Assert.DoesNotContain(ghost, Online(open));
        Assert.False(open.GetProperty("states").TryGetProperty(ghost.ToString(), out _));
        await hub.DisposeAsync();

        // What comes after has been told, so what came before would have been.
        (HubSocket typist, _) = await Connect("typist");
        Guid visible = await UserOf(typist);
        await typist.Resume(_room.Id);
        await seen.SeeTyping(typist, _room.Id);
        await seen.Changed.Until(() => LastOf(seen, visible) == "online", "somebody else");
        Assert.Null(LastOf(seen, ghost));
        Assert.All(seen.Signals("typing"), signal => Assert.Equal(visible, signal.GetProperty("user").GetGuid()));
    }

    [Fact]
    public async Task Becoming_invisible_looks_like_going_and_showing_oneself_again_like_coming()
    {
        (HubSocket looks, SeenMessages seen) = await Connect("looks");
        await looks.Call("Open", new { room = _room.Id });
        (HubSocket hub, _) = await Connect("aoi");
        Guid aoi = await UserOf(hub);
        await seen.Changed.Until(() => LastOf(seen, aoi) == "online", "online");
        await hub.Call("SetPresence", new { choice = "invisible" });
        await seen.Changed.Until(() => LastOf(seen, aoi) == "offline", "offline");
        await hub.Call("SetPresence", new { choice = "auto" });
        await seen.Changed.Until(() => LastOf(seen, aoi) == "online", "online");
        Assert.Equal(["online", "offline", "online"], States(seen, aoi));
    }

    [Fact]
    public async Task Many_who_come_at_once_are_few_frames()
    {
        const int people = 60;
        (HubSocket looks, SeenMessages seen) = await Connect("looks");
        await looks.Call("Open", new { room = _room.Id });
        HubSocket[] hubs = await Task.WhenAll(Enumerable.Range(0, people).Select(async i => (await Connect($"one of many {i}")).Hub));
        await seen.Changed.Until(() => seen.Signals("presence").Select(signal => signal.GetProperty("user").GetGuid()).Distinct().Count() == people, "everybody");

        int before = seen.Messages;
        await Task.WhenAll(hubs.Select(hub => hub.Call("SetPresence", new { choice = "invisible" })));
        await seen.Changed.Until(() => seen.Signals("presence").Count(signal => signal.GetProperty("state").GetString() == "offline") == people, "everybody's going");
        Assert.InRange(seen.Messages - before, 1, people / 3);
    }

    [Fact]
    public async Task What_is_read_over_REST_all_devices_hear()
    {
        (HubSocket writer, _) = await Connect("writer");
        (_, SeenMessages seen1) = await Connect("reader");
        (_, SeenMessages seen2) = await Connect("reader");
        long seq = (await writer.Send(_room.Id, "unread")).GetProperty("seq").GetInt64();
        RestClient rest = new(shared.Server.Address) { Token = Tokens.For(Name("reader")) };
        Assert.Equal(200, (await rest.Put($"/api/rooms/{_room.Id}/read", new { seq })).Status);

        foreach (SeenMessages seen in (SeenMessages[])[seen1, seen2])
        {
            await seen.Changed.Until(() => seen.Signals("read").Length > 0, "read");
            Assert.Equal(seq, Assert.Single(seen.Signals("read")).GetProperty("seq").GetInt64());
        }
    }

    private static string[] Choices(SeenMessages seen) => [.. seen.Signals("choice").Select(signal => signal.GetProperty("choice").GetString()!)];

    private static string[] States(SeenMessages seen, Guid user) =>
        [.. seen.Signals("presence").Where(signal => signal.GetProperty("user").GetGuid() == user).Select(signal => signal.GetProperty("state").GetString()!)];

    private static string? LastOf(SeenMessages seen, Guid user) => States(seen, user).LastOrDefault();

    private static Guid[] Online(JsonElement open) => [.. open.GetProperty("online").EnumerateArray().Select(user => user.GetGuid())];

    private static async Task<Guid> UserOf(HubSocket hub) => (await hub.Hello()).GetProperty("user").GetProperty("id").GetGuid();

    private static async Task<string?> ChoiceOf(HubSocket hub) => (await hub.Hello()).GetProperty("presence").GetProperty("choice").GetString();

    private string Name(string user) => $"{user} of {_room.Key}";

    private async Task<(HubSocket Hub, SeenMessages Seen)> Connect(string user)
    {
        SeenMessages seen = new();
        HubSocket hub = await shared.Server.Connect(Name(user), [_room.Key], new HubSocketOptions { Received = seen.Take });
        lock (_hubs)
        {
            _hubs.Add(hub);
        }

        return (hub, seen);
    }
}
