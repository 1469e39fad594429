using Microsoft.Playwright;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Browser;

public sealed class PresenceTests(Chromium chromium) : BrowserTest(chromium)
{
    [Fact]
    public async Task States_are_shown_in_colour_and_words_and_are_chosen_in_the_profile()
    {
        Workspace workspace = await StartWorkspace();
        RestClient ben = await workspace.Register("ben", "ベン");
        RestClient cho = await workspace.Register("cho", "Cho");
        Person ada = await SignIn(workspace, workspace.Owner);
        Person japanese = await SignIn(workspace, ben, options: options => options.Locale = "ja-JP");
        Person other = await SignIn(workspace, cho);
        await ada.Page.GetByTestId("members").ClickAsync();
        await Expect(StateOf(ada, ben)).ToHaveTextAsync("Online");
        await Expect(ada.Page.GetByTestId("online-count")).ToHaveAttributeAsync("data-count", "3");

        // Nobody looks at the page any more, and somebody does again.
        await SetVisible(japanese, false);
        await Expect(StateOf(ada, ben)).ToHaveTextAsync("Idle");
        await Expect(DotOf(ada, ben)).ToHaveAttributeAsync("data-state", "idle");
        await Choose(other, "away");
        await Expect(StateOf(ada, cho)).ToHaveTextAsync("Away");
        await Looks.TakePicture(ada, "presence-members");
        await Looks.AreFine(ada);
        await SetVisible(japanese, true);
        await Expect(StateOf(ada, ben)).ToHaveTextAsync("Online");

        // As Ben sees it, in Japanese, with a choice of his own.
        await japanese.Page.GetByTestId("members").ClickAsync();
        await Expect(StateOf(japanese, cho)).ToHaveTextAsync("離席中");
        await Expect(japanese.Page.GetByTestId("own-presence")).ToHaveTextAsync("オンライン · @ben");
        Person phone = await SignIn(workspace, ben, options: options => options.Locale = "ja-JP");
        await Choose(japanese, "invisible");
        await Expect(StateOf(ada, ben)).ToHaveTextAsync("Offline");
        await Expect(DotOf(ada, ben)).ToHaveCountAsync(0);
        await Expect(ada.Page.GetByTestId("online-count")).ToHaveAttributeAsync("data-count", "2");
        await Expect(phone.Page.GetByTestId("own-presence")).ToHaveTextAsync("オフライン表示 · @ben");
        await Expect(StateOf(japanese, ben)).ToHaveTextAsync("オフライン表示");
        await Looks.TakePicture(japanese, "presence-japanese");
        await Looks.AreFine(japanese);

        // Kept for the next time, and nobody saw anything of it.
        await japanese.Page.ReloadAsync();
        await Expect(japanese.Page.GetByTestId("own-presence")).ToHaveTextAsync("オフライン表示 · @ben");
        await Expect(StateOf(ada, ben)).ToHaveTextAsync("Offline");
        await japanese.Page.GetByTestId("settings").ClickAsync();
        await Expect(japanese.Page.GetByTestId("presence-hint")).ToContainTextAsync("「オフライン」と表示され");
        await Looks.TakePicture(japanese, "presence-choice-japanese");
        await Looks.AreFine(japanese);
        await japanese.Page.GetByTestId("presence-select").SelectOptionAsync("auto");
        await Expect(StateOf(ada, ben)).ToHaveTextAsync("Online");
    }

    [Fact]
    public async Task The_other_of_a_direct_room_is_shown_everywhere_as_they_are()
    {
        Workspace workspace = await StartWorkspace();
        RestClient ben = await workspace.Register("ben", "Ben");
        string room = (await workspace.Owner.Post("/api/rooms/direct", new { user = ben.UserId })).IsStatus(200)["id"].GetString()!;
        Person ada = await SignIn(workspace, workspace.Owner, room);
        ILocator state = ada.Page.GetByTestId("direct-presence");
        await Expect(state).ToHaveTextAsync("Offline");
        Person other = await SignIn(workspace, ben);
        await Expect(state).ToHaveTextAsync("Online");
        await Choose(other, "away");
        await Expect(state).ToHaveTextAsync("Away");
        await Looks.AreFineEverywhere(ada, "presence-direct", () => Expect(state).ToHaveAttributeAsync("data-state", "away"));
    }

    private static ILocator Member(Person who, RestClient of) => who.Page.Locator($"[data-testid=member][data-user-id='{of.UserId}']");

    private static ILocator StateOf(Person who, RestClient of) => Member(who, of).GetByTestId("member-presence");

    private static ILocator DotOf(Person who, RestClient of) => Member(who, of).GetByTestId("presence-dot");

    private static async Task Choose(Person who, string choice)
    {
        await who.Page.GetByTestId("settings").ClickAsync();
        await who.Page.GetByTestId("presence-select").SelectOptionAsync(choice);
        await who.Page.Keyboard.PressAsync("Escape");
        await Expect(who.Page.GetByTestId("own-presence")).ToHaveAttributeAsync("data-state", choice);
    }

    /// <summary>As if the tab were put behind others, or came forward.</summary>
    private static Task SetVisible(Person who, bool visible) => who.Page.EvaluateAsync(
        """
        visible => {
          Object.defineProperty(document, 'visibilityState', { value: visible ? 'visible' : 'hidden', configurable: true });
          document.dispatchEvent(new Event('visibilitychange'));
        }
        """,
        visible);
}
