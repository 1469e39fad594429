using System.Text.Json;
using Monstera.Data.Directory;
using Monstera.Data.Growth;
using Monstera.Data.Sqlite;
using Monstera.Server.Growth;
using Monstera.Server.Storage;
using Monstera.Tests.Clients;
using Monstera.Tests.Fixtures;
using Monstera.Tests.Realtime;

namespace Monstera.Tests.Growth;

/// <summary>Who is told how the installation stands, and that the server notes it.</summary>
public sealed class GrowthApiTests : IAsyncLifetime
{
    private readonly FakeTime _time = new(TimeProvider.System.GetUtcNow());
    private RunningServer _server = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _server = await LiveServer.Start(
        _time, folder: null, [MadeUp.AnyDisk, ("Realtime:KeepAliveSeconds", "300"), ("Realtime:ClientTimeoutSeconds", "900")]);

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task Owners_and_admins_are_told_and_nobody_else()
    {
        RestClient owner = await _server.SetUp();
        RestClient member = await _server.Register("ben");
        Answer told = (await owner.Get("/api/growth")).IsStatus(200);
        Assert.Equal((1, "sqlite"), (told["phase"].GetInt32(), told["storage"].GetString()));
        Assert.True(told["advice"].GetProperty("perMonthNow").GetDouble() > 0);
        Assert.False(told["hasForecast"].GetBoolean());
        Assert.Equal(0.7, told["warnShare"].GetDouble());
        Assert.Equal("10～50人", told["people"].GetProperty("ja").GetString());
        (await member.Get("/api/growth")).Is("forbidden", 403, "owners and admins");
        (await _server.Anonymous().Get("/api/growth")).Is("unauthenticated", 401);

        RestClient admin = await _server.Register("carol");
        await SetRole(admin.UserId, WorkspaceRole.Admin);
        Answer whole = (await admin.Get("/api/growth")).IsStatus(200);
        Assert.Equal("no-store", whole.Header("Cache-Control"));

        // Sums, and nobody's name.
        Assert.DoesNotContain("Green", whole.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("carol", whole.Text, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("general", whole.Text, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain(Environment.MachineName, whole.Text, StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>Asking again and again costs the storage nothing.</summary>
    [Fact]
    public async Task A_report_is_good_for_five_seconds()
    {
        RestClient owner = await _server.SetUp();
        (await owner.Get("/api/growth")).IsStatus(200);
        DateTimeOffset yesterday = GrowthHistory.DayOf(_time.GetUtcNow()).AddDays(-1);
        await _server.Get<IGrowthLog>().Write([new GrowthRow(GrowthSpan.Day, "", yesterday, new GrowthSample { Users = 31 })], Cancel);
        _time.AdvanceMs(4_999);
        Assert.DoesNotContain("\"value\":31,", (await owner.Get("/api/growth")).Text, StringComparison.Ordinal);
        _time.AdvanceMs(1);
        Assert.Contains("\"value\":31,", (await owner.Get("/api/growth")).Text, StringComparison.Ordinal);
    }

    /// <summary>Another company on the same machines has owners too; how busy the others are is none of their business.</summary>
    [Fact]
    public async Task Owners_of_other_tenants_are_told_nothing()
    {
        await _server.SetUp();
        IDirectory directory = _server.Get<StoredDirectory>().Directory;
        Tenant other = await directory.EnsureTenant("blue", _time.GetUtcNow(), Cancel);
        User carol = await directory.EnsureExternalUser(other.Id, "carol", "Carol", _time.GetUtcNow(), Cancel);
        await SetRole(carol.Id.ToString(), WorkspaceRole.Owner);
        RestClient client = new(_server.Address) { Token = Tokens.Make("carol", tenant: "blue") };
        Assert.Equal("owner", (await client.Get("/api/me")).IsStatus(200)["user"].GetProperty("role").GetString());
        (await client.Get("/api/growth")).Is("forbidden", 403);
    }

    [Fact]
    public async Task What_the_node_does_is_noted_by_the_hour()
    {
        // From the beginning of an hour, so that the test does not come over its end.
        RestClient owner = await _server.SetUp();
        string room = (await owner.Get("/api/rooms")).Items.Single().GetProperty("id").GetString()!;
        IGrowthLog log = _server.Get<IGrowthLog>();
        _time.Advance(TimeSpan.FromHours(1) - TimeSpan.FromMinutes(_time.GetUtcNow().Minute) - TimeSpan.FromSeconds(_time.GetUtcNow().Second));
        await using HubSocket hub = await HubSocket.Connect(_server.Uri(), owner.Token!);
        await hub.Hello();
        for (int i = 0; i < 30; i++)
        {
            (await owner.Post($"/api/rooms/{room}/messages", new { clientId = Guid.NewGuid(), text = "hello" })).IsStatus(200);
        }

        GrowthSample noted = await Turn(log, row => row.Sample is { Sends: >= 30, Connections: >= 1 });
        Assert.InRange(noted.Sends, 30, 40);
        Assert.Equal((1, 1, 1), (noted.Connections, noted.ConnectionsOfBusiest, noted.Users));
        Assert.InRange(noted.SendsPerSecond, 0.001, 30);
        Assert.InRange(noted.MemoryShare, 0.0001, 1);
        Assert.True(noted is { MemoryBytes: > 10_000_000, Processors: >= 1, DataBytes: > 4_096, DiskBytes: > 0 }, noted.ToJson());

        // The next hour begins at nothing; the one before stays as it was.
        _time.Advance(TimeSpan.FromHours(1));
        DateTimeOffset next = GrowthHistory.HourOf(_time.GetUtcNow());
        GrowthSample empty = await Turn(log, row => row.At >= next && row.Sample.Sends == 0);
        Assert.Null(empty.WriteP95Ms);
        Assert.Contains(Hours(log), row => row.Sample.Sends == noted.Sends);
    }

    [Fact]
    public async Task A_history_becomes_a_forecast_of_the_server()
    {
        RestClient owner = await _server.SetUp();
        DateTimeOffset today = new(_time.GetUtcNow().UtcDateTime.Date, TimeSpan.Zero);
        await _server.Get<IGrowthLog>().Write(
            [.. Enumerable.Range(1, 40).Select(ago => new GrowthRow(GrowthSpan.Day, "", today.AddDays(-ago), new GrowthSample { Users = 45 - ago }))], Cancel);
        Answer told = (await owner.Get("/api/growth")).IsStatus(200);
        Assert.Equal((true, "users"), (told["hasForecast"].GetBoolean(), told["first"].GetString()));
        Assert.Equal(("nextPhase", 2), (told["advice"].GetProperty("kind").GetString(), told["advice"].GetProperty("phase").GetInt32()));
        JsonElement users = told["limits"].EnumerateArray().Single(limit => limit.GetProperty("limit").GetString() == "users");
        Assert.Equal((44.0, 50.0, 1.0), (users.GetProperty("value").GetDouble(), users.GetProperty("max").GetDouble(), users.GetProperty("perDay").GetDouble()));
        Assert.Equal(today.AddDays(6).ToString("yyyy-MM-dd", System.Globalization.CultureInfo.InvariantCulture), users.GetProperty("reachedOn").GetString());
    }

    /// <summary>Turns the clock until a row of the hour is as wanted.</summary>
    private async Task<GrowthSample> Turn(IGrowthLog log, Func<GrowthRow, bool> wanted)
    {
        await Signal.Poll(
            () =>
            {
                _time.Advance(TimeSpan.FromSeconds(5));
                return Hours(log).Any(wanted);
            },
            "a row of this hour");
        return Hours(log).First(wanted).Sample;
    }

    private static IReadOnlyList<GrowthRow> Hours(IGrowthLog log) => log.Read(GrowthSpan.Hour, DateTimeOffset.UnixEpoch, Cancel).AsTask().GetAwaiter().GetResult();

    private async Task SetRole(string user, WorkspaceRole role)
    {
        await _server.Get<SqliteDatabase>().Write(
            connection =>
            {
                connection.Execute($"UPDATE user SET role = {(int)role} WHERE id = x'{Convert.ToHexString(Guid.Parse(user).ToByteArray(bigEndian: true))}'");
                return true;
            },
            Cancel);
        _time.Advance(TimeSpan.FromMinutes(2));
    }
}
