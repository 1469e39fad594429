using System.Text.RegularExpressions;
using Microsoft.Playwright;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Browser;

/// <summary>From a server that nobody has set up to two people who talk.</summary>
public sealed class FirstRunTests(Chromium chromium) : BrowserTest(chromium)
{
    [Fact]
    public async Task The_first_makes_the_workspace_and_invites_the_second_and_they_talk()
    {
        await StartServer(("Registration", "invite"));
        Person ada = await Visitor();
        await ada.Go("/");
        await Expect(ada.Page.GetByTestId("setup-form")).ToBeVisibleAsync();
        await ada.Page.GetByTestId("field-workspace").FillAsync("Green");
        await Register(ada, "ada", "Ada");
        await ada.Open("general");

        await ada.Page.GetByTestId("invite-people").ClickAsync();
        await ada.Page.GetByTestId("invite-create").ClickAsync();
        string link = await ada.Page.GetByTestId("invite-link").InputValueAsync();
        Assert.StartsWith(Address + "/join/", link, StringComparison.Ordinal);
        await ada.Page.Keyboard.PressAsync("Escape");
        await Expect(ada.Page.GetByTestId("invites-dialog")).ToHaveCountAsync(0);

        Person ben = await Visitor();
        await ben.Go(link);
        await Expect(ben.Page.GetByTestId("register-form")).ToBeVisibleAsync();
        await Register(ben, "ben", "Ben");
        await ben.Open("general");
        await Expect(ada.Page.GetByTestId("online-count")).ToHaveAttributeAsync("data-count", "2");

        List<string> said = [];
        for (int i = 0; i < 4; i++)
        {
            Person speaker = i % 2 == 0 ? ada : ben;
            said.Add($"{(i % 2 == 0 ? "ping" : "pong")} {i}");
            await speaker.Write(said[^1]);
            await Expect(ada.Texts).ToHaveTextAsync(said);
            await Expect(ben.Texts).ToHaveTextAsync(said);
        }

        // Written without waiting for one another.
        string[] fast = [.. Enumerable.Range(0, 10).Select(i => $"quick {i}")];
        foreach (string text in fast)
        {
            await ada.Write(text);
        }

        await Expect(ben.Texts).ToHaveTextAsync([.. said, .. fast]);
        await Expect(ada.Texts).ToHaveTextAsync([.. said, .. fast]);
        await Expect(ada.Pending).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task A_closed_room_counts_what_is_unread_and_opening_it_reads_it()
    {
        Workspace workspace = await StartWorkspace();
        RestClient bens = await workspace.Register("ben", "Ben");
        string launch = await workspace.CreateRoom("launch", bens);
        Person ben = await SignIn(workspace, bens);
        await Expect(ben.Page).ToHaveTitleAsync("general · Green");
        await Workspace.Send(workspace.Owner, launch, "one");
        await Workspace.Send(workspace.Owner, launch, "two");
        await Expect(ben.Room("launch")).ToHaveAttributeAsync("data-unread", "2");
        await Expect(ben.Page).ToHaveTitleAsync("(2) general · Green");
        await Expect(ben.Room("launch")).ToContainTextAsync("2 unread messages");

        await ben.Open("launch");
        await Expect(ben.Texts).ToHaveTextAsync(["one", "two"]);
        await Expect(ben.Page.GetByTestId("unread-divider")).ToHaveCountAsync(1);
        await Expect(ben.Room("launch")).ToHaveAttributeAsync("data-unread", "0");
        await Expect(ben.Page).ToHaveTitleAsync("launch · Green");

        // The marker is on the server: after a reload it is as read as before.
        await ben.Page.WaitForFunctionAsync(
            "async ([room]) => (await (await fetch(`/api/rooms/${room}`)).json()).unread === 0", new[] { launch }, new() { PollingInterval = 100 });
        await ben.Page.ReloadAsync();
        await Expect(ben.Texts).ToHaveTextAsync(["one", "two"]);
        await Expect(ben.Room("launch")).ToHaveAttributeAsync("data-unread", "0");
        await Expect(ben.Page.GetByTestId("unread-divider")).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task Somebody_makes_a_room_and_another_finds_and_joins_it()
    {
        Workspace workspace = await StartWorkspace();
        Person ada = await SignIn(workspace, workspace.Owner);
        Person ben = await SignIn(workspace, await workspace.Register("ben", "Ben"));
        await ada.Page.GetByTestId("create-room").ClickAsync();
        await ada.Page.GetByTestId("room-name-input").FillAsync("リリース");
        await ada.Page.GetByTestId("confirm").ClickAsync();
        await Expect(ada.Title).ToHaveTextAsync("リリース");
        await ada.Write("ようこそ");

        await ben.Page.GetByTestId("browse-rooms").ClickAsync();
        await ben.Page.GetByTestId("directory-room").Filter(new() { HasText = "リリース" }).GetByTestId("join").ClickAsync();
        await Expect(ben.Title).ToHaveTextAsync("リリース");
        await Expect(ben.Texts).ToHaveTextAsync(["ようこそ"]);
        await Expect(ben.Page).ToHaveURLAsync(new Regex("/rooms/[0-9a-f-]{36}$", RegexOptions.None, TimeSpan.FromSeconds(1)));
        await ben.Write("joined");
        await Expect(ada.Texts).ToHaveTextAsync(["ようこそ", "joined"]);
    }

    private static async Task Register(Person person, string userName, string displayName)
    {
        ILocator form = person.Page.Locator("form");
        await form.GetByTestId("field-username").FillAsync(userName);
        await form.GetByTestId("field-displayname").FillAsync(displayName);
        await form.GetByTestId("field-password").FillAsync(RestClient.Password);
        await form.GetByTestId("submit").ClickAsync();
        await Expect(person.Page.GetByTestId("room-list")).ToBeVisibleAsync();
    }
}
