using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Monstera.Data.Backups;
using Monstera.Data.Sqlite;
using Monstera.Server.Configuration;
using Monstera.Server.Hosting;
using Monstera.Server.Storage;
using Monstera.Tests.Clients;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Storage;

/// <summary>What the alert on old backups looks at.</summary>
public sealed class BackupWatchTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("monstera-test-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task The_newest_backup_is_told_as_the_last_success_of_the_job_and_none_as_1970()
    {
        FakeTime time = new();
        string data = Path.Combine(_folder, "data"), backups = Path.Combine(_folder, "backups");
        Guid installation;
        using (SqliteDatabase database = SqliteDatabase.Open(data))
        {
            installation = SqliteInstallationArchive.Read(database).Id;
        }

        using CapturedLogs logs = new();
        using ServiceProvider services = new ServiceCollection().AddMetrics().AddLogging(logging => logging.AddProvider(logs)).BuildServiceProvider();
        IMeterFactory meters = services.GetRequiredService<IMeterFactory>();
        JobMeter jobs = new(meters, time);
        ConcurrentDictionary<string, double> values = new(StringComparer.Ordinal);
        using MeterListener listener = new();
        listener.InstrumentPublished = (instrument, to) =>
        {
            if (instrument.Name == "job_last_success_timestamp_seconds" && ReferenceEquals(instrument.Meter, meters.Create(JobMeter.Name)))
            {
                to.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<double>((_, value, tags, _) => values[(string)tags[0].Value!] = value);
        listener.Start();
        MonsteraOptions options = new() { Backups = { Folder = backups } };
        using BackupWatch watch = new(Options.Create(options), new InstallationId(installation), jobs, time, services.GetRequiredService<ILogger<BackupWatch>>());
        await watch.StartAsync(TestContext.Current.CancellationToken);

        // The folder is not there: said once, however often it is looked for.
        await Turn(() => Told() == 0 && logs.Lines.Any(line => line.Contains("[1330]", StringComparison.Ordinal)));
        await Make(time.GetUtcNow());
        await Turn(() => Told() == Begun());
        double first = Told();
        time.Advance(TimeSpan.FromDays(1));
        string second = await Make(time.GetUtcNow());
        await Turn(() => Told() == Begun() && Told() > first);

        // It is away: what was known stays known, and grows old. Back with less in it, that is what counts.
        Directory.Move(backups, backups + "-away");
        await Turn(() => logs.Lines.Count(line => line.Contains("[1330]", StringComparison.Ordinal)) == 2);
        Assert.True(Told() > first);
        Directory.Move(backups + "-away", backups);
        Directory.Delete(second, recursive: true);
        await Turn(() => Told() == first);
        await watch.StopAsync(TestContext.Current.CancellationToken);

        double Told()
        {
            listener.RecordObservableInstruments();
            return values.GetValueOrDefault("backup", -1);
        }

        double Begun() => BackupFolder.Newest(backups, installation, time.GetUtcNow())!.Value.Manifest.At.ToUnixTimeSeconds();

        async Task<string> Make(DateTimeOffset at)
        {
            string path = BackupFolder.PathOf(backups, at);
            await Backup.OfSqlite(data, path, "1", time, null, TestContext.Current.CancellationToken);
            return path;
        }

        Task Turn(Func<bool> come) => Signal.Poll(
            () =>
            {
                time.Advance(TimeSpan.FromMinutes(1));
                return come();
            },
            "what the watch tells");
    }

    [Fact]
    public async Task A_server_without_a_folder_for_backups_tells_nothing_of_them_and_one_with_it_does()
    {
        string backups = Path.Combine(_folder, "backups");
        await using ServerProcess without = await ServerProcess.Start();
        Assert.DoesNotContain("job=\"backup\"", await Metrics(without), StringComparison.Ordinal);
        await using ServerProcess with = await ServerProcess.Start(("Backups:Folder", backups));
        using CancellationTokenSource patience = new(Signal.Patience);
        string told;
        do
        {
            // The watch may not have begun yet.
            patience.Token.ThrowIfCancellationRequested();
            told = await Metrics(with);
        }
        while (!told.Contains("{job=\"backup\"}", StringComparison.Ordinal));
        Assert.Contains("\njob_last_success_timestamp_seconds{job=\"backup\"} 0\n", told, StringComparison.Ordinal);
    }

    private static async Task<string> Metrics(ServerProcess server)
    {
        using HttpClient client = new();
        return await client.GetStringAsync(new Uri(server.Address, "/metrics"), TestContext.Current.CancellationToken);
    }
}
