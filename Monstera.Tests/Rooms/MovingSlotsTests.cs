using System.Collections.Concurrent;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Monstera.Server.Configuration;
using Monstera.Server.Errors;
using Monstera.Server.Rooms;
using Monstera.Tests.Data.Sharding;
using static Monstera.Tests.Data.Postgres.PostgresDesk;

namespace Monstera.Tests.Rooms;

/// <summary>People write while slots go to and fro between two real shards, on two servers, one of which always hears of it last.</summary>
public sealed class MovingSlotsTests : IDisposable
{
    private const int Senders = 8, Moves = 6, InFlight = 8, MessagesMin = 40;

    private readonly ThreeShards _shards = new();

    public void Dispose() => _shards.Dispose();

    [Fact]
    public async Task Every_message_is_written_once_in_the_order_of_its_sender_and_answered_once()
    {
        RoomId[] rooms = [ThreeShards.RoomIn(0), ThreeShards.RoomIn(0, 1), ThreeShards.RoomIn(1)];
        UserId[] people = [.. Enumerable.Range(0, Senders).Select(i => new UserId(Id(100 + i)))];
        await _shards.Store.Append([.. rooms.Select(room => Create(room, people))], Now, Cancel);
        HeldMap held = null!;
        IRoomStore[] nodes = [_shards.Store, await _shards.OpenNode(map => held = new HeldMap(map))];
        MembershipIndex[] indexes = [.. nodes.Select(store => new MembershipIndex(store, _shards.Directory, TimeProvider.System, NullLogger<MembershipIndex>.Instance))];
        RoomWriter[] writers = [.. nodes.Select((store, i) =>
            new RoomWriter(store, indexes[i], Options.Create(new MonsteraOptions()), new SlowClock(), NullLogger<RoomWriter>.Instance))];
        foreach (RoomWriter writer in writers)
        {
            await writer.StartAsync(Cancel);
        }

        bool enough = false;
        ConcurrentQueue<(RoomId Room, UserId Sender, string Text, long Seq)> acknowledged = [];
        Task[] writing = [.. people.Select((person, i) => Task.Run(() => WriteOn(writers[i % 2], person, rooms, () => Volatile.Read(ref enough), acknowledged), Cancel))];
        for (int i = 0; i < Moves; i++)
        {
            int before = acknowledged.Count;
            held.IsHeld = true;
            await _shards.Move(Slot.Of(rooms[i % 2]), i / 2 % 2, 1 - (i / 2 % 2));
            held.IsHeld = false;
            await Clients.Signal.Poll(() => acknowledged.Count > before + MessagesMin, "messages after a move");
        }

        Volatile.Write(ref enough, true);
        await Task.WhenAll(writing).WaitAsync(Clients.Signal.Patience);
        foreach (RoomId room in rooms)
        {
            IReadOnlyList<RoomEvent> log = await _shards.Store.Log(room);
            Assert.Equal(Enumerable.Range(1, log.Count).Select(n => (long)n), log.Select(e => e.Seq));
            RoomEvent[] messages = [.. log.Where(e => e.Type == EventType.MessageCreated)];
            Assert.Equal(
                messages.Select(e => (e.Room, e.Sender, e.Text!, e.Seq)), acknowledged.Where(a => a.Room == room).OrderBy(a => a.Seq));
            Assert.All(messages.GroupBy(e => e.Sender), own => Assert.Equal(own.Select(e => int.Parse(e.Text!, null)).Order(), own.Select(e => int.Parse(e.Text!, null))));
        }

        foreach (RoomWriter writer in writers)
        {
            await writer.StopAsync(Cancel);
            writer.Dispose();
        }

        Array.ForEach(indexes, index => index.Dispose());
    }

    /// <summary>As a connection does: one after another, without waiting for the answers.</summary>
    private static async Task WriteOn(
        RoomWriter writer, UserId person, RoomId[] rooms, Func<bool> isEnough, ConcurrentQueue<(RoomId Room, UserId Sender, string Text, long Seq)> acknowledged)
    {
        using SemaphoreSlim free = new(InFlight);
        for (int i = 0; !isEnough(); i++)
        {
            await free.WaitAsync(Cancel);
            RoomId room = rooms[i % rooms.Length];
            SendMessage draft = new($"{i}", null) { Tenant = Tenant, Room = room, Sender = person, ClientId = new ClientId(Guid.NewGuid()) };
            _ = Note(writer.Write(draft), room, draft.Text);
        }

        for (int i = 0; i < InFlight; i++)
        {
            await free.WaitAsync(Cancel);
        }

        async Task Note(Task<Result<AppendOutcome>> write, RoomId room, string text)
        {
            Result<AppendOutcome> answer = await write;

            // No move took so long that anybody had to be told.
            acknowledged.Enqueue((room, person, text, answer.Error is null ? answer.Value!.Seq : -1));
            free.Release();
        }
    }

    /// <summary>Goes a tenth as fast, but for its timers: a machine that is busy with other things makes no draft wait for too long.</summary>
    private sealed class SlowClock : TimeProvider
    {
        public override long GetTimestamp() => System.GetTimestamp() / 10;
    }
}
