using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Browser;

/// <summary>Several tabs and several browsers of one person.</summary>
public sealed class SessionTests(Chromium chromium) : BrowserTest(chromium)
{
    [Fact]
    public async Task What_is_read_in_one_tab_is_read_in_the_other()
    {
        Workspace workspace = await StartWorkspace();
        RestClient bens = await workspace.Register("ben", "Ben");
        string launch = await workspace.CreateRoom("launch", bens);
        Person first = await SignIn(workspace, workspace.Owner, launch);
        Person second = await first.NewTab();
        await second.Go($"/rooms/{launch}");
        await Expect(second.Composer).ToBeVisibleAsync();
        await Workspace.Send(bens, workspace.General, "news");
        await Expect(first.Room("general")).ToHaveAttributeAsync("data-unread", "1");
        await Expect(second.Room("general")).ToHaveAttributeAsync("data-unread", "1");
        await Expect(second.Page).ToHaveTitleAsync("(1) launch · Green");
        await first.Open("general");
        await Expect(first.Texts).ToHaveTextAsync(["news"]);
        await Expect(second.Room("general")).ToHaveAttributeAsync("data-unread", "0");
        await Expect(second.Page).ToHaveTitleAsync("launch · Green");
    }

    [Fact]
    public async Task Two_tabs_show_what_either_writes_once()
    {
        Workspace workspace = await StartWorkspace();
        Person first = await SignIn(workspace, workspace.Owner);
        Person second = await first.NewTab();
        await second.Go($"/rooms/{workspace.General}");
        await Expect(second.Composer).ToBeVisibleAsync();
        first.LosesNetwork = second.LosesNetwork = true;
        await first.Write("from the first");
        await Expect(second.Texts).ToHaveTextAsync(["from the first"]);

        // Both tabs lose the network together, and one outbox serves them both.
        await first.Context.SetOfflineAsync(true);
        await Expect(first.Banner).ToBeVisibleAsync();
        await Expect(second.Banner).ToBeVisibleAsync();
        await first.Write("offline, first tab");
        await Expect(second.Message("offline, first tab")).ToHaveAttributeAsync("data-state", "pending");
        await second.Write("offline, second tab");
        await Expect(first.Pending).ToHaveCountAsync(2);
        await first.Context.SetOfflineAsync(false);
        string[] expected = ["from the first", "offline, first tab", "offline, second tab"];
        await Expect(first.Pending).ToHaveCountAsync(0);
        await Expect(second.Pending).ToHaveCountAsync(0);
        await Expect(first.Texts).ToHaveTextAsync(expected);
        await Expect(second.Texts).ToHaveTextAsync(expected);
        Assert.Equal(expected, await workspace.Log(workspace.General));
    }

    [Fact]
    public async Task Signing_out_ends_the_session_here_and_now()
    {
        Workspace workspace = await StartWorkspace();
        Person ada = await SignIn(workspace, workspace.Owner);
        string cookie = (await ada.Context.CookiesAsync()).Single().Value;
        await ada.Write("nobody else's business");
        await ada.UntilStored("sent", "all.some(item => item.text.includes('business'))");
        await ada.Page.GetByTestId("settings").ClickAsync();
        await ada.Page.GetByTestId("sign-out").ClickAsync();
        await Expect(ada.Page.GetByTestId("sign-in-form")).ToBeVisibleAsync();
        await ada.UntilStored("sent", "all.length === 0");
        Assert.Empty(await ada.Context.CookiesAsync());
        RestClient thief = new(Address) { Cookie = cookie };
        (await thief.Get("/api/me")).Is("unauthenticated", 401);
        await ada.Page.ReloadAsync();
        await Expect(ada.Page.GetByTestId("sign-in-form")).ToBeVisibleAsync();

        await ada.Page.GetByTestId("field-username").FillAsync("ada");
        await ada.Page.GetByTestId("field-password").FillAsync("wrong password");
        ada.Expects("/api/sign-in", 401);
        await ada.Page.GetByTestId("submit").ClickAsync();
        await Expect(ada.Page.GetByTestId("error")).ToHaveTextAsync("The user name or the password is wrong.");
        await ada.Page.GetByTestId("field-password").FillAsync(RestClient.Password);
        await ada.Page.GetByTestId("submit").ClickAsync();
        await Expect(ada.Page.GetByTestId("room-list")).ToBeVisibleAsync();
    }

    [Fact]
    public async Task A_session_ended_from_another_browser_leads_to_the_sign_in_page_and_keeps_the_draft()
    {
        Workspace workspace = await StartWorkspace();
        Person lost = await SignIn(workspace, workspace.Owner);
        await lost.Composer.FillAsync("not finished");
        Person ada = await SignIn(workspace, workspace.Owner);
        await ada.Page.GetByTestId("settings").ClickAsync();
        await Expect(ada.Page.GetByTestId("session")).ToHaveCountAsync(3);
        string mine = (await lost.Page.EvaluateAsync<string>("async () => (await (await fetch('/api/me')).json()).session.id"))!;
        string[] sessions = await ada.Page.EvaluateAsync<string[]>(
            "async () => (await (await fetch('/api/sessions')).json()).items.filter(each => !each.current).map(each => each.id)");
        await ada.Page.GetByTestId("end-session").Nth(Array.IndexOf(sessions, mine)).ClickAsync();
        await Expect(lost.Page.GetByTestId("sign-in-form")).ToBeVisibleAsync();
        await Expect(lost.Page.Locator("main")).ToContainTextAsync("this session has ended");
        await Expect(ada.Page.GetByTestId("session")).ToHaveCountAsync(2);
        await Expect(ada.Page.GetByTestId("room-list")).ToBeVisibleAsync();

        await lost.Page.GetByTestId("field-username").FillAsync("ada");
        await lost.Page.GetByTestId("field-password").FillAsync(RestClient.Password);
        await lost.Page.GetByTestId("submit").ClickAsync();
        await Expect(lost.Composer).ToHaveValueAsync("not finished");
    }
}
