using Microsoft.Playwright;

namespace Monstera.Tests.Browser;

/// <summary>Enter while Japanese is being composed chooses a candidate; it never sends.</summary>
public sealed class CompositionTests(Chromium chromium) : BrowserTest(chromium)
{
    private const string NoteEnd = """
        document.addEventListener('compositionend', event => window.compositionEnded = event.timeStamp, true);
        document.addEventListener('keydown', event => { if (event.key === 'Enter') window.entersSeen = (window.entersSeen ?? 0) + 1; }, true);
        """;

    [Fact]
    public async Task Enter_while_composing_does_not_send_and_the_next_sends_once()
    {
        Workspace workspace = await StartWorkspace();
        Person ada = await SignIn(workspace, workspace.Owner);
        await ada.Page.EvaluateAsync(NoteEnd);
        await ada.Composer.ClickAsync();
        ICDPSession keyboard = await ada.Context.NewCDPSessionAsync(ada.Page);
        foreach (string step in (string[])["k", "きょ", "きょうは", "今日は"])
        {
            await Compose(keyboard, step);
        }

        await Expect(ada.Composer).ToHaveValueAsync("今日は");
        await PressEnter(keyboard, keyCode: 229);
        await PressEnter(keyboard, keyCode: 13);
        await ada.Page.WaitForFunctionAsync("() => window.entersSeen === 2");
        await Expect(ada.Composer).ToHaveValueAsync("今日は");
        await Expect(ada.Messages).ToHaveCountAsync(0);

        await keyboard.SendAsync("Input.insertText", new Dictionary<string, object>(StringComparer.Ordinal) { ["text"] = "今日は" });
        await Expect(ada.Composer).ToHaveValueAsync("今日は");

        // The same key press that ended the composition may be reported once more, a moment later; a person's next is not that fast.
        await ada.Page.WaitForFunctionAsync("() => performance.now() - window.compositionEnded > 80");
        await ada.Composer.PressAsync("Enter");
        await Expect(ada.Texts).ToHaveTextAsync(["今日は"]);
        await Expect(ada.Composer).ToHaveValueAsync("");
        await Expect(ada.Pending).ToHaveCountAsync(0);
        Assert.Equal(["今日は"], await workspace.Log(workspace.General));
    }

    [Fact]
    public async Task The_Enter_that_ends_a_composition_does_not_send_where_it_is_reported_after_the_end()
    {
        Workspace workspace = await StartWorkspace();
        Person ada = await SignIn(workspace, workspace.Owner);
        await ada.Composer.FillAsync("明日");
        bool taken = await ada.Page.EvaluateAsync<bool>(
            """
            () => {
              const area = document.querySelector('[data-testid=composer]');
              area.dispatchEvent(new CompositionEvent('compositionstart', { bubbles: true }));
              area.dispatchEvent(new CompositionEvent('compositionend', { bubbles: true, data: '明日' }));
              return !area.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', keyCode: 13, bubbles: true, cancelable: true }));
            }
            """);
        Assert.False(taken);
        await Expect(ada.Composer).ToHaveValueAsync("明日");
        await Expect(ada.Messages).ToHaveCountAsync(0);
        Assert.Empty(await workspace.Log(workspace.General));
    }

    [Fact]
    public async Task Shift_and_Enter_break_the_line()
    {
        Workspace workspace = await StartWorkspace();
        Person ada = await SignIn(workspace, workspace.Owner);
        await ada.Composer.PressSequentiallyAsync("one");
        await ada.Composer.PressAsync("Shift+Enter");
        await ada.Composer.PressSequentiallyAsync("two");
        await Expect(ada.Composer).ToHaveValueAsync("one\ntwo");
        await Expect(ada.Messages).ToHaveCountAsync(0);
        await ada.Composer.PressAsync("Enter");
        await Expect(ada.Messages).ToHaveCountAsync(1);
        await Expect(ada.Pending).ToHaveCountAsync(0);
        Assert.Equal(["one\ntwo"], await workspace.Log(workspace.General));
        Assert.Equal("one\ntwo", await ada.Texts.First.InnerTextAsync());
    }

    private static Task Compose(ICDPSession keyboard, string text) => keyboard.SendAsync(
        "Input.imeSetComposition",
        new Dictionary<string, object>(StringComparer.Ordinal) { ["text"] = text, ["selectionStart"] = text.Length, ["selectionEnd"] = text.Length });

    private static Task PressEnter(ICDPSession keyboard, int keyCode) => keyboard.SendAsync(
        "Input.dispatchKeyEvent",
        new Dictionary<string, object>(StringComparer.Ordinal) { ["type"] = "rawKeyDown", ["key"] = "Enter", ["code"] = "Enter", ["windowsVirtualKeyCode"] = keyCode });
}
