using Microsoft.Playwright;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Browser;

public sealed class PhoneAndLanguageTests(Chromium chromium) : BrowserTest(chromium)
{
    private const string Overflow = "document.documentElement.scrollWidth - innerWidth";

    [Fact]
    public async Task On_a_phone_list_and_room_are_two_views_and_nothing_scrolls_sideways()
    {
        Workspace workspace = await StartWorkspace();
        RestClient ben = await workspace.Register("ben", "ベンジャミン・フランクリン・ピアース・ジュニア三世");
        string room = await workspace.CreateRoom("a room with a name that is far too long for any telephone", ben);
        await Workspace.Send(ben, room, "https://example.com/" + new string('a', 300));
        await Workspace.Send(ben, room, "```\n" + new string('x', 400) + "\n```");
        long seq = await Workspace.Send(ben, room, new string('w', 500));
        await Workspace.React(ben, room, seq, [.. Enumerable.Range(0, 20).Select(i => $"e{i}")]);
        await Workspace.Send(ben, room, "an answer", seq);
        Person ada = await SignIn(workspace, workspace.Owner, options: Phone);
        await Expect(ada.Page.GetByTestId("room-list")).ToBeHiddenAsync();
        await ada.Page.GetByTestId("back").ClickAsync();
        await Expect(ada.Page.GetByTestId("room-list")).ToBeVisibleAsync();
        await Expect(ada.Composer).ToHaveCountAsync(0);
        Assert.InRange(await ada.Number(Overflow), double.MinValue, 0);

        await ada.Room("a room with").TapAsync();
        await Expect(ada.Page.GetByTestId("unread-divider")).ToBeInViewportAsync();
        await ada.Page.GetByTestId("jump-latest").TapAsync();
        await Expect(ada.Message("an answer")).ToBeInViewportAsync();
        await Expect(ada.Page.GetByTestId("room-list")).ToBeHiddenAsync();
        Assert.InRange(await ada.Number(Overflow), double.MinValue, 0);
        Assert.InRange(await ada.Number("(t => t.scrollWidth - t.clientWidth)(document.querySelector('[data-testid=timeline]'))"), double.MinValue, 0);

        await Expect(ada.Composer).ToBeInViewportAsync(new() { Ratio = 1 });
        await Expect(ada.Page.GetByTestId("send")).ToBeInViewportAsync(new() { Ratio = 1 });
        await ada.Composer.TapAsync();
        await ada.Composer.FillAsync("from the train");
        await ada.Page.GetByTestId("send").TapAsync();
        await Expect(ada.Message("from the train")).ToBeInViewportAsync();

        await ada.Page.GetByTestId("members").TapAsync();
        await Expect(ada.Page.GetByTestId("members-panel")).ToBeInViewportAsync();
        await Expect(ada.Page.GetByTestId("member")).ToHaveCountAsync(2);
        Assert.InRange(await ada.Number(Overflow), double.MinValue, 0);
        await ada.Page.GetByTestId("members-panel").GetByRole(AriaRole.Button, new() { Name = "Close" }).TapAsync();

        // The browser's own way back works too.
        await ada.Page.GoBackAsync();
        await Expect(ada.Page.GetByTestId("room-list")).ToBeVisibleAsync();
        await ada.Page.GetByTestId("settings").TapAsync();
        await Expect(ada.Page.GetByTestId("settings-dialog")).ToBeVisibleAsync();
        Assert.InRange(await ada.Number(Overflow), double.MinValue, 0);
    }

    [Fact]
    public async Task A_Japanese_browser_sees_Japanese_and_can_switch()
    {
        Workspace workspace = await StartWorkspace();
        Person visitor = await Visitor(options => options.Locale = "ja-JP");
        await visitor.Go("/");
        await Expect(visitor.Page.Locator("html")).ToHaveAttributeAsync("lang", "ja");
        await Expect(visitor.Page.GetByTestId("submit")).ToHaveTextAsync("サインイン");
        await visitor.Page.GetByTestId("field-username").FillAsync("ada");
        await visitor.Page.GetByTestId("field-password").FillAsync(RestClient.Password);
        await visitor.Page.GetByTestId("submit").ClickAsync();
        await visitor.Open("general");
        await Expect(visitor.Composer).ToHaveAttributeAsync("placeholder", "general へのメッセージ");
        await visitor.Write("こんにちは");
        await Expect(visitor.Texts).ToHaveTextAsync(["こんにちは"]);

        await visitor.Page.GetByTestId("settings").ClickAsync();
        await visitor.Page.GetByTestId("language-select").SelectOptionAsync("en");
        await Expect(visitor.Page.Locator("html")).ToHaveAttributeAsync("lang", "en");
        await visitor.Page.Keyboard.PressAsync("Escape");
        await Expect(visitor.Composer).ToHaveAttributeAsync("placeholder", "Write to general");
        await visitor.Page.ReloadAsync();
        await Expect(visitor.Composer).ToHaveAttributeAsync("placeholder", "Write to general");
        await Expect(visitor.Page.Locator("html")).ToHaveAttributeAsync("lang", "en");
    }

    [Fact]
    public async Task Set_up_in_Japanese_the_first_room_has_a_Japanese_name()
    {
        await StartServer();
        Person visitor = await Visitor(options => options.Locale = "ja-JP");
        await visitor.Go("/");
        await visitor.Page.GetByTestId("field-workspace").FillAsync("みどり");
        await visitor.Page.GetByTestId("field-username").FillAsync("aoi");
        await visitor.Page.GetByTestId("field-displayname").FillAsync("葵");
        await visitor.Page.GetByTestId("field-password").FillAsync(RestClient.Password);
        await visitor.Page.GetByTestId("submit").ClickAsync();
        await visitor.Open("雑談");
        await Expect(visitor.Page).ToHaveTitleAsync("雑談 · みどり");
    }

    private static void Phone(BrowserNewContextOptions options)
    {
        options.ViewportSize = new() { Width = 360, Height = 740 };
        options.HasTouch = true;
        options.IsMobile = true;
        options.DeviceScaleFactor = 2;
    }
}
