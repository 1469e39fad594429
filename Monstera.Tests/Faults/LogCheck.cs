using System.Text.Json;
using Monstera.Tests.Clients;

namespace Monstera.Tests.Faults;

/// <summary>What was acknowledged to one writer, to be held against the log. Every text is of one message only.</summary>
internal sealed record Acknowledged(Guid Sender, string Text, long Seq);

/// <summary>The promise, checked: every acknowledged message exactly once at the seq that was acknowledged, no message twice, no gap, each sender's order kept.</summary>
internal static class LogCheck
{
    /// <summary>Reads the whole log anew, over a connection of its own.</summary>
    public static async Task<RoomLog> Read(Uri server, string token, Guid room)
    {
        await using ChatClient reader = new(() => server, () => token);
        await reader.Start();
        RoomLog log = reader.Follow(room);
        await reader.Changed.Until(() => log.Live || log.Error is not null, "the whole log");
        Assert.Null(log.Error);
        Assert.Empty(reader.Faults);
        Assert.Equal(Enumerable.Range(1, log.Events.Count).Select(seq => (long)seq), log.Events.Select(e => e.Seq));
        return log;
    }

    public static void Holds(RoomLog log, IReadOnlyCollection<Acknowledged> acknowledged)
    {
        HashSet<(Guid, Guid)> clientIds = [];
        Assert.All(log.Events.Where(e => e.ClientId is not null), e => Assert.True(clientIds.Add((e.Sender, e.ClientId!.Value)), $"Twice in the log: {e.Raw}"));
        Dictionary<string, SeenEvent> byText = [];
        foreach (SeenEvent e in log.Events.Where(e => e.Type == "message.created"))
        {
            Assert.True(byText.TryAdd(e.Text!, e), $"Twice in the log: {e.Raw}");
        }

        foreach (Acknowledged one in acknowledged)
        {
            Assert.True(byText.TryGetValue(one.Text, out SeenEvent? stored), $"Acknowledged at {one.Seq} and lost: {one.Text}");
            Assert.Equal((one.Seq, one.Sender), (stored.Seq, stored.Sender));
        }
    }

    /// <summary>Texts of the form "3:17": the third writer's seventeenth. They stand in the log as they were sent.</summary>
    public static void KeepsOrder(RoomLog log)
    {
        foreach (IGrouping<Guid, SeenEvent> ofSender in log.Events.Where(e => e.Type == "message.created" && e.Text!.Contains(':', StringComparison.Ordinal)).GroupBy(e => e.Sender))
        {
            int[] numbers = [.. ofSender.Select(e => int.Parse(e.Text![(e.Text!.IndexOf(':', StringComparison.Ordinal) + 1)..], System.Globalization.CultureInfo.InvariantCulture))];
            Assert.Equal(numbers.Order(), numbers);
        }
    }

    /// <summary>A client's view from its cursor on is the log, word for word.</summary>
    public static void Same(RoomLog log, RoomLog view)
    {
        Assert.Equal(log.Last, view.Last);
        Assert.Equal(log.Events.Skip((int)view.From).Select(e => Canonical(e.Raw)), view.Events.Select(e => Canonical(e.Raw)));
    }

    private static string Canonical(string json)
    {
        using JsonDocument document = JsonDocument.Parse(json);
        return string.Join(',', document.RootElement.EnumerateObject().OrderBy(field => field.Name, StringComparer.Ordinal).Select(field => $"{field.Name}={field.Value.GetRawText()}"));
    }
}
