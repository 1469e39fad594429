using System.Text.Json;
using Microsoft.Playwright;
using Monstera.Tests.Clients;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Browser;

/// <summary>What people do with messages, and what others see of it at once.</summary>
public sealed class MessageTests(Chromium chromium) : BrowserTest(chromium)
{
    [Fact]
    public async Task An_edit_a_reaction_a_reply_and_a_deletion_are_seen_by_the_other()
    {
        Workspace workspace = await StartWorkspace();
        Person ada = await SignIn(workspace, workspace.Owner);
        Person ben = await SignIn(workspace, await workspace.Register("ben", "Ben"));
        await ada.Write("teh plan");
        await Expect(ben.Texts).ToHaveTextAsync(["teh plan"]);

        await ada.Do("edit", ada.Message("teh plan"));
        await Expect(ada.Composer).ToHaveValueAsync("teh plan");
        await ada.Write("the plan");
        await Expect(ben.Texts).ToHaveTextAsync(["the plan"]);
        await Expect(ben.Message("the plan")).ToContainTextAsync("edited");
        await Expect(ada.Composer).ToHaveValueAsync("");

        await ben.Do("react", ben.Message("the plan"));
        await ben.Page.GetByTestId("emoji-search").FillAsync("heart");
        await ben.Page.GetByTestId("emoji-option").First.ClickAsync();
        ILocator reaction = ada.Message("the plan").GetByTestId("reaction");
        await Expect(reaction).ToHaveAttributeAsync("data-count", "1");
        await reaction.ClickAsync();
        await Expect(ben.Message("the plan").GetByTestId("reaction")).ToHaveAttributeAsync("data-count", "2");
        await Expect(reaction).ToHaveAttributeAsync("aria-pressed", "true");
        await reaction.ClickAsync();
        await Expect(ben.Message("the plan").GetByTestId("reaction")).ToHaveAttributeAsync("data-count", "1");

        await ben.Do("reply", ben.Message("the plan"));
        await Expect(ben.Page.GetByTestId("replying")).ToContainTextAsync("Ada");
        await ben.Write("I like it");
        await Expect(ada.Message("I like it").GetByTestId("quote")).ToContainTextAsync("the plan");

        await ada.Do("delete", ada.Messages.First);
        await ada.Page.GetByTestId("confirm").ClickAsync();
        await Expect(ben.Texts).ToHaveTextAsync(["This message was deleted.", "I like it"]);
        await Expect(ben.Page.GetByTestId("reaction")).ToHaveCountAsync(0);
        await Expect(ben.Message("I like it").GetByTestId("quote")).Not.ToContainTextAsync("the plan");

        IReadOnlyList<JsonElement> events = await workspace.Events(workspace.General);
        Assert.Equal(
            ["message.created", "message.edited", "reaction.added", "reaction.added", "reaction.removed", "message.created", "message.deleted"],
            events.Select(item => item.GetProperty("type").GetString()).Where(type => type!.StartsWith("message.", StringComparison.Ordinal) || type.StartsWith("reaction.", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_pinned_message_is_found_in_the_panel()
    {
        Workspace workspace = await StartWorkspace();
        Person ada = await SignIn(workspace, workspace.Owner);
        Person ben = await SignIn(workspace, await workspace.Register("ben", "Ben"));
        await ada.Write("the wifi password is on the fridge");
        await ben.Do("pin", ben.Message("wifi"));
        await Expect(ada.Message("wifi")).ToContainTextAsync("Pinned");
        await ada.Page.GetByTestId("pins").ClickAsync();
        await Expect(ada.Page.GetByTestId("pins-panel")).ToContainTextAsync("the wifi password is on the fridge");
    }

    [Fact]
    public async Task Who_types_and_who_is_here_is_shown_to_the_other()
    {
        Workspace workspace = await StartWorkspace();
        RestClient bens = await workspace.Register("ben", "Ben");
        Person ada = await SignIn(workspace, workspace.Owner);
        ILocator here = ada.Page.GetByTestId("online-count");
        await Expect(here).ToHaveAttributeAsync("data-count", "1");
        Person ben = await SignIn(workspace, bens);
        await Expect(here).ToHaveAttributeAsync("data-count", "2");
        await ben.Composer.PressSequentiallyAsync("hm");
        await Expect(ada.Page.GetByTestId("typing")).ToHaveTextAsync("Ben is typing…");
        await Expect(ben.Page.GetByTestId("typing")).ToHaveTextAsync("");
        await ben.Composer.PressAsync("Enter");
        await Expect(ada.Texts).ToHaveTextAsync(["hm"]);
        await Expect(ada.Page.GetByTestId("typing")).ToHaveTextAsync("");
        await ben.Page.CloseAsync();
        await Expect(here).ToHaveAttributeAsync("data-count", "1");
    }

    [Fact]
    public async Task The_banner_comes_when_the_server_goes_and_goes_when_it_is_back()
    {
        (ServerProcess process, Workspace workspace) = await StartProcess();
        Person ada = await SignIn(workspace, workspace.Owner);
        ada.LosesNetwork = true;
        await ada.Write("before");
        await Expect(ada.Message("before")).ToHaveAttributeAsync("data-state", "sent");
        await process.Kill9();
        await Expect(ada.Banner).ToBeVisibleAsync();
        await Expect(ada.Texts).ToHaveTextAsync(["before"]);
        await process.Restart();
        await Expect(ada.Banner).ToHaveCountAsync(0);
        await ada.Write("after");
        await Expect(ada.Texts).ToHaveTextAsync(["before", "after"]);
        await Expect(ada.Pending).ToHaveCountAsync(0);
        Assert.Equal(["before", "after"], await workspace.Log(workspace.General));
    }
}
