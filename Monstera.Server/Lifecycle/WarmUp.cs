using Monstera.Data;
using Monstera.Data.Directory;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;

namespace Monstera.Server.Lifecycle;

/// <summary>
/// Asks the storage, before the server listens, what everybody asks who connects. A process does everything slowly the first time (models are built, code is compiled, connections are made), and a
/// node that comes back in a rolling upgrade is at once sent all who come: they would wait for seconds.
/// </summary>
/// <remarks>Nobody and nothing is asked for by these ids, so nothing is found or changed.</remarks>
internal sealed partial class WarmUp(IDirectory directory, IRoomStore store, TimeProvider time, ILogger<WarmUp> log) : IHostedService
{
    private const int HashBytes = 32;

    /// <summary>Then it starts cold.</summary>
    private static readonly TimeSpan AtMost = TimeSpan.FromSeconds(5);

    private readonly TenantId _tenant = new(Guid.CreateVersion7());
    private readonly UserId _user = new(Guid.CreateVersion7());
    private readonly RoomId _room = new(Guid.CreateVersion7());

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        try
        {
            await Task.Run(() => Ask(cancellationToken), cancellationToken).WaitAsync(AtMost, time, cancellationToken);
        }
        catch (Exception e) when (e is StorageUnavailableException or TimeoutException)
        {
            LogCold(log, e);
        }
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private async Task Ask(CancellationToken cancel)
    {
        DateTimeOffset now = time.GetUtcNow();
        await directory.FindSession(new byte[HashBytes], now, cancel);
        await directory.FindTenant(_tenant, cancel);
        await directory.FindUser(_tenant, _user, cancel);
        await directory.FindUsers(_tenant, [_user], cancel);
        await directory.ReadSessions(_tenant, _user, now, cancel);
        await directory.ReadRooms(_tenant, _user, null, 1, cancel);
        await directory.FindRoom(_tenant, _user, _room, cancel);
        await store.Summarize(_tenant, _user, [new ReadMarker(_room, 0)], cancel);
        await store.ReadAfter(_tenant, _room, _user, 0, 1, 1, cancel);
        await store.FindMembers(_tenant, _room, [_user], cancel);
        SendMessage refused = new("nobody is here") { Tenant = _tenant, Room = _room, Sender = _user, ClientId = new ClientId(Guid.CreateVersion7()) };
        await store.Append([refused], now, cancel);
    }

    [LoggerMessage(1403, LogLevel.Warning, "The storage did not answer while the server was starting; the first who connect wait longer")]
    private static partial void LogCold(ILogger logger, Exception exception);
}
