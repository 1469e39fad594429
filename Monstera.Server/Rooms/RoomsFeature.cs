using Monstera.Server.Hosting;

namespace Monstera.Server.Rooms;

/// <summary>The write path and what is built on it.</summary>
public static class RoomsFeature
{
    public static IServiceCollection AddRooms(this IServiceCollection services)
    {
        services.AddSingleton<WriteMeter>();
        services.AddHosted<MembershipIndex>();
        services.AddHosted<RoomWriter>();
        services.AddSingleton<WriteLimiter>();
        services.AddSingleton<RoomActions>();
        services.AddSingleton<RoomReads>();
        services.AddSingleton<ReadMarkers>();
        return services;
    }
}
