using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Playwright;

namespace Monstera.Tests.Browser;

/// <summary>Rooms whose storage does not answer, as when one shard of several is down: they are neither gone nor in the way, and come back by themselves.</summary>
public sealed class AwayRoomTests(Chromium chromium) : BrowserTest(chromium)
{
    [Fact]
    public async Task A_room_that_is_away_stays_in_sight_takes_messages_and_comes_back_without_a_reload()
    {
        (Workspace workspace, string launch, Person ada, Shard shard) = await Start();
        await ada.Go($"/rooms/{launch}");
        await Expect(ada.Texts).ToHaveTextAsync(["before"]);
        await Expect(ada.Page.GetByTestId("online-count")).ToHaveAttributeAsync("data-count", "1");
        shard.IsAway = true;
        await ada.Context.SetOfflineAsync(true);
        await Expect(ada.Banner).ToBeVisibleAsync();
        await ada.Context.SetOfflineAsync(false);
        await Expect(ada.Banner).ToHaveCountAsync(0);

        await Expect(ada.Room("launch")).ToHaveAttributeAsync("data-away", "true");
        await Expect(ada.Room("general")).ToHaveAttributeAsync("data-away", "false");
        await Expect(ada.Page.GetByTestId("room-away-notice")).ToBeVisibleAsync();
        await Expect(ada.Texts).ToHaveTextAsync(["before"]);
        await ada.Write("for later");
        await Expect(ada.Message("for later")).ToContainTextAsync("Will be sent when the room is available");
        await Looks.TakePicture(ada, "away-known");
        await Looks.AreFine(ada);

        // Others do not wait for it.
        await ada.Open("general");
        await ada.Write("for now");
        await Expect(ada.Message("for now")).ToHaveAttributeAsync("data-state", "sent");
        await ada.Open("launch");
        await Workspace.Send(workspace.Owner, launch, "meanwhile");
        shard.IsAway = false;

        await Expect(ada.Room("launch")).ToHaveAttributeAsync("data-away", "false");
        await Expect(ada.Page.GetByTestId("room-away-notice")).ToHaveCountAsync(0);
        await Expect(ada.Texts).ToHaveTextAsync(["before", "meanwhile", "for later"]);
        await Expect(ada.Pending).ToHaveCountAsync(0);
        Assert.Equal(["before", "meanwhile", "for later"], await workspace.Log(launch));
    }

    [Fact]
    public async Task Rooms_that_are_missing_at_the_start_are_told_of_in_every_look_and_come_when_they_are_back()
    {
        (_, string launch, Person ada, Shard shard) = await Start();
        shard.IsAway = true;
        await ada.Go("/");
        ILocator missing = ada.Page.GetByTestId("rooms-missing");
        await Expect(missing).ToHaveTextAsync("1 room is not available right now");
        await Expect(ada.Room("launch")).ToHaveCountAsync(0);
        await Looks.AreFineEverywhere(ada, "missing", () => Expect(missing).ToBeVisibleAsync());
        await ada.Go($"/rooms/{launch}");
        await Expect(ada.Page.GetByTestId("room-away")).ToBeVisibleAsync();
        await Looks.TakePicture(ada, "missing-opened");
        await ada.Page.GetByTestId("browse-rooms").ClickAsync();
        await Expect(ada.Page.GetByTestId("directory-incomplete")).ToBeVisibleAsync();
        await Looks.TakePicture(ada, "directory-incomplete");
        await Looks.AreFine(ada);
        await ada.Page.Keyboard.PressAsync("Escape");
        shard.IsAway = false;

        await Expect(ada.Texts).ToHaveTextAsync(["before"]);
        await Expect(missing).ToHaveCountAsync(0);
        await ada.Write("and on");
        await Expect(ada.Message("and on")).ToHaveAttributeAsync("data-state", "sent");
    }

    private async Task<(Workspace Workspace, string Launch, Person Ada, Shard Shard)> Start()
    {
        Workspace workspace = await StartWorkspace();
        string launch = await workspace.CreateRoom("launch");
        await workspace.CreateRoom("design");
        await Workspace.Send(workspace.Owner, launch, "before");
        Person ada = await Visitor();
        ada.LosesNetwork = true;
        ada.Expects($"/api/rooms/{launch}", 503);
        Shard shard = new(launch);
        await shard.Attach(ada.Page);
        await ada.Context.AddCookiesAsync([new() { Name = "monstera_session", Value = await workspace.SessionCookie(workspace.Owner), Url = Address }]);
        return (workspace, launch, ada, shard);
    }

