using System.Text.Json;
using Monstera.Tests.Clients;

namespace Monstera.Tests.Faults;

/// <summary>A server that cannot run says why in a line, and with an exit code that says whose fault it is.</summary>
public sealed class StartTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("monstera-test-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_data_folder_that_is_a_file_is_refused()
    {
        string file = Path.Combine(_folder, "a file");
        await File.WriteAllTextAsync(file, "not a folder");

        (int exitCode, string error) = await ServerProcess.Fail(file);

        Assert.Equal(1, exitCode);
        Assert.Contains(file, error, StringComparison.Ordinal);
        KillTests.AssertOneLine(error);
    }

    [Fact]
    public async Task A_data_folder_that_cannot_be_made_is_refused()
    {
        Requires.Unix("/proc");

        // Not even root makes folders there.
        (int exitCode, string error) = await ServerProcess.Fail("/proc/monstera");

        Assert.Equal(1, exitCode);
        Assert.Contains("/proc/monstera", error, StringComparison.Ordinal);
        KillTests.AssertOneLine(error);
    }

    [Fact]
    public async Task A_database_that_is_none_is_refused()
    {
        await File.WriteAllTextAsync(Path.Combine(_folder, "monstera.db"), new string('x', 10_000));

        (int exitCode, string error) = await ServerProcess.Fail(_folder);

        Assert.Equal(1, exitCode);
        Assert.Contains(_folder, error, StringComparison.Ordinal);
        KillTests.AssertOneLine(error);
    }

    [Theory]
    [InlineData("Limits:WriteBatchMax", "0")]
    [InlineData("Limits:WriteBatchMax", "many")]
    [InlineData("Realtime:SendBufferBytes", "1")]
    [InlineData("Sessions:Days", "-1")]
    [InlineData("Registration", "everybody")]
    [InlineData("AllowedOrigins:0", "chat.example.org/path")]
    public async Task A_wrong_setting_is_named_with_its_value(string key, string value)
    {
        (int exitCode, string error) = await ServerProcess.Fail(_folder, (key, value));

        Assert.Equal(2, exitCode);
        Assert.Contains("Monstera:" + key, error, StringComparison.Ordinal);
        Assert.Contains(value, error, StringComparison.Ordinal);
        KillTests.AssertOneLine(error);
    }

    [Fact]
    public async Task A_secret_that_is_too_short_is_not_shown()
    {
        (int exitCode, string error) = await ServerProcess.Fail(_folder, ("ConnectionTokens:Secret", "hush hush"));

        Assert.Equal(2, exitCode);
        Assert.Contains("ConnectionTokens:Secret", error, StringComparison.Ordinal);
        Assert.DoesNotContain("hush", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task On_a_full_disk_sends_are_refused_reads_go_on_and_afterwards_all_is_well()
    {
        await using SmallDisk disk = await SmallDisk.Mount(megabytes: 6);
        await using ServerProcess server = await ServerProcess.Start(
            disk.Folder, ("Limits:WritesPerSecondPerConnection", "0"), ("Limits:WritesPerSecondPerUser", "0"), ("Limits:CallsPerSecondPerConnection", "0"));
        await using HubSocket hub = await HubSocket.Connect(server.Address, Tokens.For("aoi", "general"));
        Guid room = Tokens.RoomOf((await hub.Hello()).GetProperty("tenant").GetProperty("id").GetGuid(), "general");
        string ballast = Path.Combine(disk.Folder, "ballast");
        await File.WriteAllBytesAsync(ballast, new byte[3 * 1024 * 1024]);

        // 1. Until it is full.
        List<Acknowledged> acknowledged = [];
        List<(Guid ClientId, string Text)> refused = [];
        for (int i = 0; refused.Count < 20; i++)
        {
            Assert.True(i < 5_000, "The disk never filled.");
            (Guid clientId, string text) = (Guid.NewGuid(), $"0:{i} " + new string('x', 4_000));
            JsonElement answer = await hub.Send(room, text, clientId);
            if (answer.Code() is null)
            {
                Assert.Empty(refused);
                acknowledged.Add(new Acknowledged(default, text, answer.Seq()));
            }
            else
            {
                Assert.Equal("unavailable", answer.Code());
                Assert.True(answer.RetryAfterMs() > 0);
                refused.Add((clientId, text));
            }
        }

        // 2. Reads go on.
        Assert.Equal(acknowledged[^1].Seq, (await hub.Resume(room)).GetProperty("head").GetInt64());
        Assert.Null((await hub.Call("Rooms", new { })).Code());
        Assert.True(server.IsRunning);

        // 3. With space again, what was in doubt is sent again.
        File.Delete(ballast);
        foreach ((Guid clientId, string text) in refused)
        {
            acknowledged.Add(new Acknowledged(default, text, (await hub.Send(room, text, clientId)).Seq()));
        }

        RoomLog log = await LogCheck.Read(server.Address, Tokens.For("aoi", "general"), room);
        LogCheck.Holds(log, [.. acknowledged.Select(one => one with { Sender = log.Events[0].Sender })]);
        Assert.Equal(acknowledged.Count, log.Events.Count(e => e.Type == "message.created"));
    }
}
