using System.Globalization;
using Monstera.Server.Configuration;
using Monstera.Server.Errors;
using Monstera.Server.Limits;

namespace Monstera.Server.Realtime;

/// <summary>How fast one connection may call: writes and other calls have a bucket each.</summary>
public sealed class CallLimiter(LimitOptions limits, TimeProvider time)
{
    private readonly Lock _gate = new();
    private TokenBucket _writes;
    private TokenBucket _others;

    /// <summary>Null when the call may be made now.</summary>
    public Error? TryTake(bool write)
    {
        Rate rate = write
            ? new Rate(limits.WritesPerSecondPerConnection, limits.WritesBurstPerConnection)
            : new Rate(limits.CallsPerSecondPerConnection, limits.CallsBurstPerConnection);
        long now = time.GetTimestamp();
        bool taken;
        int retryAfterMs;
        lock (_gate)
        {
            taken = write ? _writes.TryTake(rate, time, now, out retryAfterMs) : _others.TryTake(rate, time, now, out retryAfterMs);
        }

        return taken
            ? null
            : new Error(
                ErrorCode.RateLimited,
                string.Create(CultureInfo.InvariantCulture, $"Slow down: at most {rate.PerSecond} {(write ? "writes" : "calls")} a second on a connection."),
                retryAfterMs);
    }
}
