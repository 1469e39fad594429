using Monstera.Data.Growth;
using Monstera.Server.Growth;
using Monstera.Tests.Clients;
using Monstera.Tests.Fixtures;
using Monstera.Tests.Realtime;

namespace Monstera.Tests.Growth;

/// <summary>What a server notes for the advisor over its starts and over midnight.</summary>
public sealed class GrowthSamplerTests : IDisposable
{
    private readonly string _folder = System.IO.Directory.CreateTempSubdirectory("monstera-test-").FullName;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => System.IO.Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_node_that_is_started_anew_within_the_hour_goes_on_with_what_it_had_noted()
    {
        FakeTime time = new(GrowthHistory.HourOf(TimeProvider.System.GetUtcNow()).AddMinutes(5));
        await using (RunningServer first = await Start(time))
        {
            await using HubSocket aoi = await first.Connect("aoi", ["general"]);
            await using HubSocket beni = await first.Connect("beni", ["general"]);
            await Send(aoi, 3);
            await Turn(first, time, row => row.Sample is { Sends: >= 3, Connections: 2, Users: 2 });
        }

        await using RunningServer second = await Start(time);
        long before = Assert.Single(await Hours(second)).Sample.Sends;
        await using HubSocket again = await second.Connect("aoi", ["general"]);
        await Send(again, 4);
        GrowthSample whole = await Turn(second, time, row => row.Sample.Sends >= before + 4);
        Assert.Equal((before + 4, 2, 2), (whole.Sends, whole.Connections, whole.Users));
        Assert.Single(await Hours(second));

        // Today is no day yet.
        Assert.Empty(await second.Get<IGrowthLog>().Read(GrowthSpan.Day, DateTimeOffset.UnixEpoch, Cancel));
    }

    [Fact]
    public async Task At_midnight_whole_days_are_made_of_hours_and_what_is_too_old_is_forgotten()
    {
        DateTimeOffset today = GrowthHistory.DayOf(TimeProvider.System.GetUtcNow());
        DateTimeOffset tomorrow = today.AddDays(1);
        FakeTime time = new(tomorrow.AddMinutes(-1));
        await using RunningServer server = await Start(time);
        await Turn(server, time, row => row.At == tomorrow.AddHours(-1));
        IGrowthLog log = server.Get<IGrowthLog>();
        await log.Write(
            [
                Hour(tomorrow.AddDays(-15).AddHours(-1), "a", 1), Hour(tomorrow.AddDays(-15), "a", 20), Hour(tomorrow.AddDays(-15), "b", 3), Hour(tomorrow.AddDays(-15).AddHours(23), "a", 22),
                Day(tomorrow.AddDays(-401), 7), Day(tomorrow.AddDays(-400), 8), Day(tomorrow.AddDays(-16), 9),
            ],
            Cancel);
        await Turn(server, time, row => row.At == tomorrow);
        IReadOnlyList<GrowthRow> days = [];
        await Signal.Poll(() => (days = log.Read(GrowthSpan.Day, DateTimeOffset.UnixEpoch, Cancel).AsTask().GetAwaiter().GetResult()).Any(day => day.At == today), "the day to be made");
        await Signal.Poll(() => Hours(server).GetAwaiter().GetResult().All(hour => hour.At >= tomorrow.AddDays(-15)), "old hours to be forgotten");
        await Signal.Poll(() => log.Read(GrowthSpan.Day, DateTimeOffset.UnixEpoch, Cancel).AsTask().GetAwaiter().GetResult()[0].At == tomorrow.AddDays(-400), "old days to be forgotten");

        // The two nodes of an hour add up, and the busiest hour counts. The day that has just begun is no day yet.
        Assert.Equal(
            [(-400, 8), (-16, 9), (-15, 23)],
            (await log.Read(GrowthSpan.Day, DateTimeOffset.UnixEpoch, Cancel)).Where(day => day.At < today).Select(day => ((day.At - tomorrow).Days, day.Sample.Users)));
        Assert.DoesNotContain(await log.Read(GrowthSpan.Day, DateTimeOffset.UnixEpoch, Cancel), day => day.At >= tomorrow);
        Assert.All(await log.Read(GrowthSpan.Day, DateTimeOffset.UnixEpoch, Cancel), day => Assert.Equal("", day.Node));

        // Once a day: what is noted afterwards makes it no second time.
        await log.Write([Day(today, 99)], Cancel);
        List<HubSocket> hubs = [];
        for (int i = 1; i <= 2; i++)
        {
            hubs.Add(await HubSocket.Connect(server.Uri(), Tokens.Make("aoi", expires: time.GetUtcNow().AddHours(1))));
            await hubs[^1].Hello();
            await Turn(server, time, row => row.At == tomorrow && row.Sample.Connections == i);
        }

        Assert.Equal(99, (await log.Read(GrowthSpan.Day, today, Cancel))[0].Sample.Users);
        foreach (HubSocket hub in hubs)
        {
            await hub.DisposeAsync();
        }
    }

    private static GrowthRow Hour(DateTimeOffset at, string node, int users) => new(GrowthSpan.Hour, node, at, new GrowthSample { Users = users });

    private static GrowthRow Day(DateTimeOffset at, int users) => new(GrowthSpan.Day, "", at, new GrowthSample { Users = users });

    private static async Task<IReadOnlyList<GrowthRow>> Hours(RunningServer server) => await server.Get<IGrowthLog>().Read(GrowthSpan.Hour, DateTimeOffset.UnixEpoch, Cancel);

    private static async Task Send(HubSocket hub, int messages)
    {
        Guid room = (await hub.Call("Rooms", new { })).GetProperty("items")[0].GetProperty("id").GetGuid();
        for (int i = 0; i < messages; i++)
        {
            Assert.True((await hub.Send(room, "hello")).Seq() > 0);
        }
    }

    /// <summary>Turns the clock until a row of an hour is as wanted.</summary>
    private static async Task<GrowthSample> Turn(RunningServer server, FakeTime time, Func<GrowthRow, bool> wanted)
    {
        await Signal.Poll(
            () =>
            {
                time.Advance(TimeSpan.FromSeconds(5));
                return Hours(server).GetAwaiter().GetResult().Any(wanted);
            },
            "a row of an hour");
        return (await Hours(server)).First(wanted).Sample;
    }

    private Task<RunningServer> Start(FakeTime time) => LiveServer.Start(time, _folder, [("NodeName", "leaf"), ("Realtime:ClientTimeoutSeconds", "900"), ("Realtime:KeepAliveSeconds", "300")]);
}
