using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Browser;

/// <summary>Nobody's words run, load or reshape anything at another's.</summary>
public sealed class HostileTextTests(Chromium chromium) : BrowserTest(chromium)
{
    private static readonly string[] Markup =
    [
        "<img src=x onerror=alert(1)>",
        "<script>alert(2)</script>",
        "<svg/onload=alert(3)>",
        "</textarea><iframe src=javascript:alert(4)></iframe>",
        "<a href=\"javascript:alert(5)\">click</a>",
        "<style>*{display:none}</style>",
        "&lt;b&gt;not bold&lt;/b&gt; &#60;i&#62;",
        "{{constructor.constructor('alert(6)')()}} ${alert(7)}",
    ];

    private static readonly string[] Links =
    [
        "[click](javascript:alert(1))",
        "[click](JaVaScRiPt:alert(1))",
        "[click](java\tscript:alert(1))",
        "[click](&#106;avascript:alert(1))",
        "[click](data:text/html,<script>alert(1)</script>)",
        "[click](vbscript:msgbox(1))",
        "<javascript:alert(1)>",
        "[x]: javascript:alert(1)\n\n[x]",
        "![image](https://tracker.example/pixel.gif)",
        "![image](x\" onerror=\"alert(1))",
        "[click](//evil.example\" onclick=\"alert(1))",
    ];

    [Fact]
    public async Task Markup_is_shown_as_the_text_that_it_is()
    {
        Workspace workspace = await StartWorkspace();
        RestClient mallory = await workspace.Register("mallory", "<img src=x onerror=alert(8)>");
        foreach (string text in Markup)
        {
            await Workspace.Send(mallory, workspace.General, text);
        }

        Person ada = await SignIn(workspace, workspace.Owner);
        await Expect(ada.Texts).ToHaveCountAsync(Markup.Length);
        IReadOnlyList<string> shown = await ada.Texts.AllInnerTextsAsync();
        Assert.Equal(Markup[..6], shown.Take(6));
        Assert.Equal(Markup[7], shown[7]);
        await Expect(ada.Messages.First).ToContainTextAsync("<img src=x onerror=alert(8)>");
        await Expect(ada.Timeline.Locator("img, script, iframe, style, svg[onload]")).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task Links_lead_only_where_links_may_and_load_nothing()
    {
        Workspace workspace = await StartWorkspace();
        RestClient mallory = await workspace.Register("mallory", "Mallory");
        foreach (string text in Links)
        {
            await Workspace.Send(mallory, workspace.General, text);
        }

        await Workspace.Send(mallory, workspace.General, "[good](https://example.com/) and https://example.org/path.");
        Person ada = await Visitor();
        List<string> foreign = [];
        ada.Page.Request += (_, request) =>
        {
            if (!request.Url.StartsWith(Address, StringComparison.Ordinal) && !request.Url.StartsWith("data:image/svg+xml", StringComparison.Ordinal))
            {
                foreign.Add(request.Url);
            }
        };
        await ada.Context.AddCookiesAsync([new() { Name = "monstera_session", Value = await workspace.SessionCookie(workspace.Owner), Url = Address }]);
        await ada.Go($"/rooms/{workspace.General}");
        await Expect(ada.Texts).ToHaveCountAsync(Links.Length + 1);
        await Expect(ada.Timeline.Locator("img")).ToHaveCountAsync(0);
        string[] targets = await ada.Page.EvaluateAsync<string[]>("[...document.querySelectorAll('[data-testid=timeline] a')].map(link => link.href)");
        Assert.All(targets, target => Assert.Matches("^https?://", target));
        Assert.Contains("https://example.com/", targets);
        Assert.Contains("https://example.org/path", targets);
        string[] relations = await ada.Page.EvaluateAsync<string[]>("[...document.querySelectorAll('[data-testid=timeline] a')].map(link => link.rel)");
        Assert.All(relations, relation => Assert.Contains("noopener", relation, StringComparison.Ordinal));
        Assert.Empty(foreign);
    }

    [Fact]
    public async Task Text_that_turns_direction_turns_only_itself_and_a_very_long_one_fits()
    {
        Workspace workspace = await StartWorkspace();
        RestClient mallory = await workspace.Register("mallory", "Mallory");
        await Workspace.Send(mallory, workspace.General, "invoice\u202Efdp.exe");
        await Workspace.Send(mallory, workspace.General, string.Concat(Enumerable.Repeat("Z\u0351\u0352\u0353\u0354\u0355", 400)));
        await Workspace.Send(mallory, workspace.General, new string('>', 2_000) + " deep");
        await Workspace.Send(mallory, workspace.General, string.Concat(Enumerable.Repeat("*_~`[(", 300)));
        string longest = new('長', 10_000);
        await Workspace.Send(mallory, workspace.General, longest);
        Person ada = await SignIn(workspace, workspace.Owner);
        await Expect(ada.Texts).ToHaveCountAsync(5);
        Assert.Equal(longest, await ada.Texts.Nth(4).InnerTextAsync());
        Assert.InRange(await ada.Number("document.documentElement.scrollWidth - innerWidth"), double.MinValue, 0);
        Assert.InRange(await ada.Number("(t => t.scrollWidth - t.clientWidth)(document.querySelector('[data-testid=timeline]'))"), double.MinValue, 0);

        // What stands after the text on the same line is not turned around with it. (A name may not hold such a character at all.)
        string[] isolation = await ada.Page.EvaluateAsync<string[]>(
            "[...document.querySelectorAll('[data-testid=timeline] [data-testid=message-text] > p')].map(e => getComputedStyle(e).unicodeBidi)");
        Assert.All(isolation, value => Assert.Contains(value, (string[])["isolate", "plaintext", "isolate-override"]));

        // Writing that much oneself works as well, and one character more does not go.
        await ada.Composer.FillAsync(longest + "外");
        await Expect(ada.Page.GetByTestId("send")).ToBeDisabledAsync();
        await ada.Composer.FillAsync(longest);
        await ada.Page.GetByTestId("send").ClickAsync();
        await Expect(ada.Texts).ToHaveCountAsync(6);
        await Expect(ada.Pending).ToHaveCountAsync(0);
    }
}
