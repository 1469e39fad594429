using Microsoft.Playwright;
using Monstera.Tests.Clients;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Browser;

/// <summary>What is written while the network or the server is away arrives once and in order.</summary>
public sealed class OutboxTests(Chromium chromium) : BrowserTest(chromium)
{
    [Fact]
    public async Task Written_offline_it_waits_in_sight_and_is_delivered_once_when_online()
    {
        Workspace workspace = await StartWorkspace();
        Person ada = await SignIn(workspace, workspace.Owner);
        ada.LosesNetwork = true;
        await ada.Write("before");
        await Expect(ada.Message("before")).ToHaveAttributeAsync("data-state", "sent");

        await ada.Context.SetOfflineAsync(true);
        await Expect(ada.Banner).ToBeVisibleAsync();
        await ada.Write("first while offline");
        await ada.Write("second while offline");
        await Expect(ada.Pending).ToHaveCountAsync(2);
        await Expect(ada.Banner).ToContainTextAsync("2 messages are waiting to be sent.");
        Assert.Equal(["before"], await workspace.Log(workspace.General));

        await ada.Context.SetOfflineAsync(false);
        await Expect(ada.Banner).ToHaveCountAsync(0);
        string[] expected = ["before", "first while offline", "second while offline"];
        await Expect(ada.Texts).ToHaveTextAsync(expected);
        await Expect(ada.Pending).ToHaveCountAsync(0);
        Assert.Equal(expected, await workspace.Log(workspace.General));
    }

    [Fact]
    public async Task Killed_before_its_answer_arrives_the_server_stores_the_message_once_though_it_is_sent_twice()
    {
        (ServerProcess process, Workspace workspace) = await StartProcess();
        Signal signal = new();
        int sends = 0;
        bool swallows = false;
        int swallowed = 0;
        Person ada = await Visitor();
        ada.LosesNetwork = true;
        await ada.Page.RouteWebSocketAsync(IsHub, socket =>
        {
            IWebSocketRoute server = socket.ConnectToServer();
            socket.OnMessage(frame =>
            {
                if (frame.Text?.Contains("\"target\":\"Send\"", StringComparison.Ordinal) == true)
                {
                    Interlocked.Increment(ref sends);
                }

                server.Send(frame.Text!);
            });
            server.OnMessage(frame =>
            {
                if (!Volatile.Read(ref swallows))
                {
                    socket.Send(frame.Text!);
                }
                else if (frame.Text!.Contains("\"seq\"", StringComparison.Ordinal))
                {
                    Interlocked.Increment(ref swallowed);
                    signal.Pulse();
                }
            });
        });
        await ada.Context.AddCookiesAsync([new() { Name = "monstera_session", Value = await workspace.SessionCookie(workspace.Owner), Url = Address }]);
        await ada.Go($"/rooms/{workspace.General}");
        await Expect(ada.Composer).ToBeVisibleAsync();
        await Expect(ada.Page.GetByTestId("online-count")).ToHaveAttributeAsync("data-count", "1");

        Volatile.Write(ref swallows, true);
        await ada.Write("once");
        await signal.Until(() => Volatile.Read(ref swallowed) > 0, "the server has stored the message");
        await Expect(ada.Pending).ToHaveCountAsync(1);
        await process.Kill9();
        await Expect(ada.Banner).ToBeVisibleAsync();
        await ada.Write("and one more");
        await Expect(ada.Pending).ToHaveCountAsync(2);
        Volatile.Write(ref swallows, false);
        await process.Restart();

        await Expect(ada.Texts).ToHaveTextAsync(["once", "and one more"]);
        await Expect(ada.Pending).ToHaveCountAsync(0);
        await Expect(ada.Banner).ToHaveCountAsync(0);
        Assert.Equal(["once", "and one more"], await workspace.Log(workspace.General));
        Assert.True(Volatile.Read(ref sends) >= 2, "The message was sent only once: nothing was proven.");
    }

