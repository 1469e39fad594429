using System.Collections.Concurrent;
using Microsoft.Playwright;

namespace Monstera.Tests.Browser;

/// <summary>Somebody at a browser of their own, and what can be seen and done on its page. Notes everything that a page should never do.</summary>
public sealed class Person
{
    public const float PatienceMs = 15_000;

    private (string Path, int Status)? _expected;

    private Person(string address, IBrowserContext context, IPage page, ConcurrentQueue<string> problems)
    {
        Address = address;
        Context = context;
        Page = page;
        Problems = problems;
    }

    public string Address { get; }

    public IBrowserContext Context { get; }

    public IPage Page { get; }

    /// <summary>Errors of the page and of the console (a violation of the content policy is one), and dialogs of the browser's.</summary>
    public ConcurrentQueue<string> Problems { get; }

    /// <summary>The test takes the network away: failed requests are no problem then.</summary>
    public bool LosesNetwork { get; set; }

    /// <summary>The next requests to this path may be refused with this status.</summary>
    public void Expects(string path, int status) => _expected = (path, status);

    public ILocator Composer => Page.GetByTestId("composer");

    public ILocator Timeline => Page.GetByTestId("timeline");

    public ILocator Messages => Timeline.GetByTestId("message");

    /// <summary>The texts of all messages, from the oldest on.</summary>
    public ILocator Texts => Timeline.GetByTestId("message-text");

    public ILocator Pending => Timeline.Locator("[data-testid=message][data-state=pending]");

    public ILocator Title => Page.GetByTestId("room-title");

    public ILocator Banner => Page.GetByTestId("reconnect-banner");

    public static async Task<Person> Enter(IBrowser browser, string address, Action<BrowserNewContextOptions>? options)
    {
        BrowserNewContextOptions wanted = new() { BaseURL = address, Locale = "en-GB", ViewportSize = new() { Width = 1280, Height = 800 } };
        options?.Invoke(wanted);
        IBrowserContext context = await browser.NewContextAsync(wanted);
        context.SetDefaultTimeout(PatienceMs);
        return await OnPage(address, context, []);
    }

    /// <summary>A second tab of the same person.</summary>
    public Task<Person> NewTab() => OnPage(Address, Context, Problems);

    public ILocator Message(string text) => Messages.Filter(new() { HasText = text });

    public ILocator Room(string name) => Page.GetByTestId("room-item").Filter(new() { HasText = name });

    public Task Go(string path) => Page.GotoAsync(path);

    public async Task Open(string room)
    {
        await Room(room).ClickAsync();
        await Assertions.Expect(Title).ToHaveTextAsync(room);
    }

    public async Task Write(string text)
    {
        await Composer.FillAsync(text);
        await Composer.PressAsync("Enter");
    }

    /// <summary>Does something with a message by its toolbar.</summary>
    public async Task Do(string action, ILocator message)
    {
        await message.HoverAsync();
        await message.GetByTestId(action).ClickAsync();
    }

    /// <summary>Waits until the browser keeps <c>all</c> in a store of the client's, so that the condition holds.</summary>
    public Task UntilStored(string store, string condition) => Page.WaitForFunctionAsync(
        $$"""
        async () => {
          const settled = request => new Promise((done, failed) => { request.onsuccess = () => done(request.result); request.onerror = failed; });
          const all = [];
          for (const { name } of await indexedDB.databases()) {
            const db = await settled(indexedDB.open(name));
            try {
              if (db.objectStoreNames.contains('{{store}}')) all.push(...await settled(db.transaction('{{store}}').objectStore('{{store}}').getAll()));
            } finally { db.close(); }
          }
          return {{condition}};
        }
        """);

    public Task<double> Number(string expression) => Page.EvaluateAsync<double>(expression);

    private static async Task<Person> OnPage(string address, IBrowserContext context, ConcurrentQueue<string> problems)
    {
        Person person = new(address, context, await context.NewPageAsync(), problems);
        person.Page.PageError += (_, error) => problems.Enqueue("page error: " + error);
        person.Page.Console += (_, message) => person.Note(message);
        person.Page.Dialog += (_, dialog) =>
        {
            problems.Enqueue("dialog: " + dialog.Message);
            _ = dialog.DismissAsync();
        };
        return person;
    }

    private void Note(IConsoleMessage message)
    {
        if (message.Type is not ("error" or "warning"))
        {
            return;
        }

        // Chromium reports every refused request; whether somebody is signed in is asked in just this way.
        bool asksWhoIsHere = message.Text.Contains("status of 401", StringComparison.Ordinal) && message.Location.Contains("/api/me", StringComparison.Ordinal);
        bool isNetwork = message.Text.Contains("net::ERR_", StringComparison.Ordinal) || message.Text.StartsWith("WebSocket connection to", StringComparison.Ordinal);
        bool isExpected = _expected is { } expected && message.Location.Contains(expected.Path, StringComparison.Ordinal)
            && message.Text.Contains($"status of {expected.Status}", StringComparison.Ordinal);
        if (!asksWhoIsHere && !isExpected && !(isNetwork && LosesNetwork))
        {
            Problems.Enqueue($"console {message.Type}: {message.Text} ({message.Location})");
        }
    }
}
