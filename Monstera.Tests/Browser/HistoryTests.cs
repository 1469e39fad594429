using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Browser;

/// <summary>A long room: what somebody looks at stays where it is.</summary>
public sealed class HistoryTests(Chromium chromium) : BrowserTest(chromium)
{
    private const int Count = 400;
    private const string Scroller = "document.querySelector('[data-testid=timeline]')";
    private const string FromBottom = $"{Scroller}.scrollHeight - {Scroller}.scrollTop - {Scroller}.clientHeight";

    [Fact]
    public async Task Scrolling_up_loads_older_pages_and_what_is_looked_at_does_not_move()
    {
        (Workspace workspace, _, string room) = await LongRoom();
        Person ada = await SignIn(workspace, workspace.Owner, room);
        await Expect(ada.Texts.Last).ToHaveTextAsync(Text(Count - 1));
        Assert.InRange(await ada.Number(FromBottom), -1, 1);

        // Each older page waits until the test has measured.
        Queue<TaskCompletionSource> gates = [];
        await ada.Page.RouteAsync(IsOlder, async route =>
        {
            TaskCompletionSource gate = new(TaskCreationOptions.RunContinuationsAsynchronously);
            lock (gates)
            {
                gates.Enqueue(gate);
            }

            await gate.Task;
            await route.ContinueAsync();
        });

        List<string> asked = [];
        ada.Page.Request += (_, request) =>
        {
            if (IsOlder(request.Url))
            {
                asked.Add(request.Url);
            }
        };
        int pages = 0;
        while (await ada.Timeline.Locator(".older").CountAsync() > 0)
        {
            string before = (await ada.Messages.First.GetAttributeAsync("data-seq"))!;
            await ada.Page.EvaluateAsync($"{Scroller}.scrollTop = 250");
            await Painted(ada);
            await Clients.Signal.Poll(() => gates.Count > 0, "the page's request");
            string anchor = await ada.Page.EvaluateAsync<string>(
                $"[...{Scroller}.querySelectorAll('article')].find(row => row.getBoundingClientRect().top > {Scroller}.getBoundingClientRect().top + 100).dataset.seq");
            double top = await TopOf(ada, anchor);
            lock (gates)
            {
                gates.Dequeue().SetResult();
            }

            await Expect(ada.Timeline.Locator($"article[data-seq='{before}'] ~ article").First).ToBeAttachedAsync();
            await ada.Page.WaitForFunctionAsync($"before => {Scroller}.querySelector('article').dataset.seq !== before", before);
            await Painted(ada);
            Assert.InRange(await TopOf(ada, anchor) - top, -2, 2);
            Assert.True(++pages < 30, "There is no end of older pages.");
        }

        Assert.Equal(asked.Distinct(StringComparer.Ordinal), asked);
        Assert.True(pages >= 5, $"Only {pages} pages were loaded: nothing was proven.");
        await Expect(ada.Texts).ToHaveTextAsync([.. Enumerable.Range(0, Count).Select(Text)]);
    }

    [Fact]
    public async Task At_the_bottom_it_sticks_and_elsewhere_it_stays_and_counts_what_came()
    {
        (Workspace workspace, RestClient ben, string room) = await LongRoom(120);
        Person ada = await SignIn(workspace, workspace.Owner, room);
        await Expect(ada.Texts.Last).ToBeInViewportAsync();
        await Workspace.Send(ben, room, "comes at the bottom\n".PadRight(300, 'x'));
        await Expect(ada.Message("comes at the bottom")).ToBeInViewportAsync();
        await Painted(ada);
        Assert.InRange(await ada.Number(FromBottom), -1, 1);
        await Expect(ada.Page.GetByTestId("jump-latest")).ToHaveCountAsync(0);

        await ada.Timeline.HoverAsync();
        await ada.Page.Mouse.WheelAsync(0, -900);
        await Expect(ada.Page.GetByTestId("jump-latest")).ToBeVisibleAsync();
        await Painted(ada);
        double place = await ada.Number($"{Scroller}.scrollTop");
        await Workspace.Send(ben, room, "unseen one");
        await Workspace.Send(ben, room, "unseen two");
        await Expect(ada.Page.GetByTestId("jump-latest")).ToHaveAttributeAsync("data-count", "2");
        await Expect(ada.Message("unseen two")).ToBeAttachedAsync();
        await Expect(ada.Message("unseen two")).Not.ToBeInViewportAsync();
        Assert.InRange(await ada.Number($"{Scroller}.scrollTop") - place, -2, 2);
        await Expect(ada.Room("history")).ToHaveAttributeAsync("data-unread", "2");

        await ada.Page.GetByTestId("jump-latest").ClickAsync();
        await Expect(ada.Message("unseen two")).ToBeInViewportAsync();
        await Expect(ada.Page.GetByTestId("jump-latest")).ToHaveCountAsync(0);
        await Expect(ada.Room("history")).ToHaveAttributeAsync("data-unread", "0");
        await Painted(ada);
        Assert.InRange(await ada.Number(FromBottom), -1, 1);
    }

    [Fact]
    public async Task A_link_to_an_old_message_shows_it_and_from_there_the_latest_is_one_click_away()
    {
        (Workspace workspace, _, string room) = await LongRoom();
        string old = (await workspace.Events(room)).Single(item => item.TryGetProperty("text", out var text) && text.GetString() == Text(40)).GetProperty("seq").ToString();
        Person ada = await SignIn(workspace, workspace.Owner, $"{room}/{old}");
        await Expect(ada.Timeline.Locator($"article[data-seq='{old}']")).ToBeInViewportAsync();
        await ada.Page.GetByTestId("jump-latest").ClickAsync();
        await Expect(ada.Message(Text(Count - 1)).Last).ToBeInViewportAsync();
    }

    private async Task<(Workspace Workspace, RestClient Ben, string Room)> LongRoom(int count = Count)
    {
        Workspace workspace = await StartWorkspace();
        RestClient ben = await workspace.Register("ben", "Ben");
        string room = await workspace.CreateRoom("history", ben);
        for (int i = 0; i < count; i++)
        {
            await Workspace.Send(i % 7 < 4 ? ben : workspace.Owner, room, Text(i));
        }

        // All of it was read before.
        long head = (await workspace.Owner.Get($"/api/rooms/{room}")).IsStatus(200)["head"].GetInt64();
        (await workspace.Owner.Put($"/api/rooms/{room}/read", new { seq = head })).IsStatus(200);
        return (workspace, ben, room);
    }

    /// <summary>Lines of different lengths, so that rows have different heights.</summary>
    private static string Text(int i) => $"message {i} " + string.Concat(Enumerable.Repeat("and on it goes ", i % 23)).TrimEnd() + ".";

    private static Task<double> TopOf(Person person, string seq) =>
        person.Number($"{Scroller}.querySelector('article[data-seq=\"{seq}\"]').getBoundingClientRect().top");

    /// <summary>Whatever the page does before the next frames is done.</summary>
    private static Task Painted(Person person) =>
        person.Page.EvaluateAsync("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done())))");

    private static bool IsOlder(string url) => url.Contains("/messages?", StringComparison.Ordinal) && url.Contains("before=", StringComparison.Ordinal);
}
