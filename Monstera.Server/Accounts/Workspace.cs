using System.Reflection;
using Monstera.Data;
using Monstera.Data.Directory;
using Monstera.Data.Ids;
using Monstera.Server.Errors;
using Monstera.Server.Rooms;

namespace Monstera.Server.Accounts;

/// <summary>The tenant of browsers, and the room that its people begin in.</summary>
internal sealed partial class Workspace(IDirectory directory, RoomActions rooms, TimeProvider time, ILogger<Workspace> log)
{
    private Tenant? _first;

    /// <summary>The server's version, without the commit that the build appends.</summary>
    public static string Version { get; } =
        typeof(Workspace).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "0";

    /// <summary>Its id, which never changes once it is there.</summary>
    public async ValueTask<TenantId> Id(CancellationToken cancel) =>
        (_first ??= await directory.EnsureTenant(Tenant.DefaultKey, time.GetUtcNow(), cancel)).Id;

    /// <summary>Its present state.</summary>
    public async ValueTask<Tenant> Read(CancellationToken cancel) =>
        await directory.FindTenant(await Id(cancel), cancel) ?? throw new StorageUnavailableException("The workspace is gone from the directory.");

    /// <summary>
    /// Makes the first room. What fails here is made good when the owner signs in again, so that a set-up that was cut in the middle is no dead end.
    /// </summary>
    public async Task EnsureDefaultRoom(User owner, bool japanese)
    {
        try
        {
            Result<RoomId> room = await rooms.CreateFirst(owner.Tenant, owner.Id, japanese ? "雑談" : "general");
            if (room.Error is { } error)
            {
                LogNoDefaultRoom(log, null, error.Code);
                return;
            }

            await directory.SetDefaultRoom(owner.Tenant, room.Value, CancellationToken.None);
        }
        catch (StorageUnavailableException e)
        {
            LogNoDefaultRoom(log, e, ErrorCode.Unavailable);
        }
    }

    /// <summary>Makes a new account a member of the first room. The account stands without it too: it can join by itself.</summary>
    public async Task JoinDefaultRoom(User user)
    {
        try
        {
            Tenant? tenant = await directory.FindTenant(user.Tenant, CancellationToken.None);
            if (tenant?.DefaultRoom is { } room && await rooms.JoinFirst(user.Tenant, user.Id, room) is { Error: { } error })
            {
                LogNotJoined(log, null, error.Code);
            }
        }
        catch (StorageUnavailableException e)
        {
            LogNotJoined(log, e, ErrorCode.Unavailable);
        }
    }

    [LoggerMessage(2020, LogLevel.Warning, "The first room could not be made ({Code}); it is tried again when the owner signs in.")]
    private static partial void LogNoDefaultRoom(ILogger logger, Exception? exception, ErrorCode code);

    [LoggerMessage(2021, LogLevel.Warning, "A new account could not be made a member of the first room ({Code}).")]
    private static partial void LogNotJoined(ILogger logger, Exception? exception, ErrorCode code);
}
