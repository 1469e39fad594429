using Microsoft.Playwright;

namespace Monstera.Tests.Browser;

/// <summary>Without a mouse, and without eyes.</summary>
public sealed class KeyboardTests(Chromium chromium) : BrowserTest(chromium)
{
    [Fact]
    public async Task Tab_reaches_the_rooms_the_messages_and_the_composer()
    {
        Workspace workspace = await StartWorkspace();
        await Workspace.Send(workspace.Owner, workspace.General, "hello");
        Person ada = await SignIn(workspace, workspace.Owner);
        await Expect(ada.Composer).ToBeFocusedAsync();
        await Expect(ada.Texts).ToHaveCountAsync(1);
        List<string> reached = [];
        for (int i = 0; i < 40; i++)
        {
            await ada.Page.Keyboard.PressAsync("Tab");
            reached.Add(await ada.Page.EvaluateAsync<string>("document.activeElement?.dataset?.testid ?? document.activeElement?.tagName ?? ''"));
        }

        Assert.Contains("room-item", reached);
        Assert.Contains("message", reached);
        Assert.Contains("composer", reached);
        Assert.Contains("settings", reached);
    }

    [Fact]
    public async Task Shortcuts_find_a_room_help_edit_the_last_message_and_let_go()
    {
        Workspace workspace = await StartWorkspace();
        await workspace.CreateRoom("launch");
        Person ada = await SignIn(workspace, workspace.Owner);
        await Expect(ada.Composer).ToBeFocusedAsync();

        await ada.Page.Keyboard.PressAsync("Control+k");
        await Expect(ada.Page.GetByTestId("switcher")).ToBeVisibleAsync();
        await ada.Page.Keyboard.TypeAsync("lau");
        await Expect(ada.Page.GetByTestId("switcher").GetByRole(AriaRole.Option)).ToHaveCountAsync(1);
        await ada.Page.Keyboard.PressAsync("Enter");
        await Expect(ada.Title).ToHaveTextAsync("launch");
        await Expect(ada.Page.GetByTestId("switcher")).ToHaveCountAsync(0);
        await ada.Page.Keyboard.PressAsync("Control+k");
        await ada.Page.Keyboard.PressAsync("Escape");
        await Expect(ada.Page.GetByTestId("switcher")).ToHaveCountAsync(0);

        await Expect(ada.Composer).ToBeFocusedAsync();
        await ada.Page.Keyboard.PressAsync("?");
        await Expect(ada.Page.GetByTestId("help-dialog")).ToBeVisibleAsync();
        await ada.Page.Keyboard.PressAsync("Escape");
        await Expect(ada.Page.GetByTestId("help-dialog")).ToHaveCountAsync(0);
        await Expect(ada.Composer).ToHaveValueAsync("");

        await Expect(ada.Composer).ToBeFocusedAsync();
        await ada.Page.Keyboard.TypeAsync("really?");
        await Expect(ada.Page.GetByTestId("help-dialog")).ToHaveCountAsync(0);
        await ada.Page.Keyboard.PressAsync("Enter");
        await Expect(ada.Texts).ToHaveTextAsync(["really?"]);
        await Expect(ada.Pending).ToHaveCountAsync(0);
        await ada.Page.Keyboard.PressAsync("ArrowUp");
        await Expect(ada.Page.GetByTestId("editing")).ToBeVisibleAsync();
        await Expect(ada.Composer).ToHaveValueAsync("really?");
        await ada.Page.Keyboard.PressAsync("Escape");
        await Expect(ada.Page.GetByTestId("editing")).ToHaveCountAsync(0);
        await Expect(ada.Composer).ToHaveValueAsync("");
        await Expect(ada.Texts).ToHaveTextAsync(["really?"]);

        await ada.Page.Keyboard.PressAsync("Alt+ArrowUp");
        await Expect(ada.Title).ToHaveTextAsync("general");
    }

    [Fact]
    public async Task Each_message_is_an_article_whose_name_tells_who_when_and_what()
    {
        Workspace workspace = await StartWorkspace();
        await Workspace.Send(await workspace.Register("aoi", "葵"), workspace.General, "**おはよう** [世界](https://example.com)");
        await Workspace.Send(workspace.Owner, workspace.General, "good `morning`");
        Person ada = await SignIn(workspace, workspace.Owner);
        ILocator articles = ada.Page.GetByRole(AriaRole.Article);
        await Expect(articles).ToHaveCountAsync(2);
        await Expect(articles.First).ToHaveAttributeAsync("aria-label", new System.Text.RegularExpressions.Regex("^葵, .*\\d+:\\d\\d.*: おはよう 世界$", default, TimeSpan.FromSeconds(1)));
        await Expect(articles.Last).ToHaveAttributeAsync("aria-label", new System.Text.RegularExpressions.Regex("^Ada, .*: good morning$", default, TimeSpan.FromSeconds(1)));
        await Expect(ada.Page.GetByRole(AriaRole.Main)).ToHaveCountAsync(1);
        await Expect(ada.Page.GetByRole(AriaRole.Navigation)).ToHaveCountAsync(1);
        await Expect(ada.Page.GetByRole(AriaRole.Heading, new() { Level = 1 })).ToHaveTextAsync(["general"]);

        // Nothing that can be pressed is without a name.
        string[] nameless = await ada.Page.EvaluateAsync<string[]>(
            "[...document.querySelectorAll('button, a, input, textarea, select')].filter(e => !(e.ariaLabel || e.innerText?.trim() || e.labels?.length)).map(e => e.outerHTML)");
        Assert.Empty(nameless);
    }

    [Fact]
    public async Task Arrow_keys_go_from_message_to_message_and_its_actions_need_no_mouse()
    {
        Workspace workspace = await StartWorkspace();
        await Workspace.Send(workspace.Owner, workspace.General, "one");
        await Workspace.Send(workspace.Owner, workspace.General, "two");
        Person ada = await SignIn(workspace, workspace.Owner);
        await Expect(ada.Texts).ToHaveCountAsync(2);
        await ada.Messages.Last.FocusAsync();
        await ada.Page.Keyboard.PressAsync("ArrowUp");
        await Expect(ada.Message("one")).ToBeFocusedAsync();
        for (int i = 0; i < 10 && await ada.Page.EvaluateAsync<string?>("document.activeElement.dataset.testid") != "reply"; i++)
        {
            await ada.Page.Keyboard.PressAsync("Tab");
        }

        await ada.Page.Keyboard.PressAsync("Enter");
        await Expect(ada.Page.GetByTestId("replying")).ToContainTextAsync("one");
        await Expect(ada.Composer).ToBeFocusedAsync();
    }
}
