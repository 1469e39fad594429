using Monstera.Data.Growth;
using Monstera.Tests.Fixtures;
using Monstera.Tests.Growth;
using Monstera.Tests.Realtime;

namespace Monstera.Tests.Browser;

/// <summary>The page that tells those who run the installation how it stands.</summary>
public sealed class GrowthPageTests(Chromium chromium) : BrowserTest(chromium)
{
    [Fact]
    public async Task The_owner_sees_what_is_reached_first_and_what_to_do_and_a_member_does_not()
    {
        await StartServer(MadeUp.AnyDisk);
        Workspace workspace = await Workspace.SetUp(Address);
        RestClient bens = await workspace.Register("ben", "Ben");
        DateTimeOffset today = new(TimeProvider.System.GetUtcNow().UtcDateTime.Date, TimeSpan.Zero);
        await Server.Get<IGrowthLog>().Write([.. Enumerable.Range(1, 40).Select(ago => new GrowthRow(GrowthSpan.Day, "", today.AddDays(-ago), Sample(ago)))], TestContext.Current.CancellationToken);

        Person ada = await SignIn(workspace, workspace.Owner);
        await ada.Page.GetByTestId("growth").ClickAsync();
        await Expect(ada.Page).ToHaveURLAsync(Address + "/growth");
        await Expect(ada.Page).ToHaveTitleAsync("Growth · Green");
        await Expect(ada.Page.GetByTestId("growth-phase")).ToHaveTextAsync("Phase 1: 10–50 people");
        await Expect(ada.Page.GetByTestId("growth-advice")).ToHaveAttributeAsync("data-kind", "nextPhase");
        await Expect(ada.Page.GetByTestId("growth-advice")).ToContainTextAsync("Go to phase 2 – People at once");
        await Expect(ada.Page.GetByTestId("growth-command")).ToHaveTextAsync("monstera move --from sqlite --to postgres --wait");
        await Expect(ada.Page.GetByTestId("growth-limit")).ToHaveCountAsync(9);
        await Expect(ada.Page.Locator("[data-limit=users]")).ToHaveAttributeAsync("data-level", "near");
        await Expect(ada.Page.Locator("[data-limit=users]")).ToContainTextAsync("44 of 50");
        await Expect(ada.Page.Locator("[data-limit=users]")).ToContainTextAsync("+1 a day · reached about ");
        await Looks.AreFineEverywhere(ada, "growth", () => Expect(ada.Page.GetByTestId("growth-limit")).ToHaveCountAsync(9));

        // A link from elsewhere leads here too, and back to the room.
        await ada.Go("/growth");
        await Expect(ada.Page.GetByTestId("growth-page")).ToBeVisibleAsync();
        await ada.Open("general");
        await Expect(ada.Page.GetByTestId("growth-page")).ToHaveCountAsync(0);

        Person ben = await SignIn(workspace, bens);
        await Expect(ben.Page.GetByTestId("growth")).ToHaveCountAsync(0);
        ben.Expects("/api/growth", 403);
        await ben.Go("/growth");
        await Expect(ben.Page.GetByTestId("error")).ToHaveTextAsync("You may not do that.");
        await Expect(ben.Page.GetByTestId("growth-limit")).ToHaveCountAsync(0);
    }

    private static GrowthSample Sample(int ago) => new()
    {
        Users = 45 - ago, Connections = 60 - ago, ConnectionsOfBusiest = 60 - ago, SendsPerSecond = 12, ProcessorShare = 0.11, MemoryShare = 0.2, QueueShare = 0.001, WriteP95Ms = 4.2, DeliveryP95Ms = 1.1,
        DataBytes = (100L - ago) << 26, LargestDatabaseBytes = (100L - ago) << 26, DiskBytes = 100L << 30, DiskFreeBytes = 70L << 30,
    };
}