    /// <summary>Stands between a page and the server, and answers for a room whose shard is down as section 9 of the protocol says.</summary>
    private sealed class Shard(string room)
    {
        private const char End = '\u001e';
        private const string Unavailable = """{"error":{"code":"unavailable","message":"The storage of this room does not answer.","retryAfterMs":300}}""";
        private readonly ConcurrentDictionary<string, string> _calls = new(StringComparer.Ordinal);
        private volatile bool _isAway;

        public bool IsAway
        {
            get => _isAway;
            set => _isAway = value;
        }

        public async Task Attach(IPage page)
        {
            await page.RouteWebSocketAsync(url => new Uri(url).AbsolutePath == "/hub", socket =>
            {
                IWebSocketRoute server = socket.ConnectToServer();
                socket.OnMessage(message => server.Send(Frames(message.Text!, frame => Ask(frame, socket))));
                server.OnMessage(message => socket.Send(Frames(message.Text!, Answer)));
            });
            await page.RouteAsync(url => new Uri(url).AbsolutePath.StartsWith("/api/rooms", StringComparison.Ordinal), async route =>
            {
                string path = new Uri(route.Request.Url).AbsolutePath;
                if (!IsAway)
                {
                    await route.ContinueAsync();
                }
                else if (path.StartsWith($"/api/rooms/{room}", StringComparison.Ordinal))
                {
                    await route.FulfillAsync(new() { Status = 503, ContentType = "application/problem+json", Body = Unavailable });
                }
                else if (path is "/api/rooms" or "/api/rooms/directory")
                {
                    JsonObject list = JsonNode.Parse(await (await route.FetchAsync()).TextAsync())!.AsObject();
                    LeaveOut(list, isDirectory: path != "/api/rooms");
                    await route.FulfillAsync(new() { ContentType = "application/json", Body = list.ToJsonString() });
                }
                else
                {
                    await route.ContinueAsync();
                }
            });
        }

        private static string Frames(string message, Func<JsonObject, JsonObject?> change) =>
            string.Concat(message.Split(End, StringSplitOptions.RemoveEmptyEntries)
                .Select(frame => change(JsonNode.Parse(frame)!.AsObject()))
                .Where(frame => frame is not null)
                .Select(frame => frame!.ToJsonString() + End));

        private JsonObject? Ask(JsonObject frame, IWebSocketRoute socket)
        {
            string target = frame["target"]?.GetValue<string>() ?? "";
            string id = frame["invocationId"]?.GetValue<string>() ?? "";
            if (IsAway && target != "" && frame["arguments"]?[0]?["room"]?.GetValue<string>() == room)
            {
                socket.Send($$"""{"type":3,"invocationId":"{{id}}","result":{{Unavailable}}}""" + End);
                return null;
            }

            _calls[id] = target;
            return frame;
        }

        private JsonObject? Answer(JsonObject frame)
        {
            if (!IsAway)
            {
                return frame;
            }

            // Nothing comes from a shard that is down.
            if (frame["target"]?.GetValue<string>() == "Events" && frame["arguments"]?[0]?["room"]?.GetValue<string>() == room)
            {
                return null;
            }

            string call = _calls.GetValueOrDefault(frame["invocationId"]?.GetValue<string>() ?? "", "");
            if (call == "Rooms")
            {
                LeaveOut(frame["result"]!.AsObject(), isDirectory: false);
            }
            else if (call == "Resume")
            {
                JsonArray rooms = frame["result"]!["rooms"]!.AsArray();
                for (int i = 0; i < rooms.Count; i++)
                {
                    if (rooms[i]!["room"]!.GetValue<string>() == room)
                    {
                        rooms[i] = JsonNode.Parse(Unavailable);
                        rooms[i]!["room"] = room;
                    }
                }
            }

            return frame;
        }

        private void LeaveOut(JsonObject list, bool isDirectory)
        {
            JsonArray items = list["items"]!.AsArray();
            for (int i = items.Count - 1; i >= 0; i--)
            {
                if (items[i]!["id"]!.GetValue<string>() == room)
                {
                    items.RemoveAt(i);
                }
            }

            if (isDirectory)
            {
                list["incomplete"] = true;
            }
            else
            {
                list["missing"] = JsonSerializer.SerializeToNode((string[])[room]);
            }
        }
    }
}
