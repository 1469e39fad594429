using System.Text.Json;
using Monstera.Tests.Clients;

namespace Monstera.Tests.Faults.Suite;

/// <summary>Who is here, as the members of a room are told: everybody who is connected and nobody else.</summary>
internal static class PresenceCheck
{
    private static readonly TimeSpan Every = TimeSpan.FromMilliseconds(250);

    /// <summary>Asks every connected member until all are told the truth.</summary>
    /// <returns>How long it took; null and what is wrong: longer than the patience.</returns>
    public static async Task<(TimeSpan? Took, string? Wrong)> Run(Population population, IReadOnlySet<int> gone, TimeSpan patience)
    {
        long begun = TimeProvider.System.GetTimestamp();
        using PeriodicTimer timer = new(Every, TimeProvider.System);
        Queue<Member> waiting = new(population.Members.Where(member => !gone.Contains(member.Index)));
        while (waiting.TryPeek(out Member? member))
        {
            PopulationRoom room = population.Rooms[member.Rooms[0].Room];
            HashSet<Guid> expected = [.. room.Members.Where(other => !gone.Contains(other.Index)).Select(other => other.User)];
            string? wrong = await Ask(member, room, expected);
            if (wrong is null)
            {
                waiting.Dequeue();
                continue;
            }

            if (TimeProvider.System.GetElapsedTime(begun) > patience)
            {
                return (null, $"member {member.Index} in room {room.Index}: {wrong}");
            }

            await timer.WaitForNextTickAsync();
        }

        return (TimeProvider.System.GetElapsedTime(begun), null);
    }

    private static async Task<string?> Ask(Member member, PopulationRoom room, HashSet<Guid> expected)
    {
        try
        {
            HubSocket hub = member.Hub ?? throw new ConnectionLostException(member.LastError);
            JsonElement open = await hub.Call("Open", new { room = room.Id });
            await hub.Call("Close", new { room = room.Id });
            if (open.Code() is { } code)
            {
                return code;
            }

            HashSet<Guid> told = [.. open.GetProperty("online").EnumerateArray().Select(user => user.GetGuid())];
            return told.SetEquals(expected) ? null : $"{told.Count} are said to be here, {expected.Count} are; {told.Except(expected).Count()} of those who are said to be here are not";
        }
        catch (ConnectionLostException e)
        {
            return e.Message;
        }
    }
}
