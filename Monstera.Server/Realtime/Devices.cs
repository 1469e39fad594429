using System.Threading.Channels;
using Monstera.Data.Ids;
using Monstera.Server.Backplane;
using Monstera.Server.Hosting;
using Monstera.Server.Nodes;
using Monstera.Server.Presence;
using Monstera.Server.Rooms;
using Monstera.Server.Wire;

namespace Monstera.Server.Realtime;

/// <summary>What concerns a user alone is told to all the user's tabs and devices, whichever node they are on: what was read, that the list of rooms changed, the choice of presence.</summary>
public sealed class Devices : BackgroundService
{
    /// <summary>News that wait to be told; the oldest are lost first, as hints may be.</summary>
    private const int NewsMax = 8_192;

    /// <summary>After the backplane was away anybody's list of rooms may have changed. All are told, so many at a time: each reads its list again.</summary>
    private const int ToldAtOnce = 50;
    private static readonly TimeSpan TellEvery = TimeSpan.FromMilliseconds(250);

    private readonly ConnectionRegistry _registry;
    private readonly IBackplane _backplane;
    private readonly TimeProvider _time;
    private readonly Nudge _missed = new();

    // Whoever brings news does not wait until they are written to sockets, and they stay in their order.
    private readonly Channel<News> _news = Channel.CreateBounded<News>(new BoundedChannelOptions(NewsMax) { SingleReader = true, FullMode = BoundedChannelFullMode.DropOldest });

    public Devices(
        ConnectionRegistry registry, IBackplane backplane, ReadMarkers markers, MembershipIndex memberships, IPresence presence, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(backplane);
        ArgumentNullException.ThrowIfNull(markers);
        ArgumentNullException.ThrowIfNull(memberships);
        ArgumentNullException.ThrowIfNull(presence);
        _registry = registry;
        _backplane = backplane;
        _time = time;
        markers.Moved += Read;
        memberships.Changed += RoomsChanged;
        backplane.Told += Take;
        backplane.Missed += Miss;

        // Presence itself brings it to the other nodes.
        presence.ChoiceChanged += (tenant, user, choice) => _news.Writer.TryWrite(new News(tenant, user, SignalFrames.Choice(choice), Except: null));
    }

    public override void Dispose()
    {
        _missed.Dispose();
        base.Dispose();
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.WhenAll(TellNews(stoppingToken), TellRoomsAgain(stoppingToken));

    private async Task TellNews(CancellationToken stoppingToken)
    {
        try
        {
            await foreach (News news in _news.Reader.ReadAllAsync(stoppingToken))
            {
                foreach (ChatConnection device in Of(news.Tenant, news.User))
                {
                    if (device.Id != news.Except)
                    {
                        device.TrySignal(news.Signal);
                    }
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The server stops.
        }
    }

    private async Task TellRoomsAgain(CancellationToken stoppingToken)
    {
        try
        {
            while (true)
            {
                await _missed.Wait(stoppingToken);
                foreach (ChatConnection[] some in _registry.All.Chunk(ToldAtOnce))
                {
                    foreach (ChatConnection connection in some)
                    {
                        connection.SignalRooms();
                    }

                    await Task.Delay(TellEvery, _time, stoppingToken);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The server stops.
        }
    }

    private void Read(ReadSignal read, string? connection)
    {
        NoteRead(read, connection);
        _backplane.Tell(read);
    }

    private void NoteRead(ReadSignal read, string? except) =>
        _news.Writer.TryWrite(new News(read.Tenant, read.User, SignalFrames.Read(read.Room, read.Seq, read.Unread), except));

    private void RoomsChanged(TenantId tenant, UserId user)
    {
        TellRooms(tenant, user);
        _backplane.Tell(new RoomsSignal(tenant, user));
    }

    private void TellRooms(TenantId tenant, UserId user)
    {
        foreach (ChatConnection device in Of(tenant, user))
        {
            device.SignalRooms();
        }
    }

    private void Take(NodeSignal told)
    {
        switch (told)
        {
            case ReadSignal read when Of(read.Tenant, read.User).Any():
                NoteRead(read, except: null);
                break;
            case RoomsSignal rooms:
                TellRooms(rooms.Tenant, rooms.User);
                break;
        }
    }

    private void Miss(int? partition)
    {
        if (partition is null)
        {
            _missed.Give();
        }
    }

    private IEnumerable<ChatConnection> Of(TenantId tenant, UserId user) => _registry.OfUser(user).Where(device => device.Caller.Tenant == tenant);

    private readonly record struct News(TenantId Tenant, UserId User, ReadOnlyMemory<byte> Signal, string? Except);
}