    [Fact]
    public async Task What_waits_outlives_a_reload_and_is_delivered_once()
    {
        Workspace workspace = await StartWorkspace();
        Person ada = await SignIn(workspace, workspace.Owner);
        ada.LosesNetwork = true;
        bool blocked = true;
        await ada.Page.RouteWebSocketAsync(IsHub, socket =>
        {
            if (Volatile.Read(ref blocked))
            {
                _ = socket.CloseAsync();
            }
            else
            {
                socket.ConnectToServer();
            }
        });
        await ada.Page.RouteAsync(IsHub, route => Volatile.Read(ref blocked) ? route.AbortAsync() : route.ContinueAsync());
        await ada.Page.RouteAsync(IsMessages, route => Volatile.Read(ref blocked) ? route.AbortAsync() : route.ContinueAsync());

        // The page is loaded anew, so that its connection is one that the test can block.
        await ada.Page.ReloadAsync();
        await Expect(ada.Banner).ToBeVisibleAsync();
        Volatile.Write(ref blocked, false);
        await ada.Page.ReloadAsync();
        await Expect(ada.Composer).ToBeVisibleAsync();
        await Expect(ada.Page.GetByTestId("online-count")).ToHaveAttributeAsync("data-count", "1");
        Volatile.Write(ref blocked, true);
        await ada.Context.SetOfflineAsync(true);
        await Expect(ada.Banner).ToBeVisibleAsync();
        await ada.Context.SetOfflineAsync(false);
        await ada.Write("kept one");
        await ada.Write("kept two");
        await Expect(ada.Pending).ToHaveCountAsync(2);
        await Expect(ada.Banner).ToContainTextAsync("2 messages");

        await ada.Page.ReloadAsync();
        await Expect(ada.Banner).ToContainTextAsync("2 messages are waiting to be sent.");
        Assert.Empty(await workspace.Log(workspace.General));
        Volatile.Write(ref blocked, false);
        await Expect(ada.Texts).ToHaveTextAsync(["kept one", "kept two"]);
        await Expect(ada.Pending).ToHaveCountAsync(0);
        await Expect(ada.Banner).ToHaveCountAsync(0);
        Assert.Equal(["kept one", "kept two"], await workspace.Log(workspace.General));
    }

    [Fact]
    public async Task Drafts_are_kept_per_room_and_outlive_a_reload()
    {
        Workspace workspace = await StartWorkspace();
        await workspace.CreateRoom("launch");
        Person ada = await SignIn(workspace, workspace.Owner);
        await ada.Composer.FillAsync("half a thou");
        await ada.Open("launch");
        await Expect(ada.Composer).ToHaveValueAsync("");
        await Expect(ada.Room("general")).ToContainTextAsync("Draft");
        await ada.Composer.FillAsync("考え中\n二行目");

        // In the very instant in which it was typed.
        await ada.Page.ReloadAsync();
        await Expect(ada.Composer).ToHaveValueAsync("考え中\n二行目");
        await ada.Open("general");
        await Expect(ada.Composer).ToHaveValueAsync("half a thou");

        // Sent, it is no draft any more.
        await ada.Composer.PressAsync("Enter");
        await Expect(ada.Texts).ToHaveTextAsync(["half a thou"]);
        await ada.Page.ReloadAsync();
        await Expect(ada.Texts).ToHaveTextAsync(["half a thou"]);
        await Expect(ada.Composer).ToHaveValueAsync("");
    }

    [Fact]
    public async Task What_was_sent_or_begun_a_moment_before_a_reload_is_not_lost()
    {
        Workspace workspace = await StartWorkspace();
        Person ada = await SignIn(workspace, workspace.Owner);
        for (int i = 0; i < 5; i++)
        {
            await ada.Write($"sent {i}");
            await ada.Composer.FillAsync($"begun {i}");
            await ada.Page.ReloadAsync();
            await Expect(ada.Composer).ToHaveValueAsync($"begun {i}");
            await Expect(ada.Texts).ToHaveTextAsync([.. Enumerable.Range(0, i + 1).Select(each => $"sent {each}")]);
        }

        Assert.Equal(5, (await workspace.Log(workspace.General)).Count);
    }

    [Fact]
    public async Task A_refused_message_says_so_and_goes_out_when_it_is_tried_again()
    {
        Workspace workspace = await StartWorkspace();
        RestClient bens = await workspace.Register("ben", "Ben");
        string club = await workspace.CreateRoom("club", bens);
        Person ben = await SignIn(workspace, bens, club);
        ben.LosesNetwork = true;
        await ben.Context.SetOfflineAsync(true);
        await Expect(ben.Banner).ToBeVisibleAsync();
        await ben.Write("too late?");
        await Expect(ben.Pending).ToHaveCountAsync(1);
        (await workspace.Owner.Delete($"/api/rooms/{club}/members/{bens.UserId}")).IsStatus(204);
        await ben.Context.SetOfflineAsync(false);
        await Expect(ben.Room("club")).ToHaveCountAsync(0);

        // The room goes from the list before the message is tried: were Ben added again at once, it would not be refused at all.
        await ben.UntilStored("outbox", "all.some(item => item.state === 'failed')");
        Assert.Empty(await workspace.Log(club));

        (await workspace.Owner.Put($"/api/rooms/{club}/members/{bens.UserId}", new { })).IsStatus(204);
        await ben.Open("club");
        ILocator refused = ben.Message("too late?");
        await Expect(refused).ToHaveAttributeAsync("data-state", "failed");
        await refused.GetByTestId("retry").ClickAsync();
        await Expect(refused).ToHaveAttributeAsync("data-state", "sent");
        Assert.Equal(["too late?"], await workspace.Log(club));
    }

    private static bool IsHub(string url) => new Uri(url).AbsolutePath.StartsWith("/hub", StringComparison.Ordinal);

    private static bool IsMessages(string url) => new Uri(url).AbsolutePath.EndsWith("/messages", StringComparison.Ordinal);
}
