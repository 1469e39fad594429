using System.Globalization;
using System.Text.RegularExpressions;
using Monstera.Tests.Clients;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Deploy;

/// <summary>The unit for systemd, as systemd reads it.</summary>
public sealed partial class SystemdTests : IDisposable
{
    /// <summary>0 is a process that may do nothing, 10 one that may do everything.</summary>
    private const double ExposureMax = 1.5;

    private readonly string _folder = System.IO.Directory.CreateTempSubdirectory("monstera-systemd-").FullName;

    public void Dispose() => System.IO.Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("monstera.service")]
    [InlineData("monstera-backup.service")]
    public async Task Systemd_finds_nothing_wrong_and_hardly_anything_open(string name)
    {
        string? systemd = Tool.Find("systemd-analyze");
        Requires.WhereThereIs(systemd is not null, "systemd-analyze is not installed.");
        string unit = Path.Combine(_folder, name);
        string shipped = Repository.Read("deploy", "systemd", name);

        // .NET may be somewhere else on this machine.
        Assert.Contains("ExecStart=/usr/bin/dotnet /opt/monstera/monstera.dll", shipped, StringComparison.Ordinal);
        await File.WriteAllTextAsync(unit, shipped.Replace("ExecStart=/usr/bin/dotnet ", "ExecStart=/bin/true ", StringComparison.Ordinal), TestContext.Current.CancellationToken);
        Assert.Equal("", (await Tool.Run(0, systemd!, ["verify", "--man=no", unit])).Trim());
        string report = await Tool.Run(0, systemd!, ["security", "--offline=true", "--no-pager", unit]);
        double exposure = double.Parse(Exposure().Match(report).Groups["level"].Value, CultureInfo.InvariantCulture);
        Assert.True(exposure <= ExposureMax, report);
    }

    [Fact]
    public void It_gives_the_server_time_to_drain_and_does_not_try_wrong_settings_again_and_again()
    {
        string[] unit = Repository.Read("deploy", "systemd", "monstera.service").Split('\n');
        Assert.Contains("TimeoutStopSec=60", unit);
        Assert.Contains("KillSignal=SIGTERM", unit);
        Assert.Contains("RestartPreventExitStatus=2", unit);
        Assert.Contains("User=monstera", unit);
        Assert.StartsWith("u monstera ", Repository.Read("deploy", "systemd", "monstera.sysusers.conf").Split('\n')[1], StringComparison.Ordinal);
    }

    /// <summary>The timer starts the unit of its name, which runs as the server does, into a folder that it may write and the server may read.</summary>
    [Fact]
    public async Task Backups_are_made_each_night_where_the_server_looks_for_them()
    {
        string[] unit = Repository.Read("deploy", "systemd", "monstera-backup.service").Split('\n');
        Assert.Contains("ExecStart=/usr/bin/dotnet /opt/monstera/monstera.dll backup", unit);
        Assert.Contains("StateDirectory=monstera monstera-backups", unit);
        Assert.Contains("Monstera__Backups__Folder=/var/lib/monstera-backups", Repository.Read("deploy", "systemd", "monstera.env").Split('\n'));
        string[] server = Repository.Read("deploy", "systemd", "monstera.service").Split('\n');
        string[] confined = [.. server.SkipWhile(line => !line.StartsWith("User=", StringComparison.Ordinal)).TakeWhile(line => line.Length > 0)];
        Assert.True(confined.Length > 20);
        Assert.Superset(confined.ToHashSet(StringComparer.Ordinal), unit.ToHashSet(StringComparer.Ordinal));

        string timer = Repository.Read("deploy", "systemd", "monstera-backup.timer");
        Assert.Contains("\nPersistent=true\n", timer, StringComparison.Ordinal);
        string? systemd = Tool.Find("systemd-analyze");
        Requires.WhereThereIs(systemd is not null, "systemd-analyze is not installed.");
        string when = timer.Split('\n').Single(line => line.StartsWith("OnCalendar=", StringComparison.Ordinal))["OnCalendar=".Length..];
        Assert.Contains("03:00:00 UTC", await Tool.Run(0, systemd!, ["calendar", when]), StringComparison.Ordinal);
    }

    [Fact]
    public void A_server_starts_with_the_settings_that_come_with_it() =>
        DeployedSettings.AssertStarts(
            Repository.Read("deploy", "systemd", "monstera.env").Split('\n').Where(line => line.Contains('=', StringComparison.Ordinal) && !line.StartsWith('#')).ToDictionary(
                line => line[..line.IndexOf('=', StringComparison.Ordinal)], line => line[(line.IndexOf('=', StringComparison.Ordinal) + 1)..], StringComparer.Ordinal),
            DeployedSettings.Imagined);

    [GeneratedRegex(@"Overall exposure level for monstera(-backup)?\.service: (?<level>[0-9.]+)", RegexOptions.ExplicitCapture)]
    private static partial Regex Exposure();
}
