using System.Globalization;
using Monstera.Data.Postgres.Slots;
using Spectre.Console;

namespace Monstera.Server.Commands.Shards;

/// <summary><c>monstera shards verify</c>.</summary>
internal static class ShardsVerify
{
    private const int Wrong = 1;

    public static async Task<int> Run(ShardsSession session, short? only, CancellationToken cancel)
    {
        if (only is { } number)
        {
            session.Require(number);
        }

        foreach ((short shard, string why) in session.Away)
        {
            await Console.Error.WriteLineAsync($"monstera: shard {shard}: {why}");
        }

        ShardsReport report = Console.IsOutputRedirected
            ? await Verifier(session, _ => { }).Verify(only, cancel)
            : await AnsiConsole.Status().StartAsync("Comparing the map", status => Verifier(session, line => status.Status = Markup.Escape(line)).Verify(only, cancel));
        foreach (string problem in report.Problems)
        {
            Console.WriteLine($"Wrong: {problem}");
        }

        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"Checked 4,096 slots, {report.RoomsChecked:#,0} rooms and {report.EventsChecked:#,0} events: {(report.Problems.Count == 0 ? "all is well." : $"{report.Problems.Count} problems.")}"));
        return report.Problems.Count == 0 ? 0 : Wrong;
    }

    private static ShardsVerifier Verifier(ShardsSession session, Action<string> say) => new(session.Directory, session.Shards)
    {
        Progress = (rooms, events, ofShard, shard) => say(string.Create(CultureInfo.InvariantCulture, $"{shard} has {ofShard:#,0} rooms; {rooms:#,0} rooms and {events:#,0} events compared so far")),
    };
}
