using System.Globalization;
using System.Text.Json;
using Monstera.Tests.Clients;
using Monstera.Tests.Data.Archive;
using Monstera.Tests.Faults;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Commands;

/// <summary>
/// The rehearsal of docs/disaster.md: the machine is lost, last night's backup is restored onto a fresh node, and clients that were ahead of it come back by themselves, are told so, and bring along
/// what they have. (What a browser shows its user then, RestoredRoomTests has.)
/// </summary>
public sealed class RehearsalTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("monstera-test-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task On_SQLite() => await Rehearse([], []);

    [Fact]
    public async Task On_PostgreSQL()
    {
        using PostgresInstallationUnderTest lost = new(shards: 2), fresh = new(shards: 2);
        await lost.SpreadSlots();
        await fresh.SpreadSlots();
        await Rehearse([("Storage", "postgres"), .. lost.Settings], [("Storage", "postgres"), .. fresh.Settings]);
    }

    private async Task Rehearse((string, string)[] lost, (string, string)[] fresh)
    {
        string backups = Path.Combine(_folder, "backups"), data = Path.Combine(_folder, "data"), other = Path.Combine(_folder, "fresh");
        ServerProcess server = await ServerProcess.Start(data, lost);
        Uri address = server.Address;
        RestClient rest = new(address.GetLeftPart(UriPartial.Authority));
        rest.SignedIn((await rest.Post("/api/setup", new { workspaceName = "Green", userName = "ann", displayName = "Ann", password = RestClient.Password, token = true })).IsStatus(201));
        Guid room = (await rest.Get("/api/rooms")).IsStatus(200).Items.Single().GetProperty("id").GetGuid();
        await using ChatClient writer = new(() => address, () => rest.Token!), reader = new(() => address, () => rest.Token!);
        await writer.Start();
        await reader.Start();
        RoomLog seen = reader.Follow(room);

        // The day, the night's backup as the schedule makes it, the next day, and the machine is lost in the middle of it.
        List<Own> own = [];
        await Write(writer, room, own, 40);
        Assert.Contains("Backed up 1 room", await CommandProcess.Run(0, "backup --keep 3", [.. lost, ("DataFolder", data), ("Backups:Folder", backups)]), StringComparison.Ordinal);
        await Write(writer, room, own, 25);
        await reader.Reach(seen, own[^1].Seq);
        long epoch = seen.Epoch!.Value;
        await server.Kill9();
        await server.DisposeAsync();

        string newest = Assert.Single(Directory.GetDirectories(backups));
        await CommandProcess.Run(0, $"backup verify {newest}");
        long begun = TimeProvider.System.GetTimestamp();
        await CommandProcess.Run(0, $"restore --from {newest}", [.. fresh, ("DataFolder", other)]);
        await using ServerProcess second = await ServerProcess.Start(other, fresh);
        TestContext.Current.TestOutputHelper?.WriteLine($"From the restore to a node that serves: {TimeProvider.System.GetElapsedTime(begun).TotalSeconds:N1} s");
        address = second.Address;

        // Told without asking, on the first resume, and not taken for a gap.
        await reader.Changed.Until(() => seen.Resets > 0, "the reset");
        Assert.Equal((1, 0), (seen.Resets, seen.Gaps));
        Assert.Null(reader.SignedOut);
        RoomLog restored = await LogCheck.Read(address, rest.Token!, room);
        Assert.True(restored.Epoch > epoch);
        Assert.Equal(own.Take(40).Select(one => one.Text), Texts(restored));

        // Whatever it has and the log has not is sent again, all of it with the client ids of then: what the backup has keeps its number, and nothing is there twice.
        foreach ((Own one, int index) in own.Select((one, index) => (one, index)))
        {
            JsonElement answer = await writer.Write("Send", room, ("clientId", one.ClientId), ("text", one.Text));
            Assert.Equal(index < 40 ? one.Seq : restored.Last + 1 + index - 40, answer.Seq());
        }

        RoomLog after = await LogCheck.Read(address, rest.Token!, room);
        Assert.Equal(own.Select(one => one.Text), Texts(after));
        Assert.Equal(restored.Last + 25, after.Last);
        Assert.Empty(writer.Faults.Concat(reader.Faults));
    }

    private static IEnumerable<string> Texts(RoomLog log) => log.Events.Where(e => e.Type == "message.created").Select(e => e.Text!);

    private static async Task Write(ChatClient writer, Guid room, List<Own> own, int count)
    {
        for (int i = 0; i < count; i++)
        {
            string text = string.Create(CultureInfo.InvariantCulture, $"0:{own.Count}");
            Guid id = Guid.NewGuid();
            own.Add(new Own(id, text, (await writer.Write("Send", room, ("clientId", id), ("text", text))).Seq()));
        }
    }

    private sealed record Own(Guid ClientId, string Text, long Seq);
}
