using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;
using Monstera.Server.Configuration;
using Monstera.Server.Errors;
using Monstera.Server.Realtime;
using Monstera.Server.Realtime.Hub;
using Monstera.Server.Rooms;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Tidy;

/// <summary>The numbers that docs/protocol.md names are those of the code.</summary>
public sealed partial class ProtocolNumbersTests
{
    private static readonly string Protocol = Read();

    [Fact]
    public void Each_error_code_has_the_status_of_the_table() =>
        Assert.All(Enum.GetValues<ErrorCode>(), code =>
        {
            Match row = StatusRow().Matches(Protocol).Single(match => match.Groups["code"].Value == ErrorTable.NameOf(code));

            // The code's own status comes first. The one other is HTTP's: a method that an address does not have is 405, with Allow.
            int[] expected = code == ErrorCode.UnknownMethod ? [ErrorTable.StatusOf(code), StatusCodes.Status405MethodNotAllowed] : [ErrorTable.StatusOf(code)];
            Assert.Equal(expected, row.Groups["status"].Value.Split(", ").Select(status => int.Parse(status, CultureInfo.InvariantCulture)));
        });

    [Fact]
    public void The_limits_are_those_in_force_by_default()
    {
        LimitOptions limits = new();
        RealtimeOptions realtime = new();
        string[] sentences =
        [
            Say($"| {limits.WritesPerSecondPerConnection} a second, {limits.WritesBurstPerConnection} at once / {limits.WritesPerSecondPerUser} a second, {limits.WritesBurstPerUser} at once |"),
            Say($"| {limits.CallsPerSecondPerConnection} a second, {limits.CallsBurstPerConnection} at once |"),
            Say($"| connections of a user | {limits.ConnectionsPerUser} |"),
            Say($"| connections of an address | {limits.ConnectionsPerAddress:N0} |"),
            Say($"| connections that are let in | {realtime.UpgradesPerSecond:N0} a second, {realtime.UpgradesBurst:N0} at once |"),
            Say($"| calls in flight on a connection | {Greeting.CallsInFlightMax} |"),
            Say($"| {Resumption.RoomsMax} / {Resumption.SubscriptionsMax:N0} |"),
            Say($"At most {OpenRooms.PerConnectionMax} rooms are open on a connection"),
            Say($"| text of a message | 1–{TextRules.MessageCharsMax:N0}"),
            Say($"| room name / topic | 1–{TextRules.RoomNameCharsMax} / 0–{TextRules.TopicCharsMax} |"),
            Say($"A connection that does not say `Hello` within {realtime.HelloTimeoutSeconds} s is closed."),
            Say($"A connection to which nothing can be written for {realtime.SendTimeoutSeconds} s is cut."),
            Say($"has sent nothing for {realtime.KeepAliveSeconds} s, and gives up on the other after {realtime.ClientTimeoutSeconds} s of silence"),
        ];

        Assert.Equal(64 * 1024, Greeting.FrameBytesMax);
        Assert.All(sentences, sentence => Assert.Contains(sentence, Protocol, StringComparison.Ordinal));
    }

    private static string Say(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static string Read() => Repository.Read("docs", "protocol.md");

    [GeneratedRegex(@"^\| `(?<code>[a-z_]+)` \| (?<status>\d{3}(?:, \d{3})*) \|", RegexOptions.Multiline | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex StatusRow();
}
