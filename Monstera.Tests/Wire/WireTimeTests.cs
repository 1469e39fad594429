using System.Globalization;
using System.Text;
using Monstera.Server.Wire;

namespace Monstera.Tests.Wire;

public sealed class WireTimeTests
{
    [Fact]
    public void Each_time_is_its_own_whatever_was_written_before()
    {
        string[] times =
        [
            "0001-01-01T00:00:00.000Z", "2026-11-21T10:02:03.456Z", "2026-11-21T10:02:03.457Z", "2026-11-21T10:02:03.456Z", "9999-12-31T23:59:59.999Z", "0001-01-01T00:00:00.000Z",
        ];
        foreach (string expected in times)
        {
            DateTimeOffset time = DateTimeOffset.Parse(expected, CultureInfo.InvariantCulture);
            Assert.Equal(expected, Written(time));

            // Finer than a millisecond, and elsewhere.
            Assert.Equal(expected, Written(time.AddTicks(time == DateTimeOffset.MaxValue ? 0 : 9_999)));
            Assert.Equal(expected, time.Year is 1 or 9999 ? expected : Written(time.ToOffset(TimeSpan.FromHours(9))));
        }
    }

    [Fact]
    public void Too_little_room_is_an_error() =>
        Assert.Throws<ArgumentException>(() => WireTime.Format(DateTimeOffset.UnixEpoch, new byte[23]));

    private static string Written(DateTimeOffset time)
    {
        byte[] utf8 = new byte[WireTime.Length];
        WireTime.Format(time, utf8);
        return Encoding.ASCII.GetString(utf8);
    }
}
