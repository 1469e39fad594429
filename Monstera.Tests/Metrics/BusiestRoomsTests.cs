using System.Diagnostics.Metrics;
using Monstera.Data.Ids;
using Monstera.Server.Rooms;
using Monstera.Tests.Clients;

namespace Monstera.Tests.Metrics;

/// <summary>Messages by room: few series, none of which goes back, and nothing is lost between them.</summary>
public sealed class BusiestRoomsTests
{
    private static readonly DateTimeOffset Start = new(2026, 3, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly FakeTime _time = new(Start);
    private readonly RoomId[] _rooms = [.. Enumerable.Range(0, 200).Select(_ => RoomId.New(Start))];

    [Fact]
    public void The_first_rooms_get_a_name_and_the_rest_are_others()
    {
        BusiestRooms rooms = new(2, _time);
        Count(rooms, (0, 1), (1, 2), (2, 4), (0, 8));
        Shows(rooms, ("other", 4), (Name(0), 9), (Name(1), 2));
    }

    [Fact]
    public void Each_minute_the_names_go_to_the_busiest_and_series_rest_where_they_were()
    {
        BusiestRooms rooms = new(2, _time);
        Count(rooms, (0, 1), (1, 2), (2, 4), (3, 3));
        _time.Advance(TimeSpan.FromSeconds(59));
        Assert.Equal(3, Read(rooms).Count);
        _time.Advance(TimeSpan.FromSeconds(1));
        Read(rooms);
        Count(rooms, (0, 10), (1, 10), (2, 10), (3, 10));
        Shows(rooms, ("other", 27), (Name(0), 1), (Name(1), 2), (Name(2), 10), (Name(3), 10));

        // Busy again: on from where it was. Of those that are equally busy who has a name keeps it.
        Count(rooms, (0, 5));
        _time.Advance(TimeSpan.FromMinutes(1));
        Read(rooms);
        Count(rooms, (0, 1), (2, 1), (3, 1));
        Shows(rooms, ("other", 33), (Name(0), 2), (Name(1), 2), (Name(2), 11), (Name(3), 10));
    }

    [Fact]
    public void However_rooms_come_and_go_series_are_few_none_goes_back_and_all_is_counted()
    {
        BusiestRooms rooms = new(3, _time);
        Random random = new(7);
        Dictionary<string, long> before = new(StringComparer.Ordinal);
        long all = 0;
        for (int minute = 0; minute < 300; minute++)
        {
            for (int i = 0; i < 20; i++)
            {
                int messages = random.Next(1, 50);
                rooms.Count(_rooms[random.Next(_rooms.Length)], messages);
                all += messages;
            }

            Dictionary<string, long> now = Read(rooms);
            Assert.InRange(now.Count, 1, 1 + 3 + (3 * 4));
            foreach ((string room, long count) in now)
            {
                // Also those that were not shown for a while.
                Assert.True(count >= before.GetValueOrDefault(room), $"{room} went back from {before.GetValueOrDefault(room)} to {count} in minute {minute}.");
                before[room] = count;
            }

            Assert.Equal(all, before.Values.Sum());
            _time.Advance(TimeSpan.FromMinutes(1));
        }
    }

    [Fact]
    public void Without_names_all_are_others()
    {
        BusiestRooms rooms = new(0, _time);
        Count(rooms, (0, 1), (1, 2));
        _time.Advance(TimeSpan.FromMinutes(1));
        Read(rooms);
        Count(rooms, (0, 1));
        Shows(rooms, ("other", 4));
    }

    private static void Shows(BusiestRooms rooms, params (string Room, long Messages)[] expected) => Assert.Equal(
        expected.OrderBy(one => one.Room, StringComparer.Ordinal),
        Read(rooms).Select(one => (one.Key, one.Value)).OrderBy(one => one.Key, StringComparer.Ordinal));

    private static Dictionary<string, long> Read(BusiestRooms rooms)
    {
        IReadOnlyList<Measurement<long>> measured = rooms.Read(new("server_id", "a"));
        return measured.ToDictionary(one => (string)one.Tags.ToArray().Single(tag => tag.Key == "room").Value!, one => one.Value, StringComparer.Ordinal);
    }

    private void Count(BusiestRooms rooms, params (int Room, int Messages)[] counts)
    {
        foreach ((int room, int messages) in counts)
        {
            rooms.Count(_rooms[room], messages);
        }
    }

    private string Name(int room) => _rooms[room].ToString();
}
