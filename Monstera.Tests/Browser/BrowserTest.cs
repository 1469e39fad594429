using Microsoft.Playwright;
using Monstera.Tests.Clients;
using Monstera.Tests.Fixtures;
using Monstera.Tests.Realtime;

namespace Monstera.Tests.Browser;

/// <summary>
/// A test of the built web client against a real server. At its end nobody's page may have had a problem, and the server no error.
/// </summary>
[Collection(BrowserTests.Name)]
public abstract class BrowserTest(Chromium chromium) : IAsyncLifetime
{
    private readonly List<Person> _people = [];
    private RunningServer? _server;
    private ServerProcess? _process;
    private string? _address;

    protected string Address => _address!;

    /// <summary>Of <see cref="StartServer"/> and <see cref="StartWorkspace"/>, with what is inside it.</summary>
    protected RunningServer Server => _server!;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        if (TestContext.Current.TestState?.Result == TestResult.Failed)
        {
            await TakePictures();
        }

        foreach (Person person in _people)
        {
            await person.Context.CloseAsync();
        }

        if (_server is not null)
        {
            await _server.DisposeAsync();
        }

        if (_process is not null)
        {
            await _process.DisposeAsync();
        }

        Assert.Empty(_people.SelectMany(person => person.Problems));
        _server?.AssertNoErrors();
        GC.SuppressFinalize(this);
    }

    /// <summary>A server that nobody has set up.</summary>
    protected async Task StartServer(params (string Key, string Value)[] settings)
    {
        await chromium.Browser();
        _server = await LiveServer.Start(settings);
        _address = _server.Address;
    }

    /// <summary>A server in a process of its own, with the workspace set up: it can be killed, and comes back where it was.</summary>
    protected async Task<(ServerProcess Process, Workspace Workspace)> StartProcess()
    {
        await chromium.Browser();
        _process = await ServerProcess.Start(("Registration", "open"));
        _process.KeepsAddress = true;
        _address = _process.Address.ToString().TrimEnd('/');
        return (_process, await Workspace.SetUp(Address));
    }

    protected async Task<Workspace> StartWorkspace()
    {
        await StartServer();
        return await Workspace.SetUp(Address);
    }

    /// <summary>A fresh browser profile, with nobody signed in.</summary>
    protected async Task<Person> Visitor(Action<BrowserNewContextOptions>? options = null)
    {
        Person person = await Person.Enter(await chromium.Browser(), Address, options);
        _people.Add(person);
        return person;
    }

    /// <summary>A fresh browser profile in which the account is signed in, with the room open.</summary>
    protected async Task<Person> SignIn(Workspace workspace, RestClient account, string? room = null, Action<BrowserNewContextOptions>? options = null)
    {
        Person person = await Visitor(options);
        await person.Context.AddCookiesAsync([new() { Name = "monstera_session", Value = await workspace.SessionCookie(account), Url = Address, HttpOnly = true }]);
        await person.Go($"/rooms/{room ?? workspace.General}");
        await Assertions.Expect(person.Composer).ToBeVisibleAsync();
        return person;
    }

    protected static ILocatorAssertions Expect(ILocator locator) => Assertions.Expect(locator);

    protected static IPageAssertions Expect(IPage page) => Assertions.Expect(page);

    private async Task TakePictures()
    {
        string folder = System.IO.Directory.CreateDirectory(Path.Combine(AppContext.BaseDirectory, "BrowserFailures")).FullName;
        string test = string.Concat((TestContext.Current.TestMethod?.MethodName ?? "test").Where(char.IsLetterOrDigit));
        for (int i = 0; i < _people.Count; i++)
        {
            await _people[i].Page.ScreenshotAsync(new() { Path = Path.Combine(folder, $"{test}-{i}.png") });
        }
    }
}
