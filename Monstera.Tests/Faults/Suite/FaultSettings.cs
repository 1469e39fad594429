using System.Globalization;

namespace Monstera.Tests.Faults.Suite;

/// <summary>How long and how hard. Without anything said: every kind of fault once, always the same, at a pace that leaves the machine some air.</summary>
/// <param name="Length">Goes on for so long, with messages as fast as they are acknowledged; null: one round.</param>
/// <param name="Only">No other kinds of faults than these; empty: all.</param>
/// <param name="ReportFile">Where the report goes beside the tests' output, and under the same name with <c>.node0</c> … what the nodes said; null: nowhere.</param>
internal sealed record FaultSettings(int Seed, TimeSpan? Length, int Members, IReadOnlyList<FaultKind> Only, string? ReportFile)
{
    public const int Nodes = 3;
    /// <summary>With it a node is killed while a shard is away, and Redis is cut while slots move.</summary>
    public const int SeedUnlessSaid = 20_261_660;

    private const int MembersUnlessSaid = 200;
    private const int MembersMin = 20;

    /// <summary>With two faults at once, which follow the first round even when nothing is said.</summary>
    private const int PairsMin = 2;

    /// <summary>So many at least: each kind alone, and then some with another.</summary>
    public int StepsMin => (Only.Count == 0 ? Enum.GetValues<FaultKind>().Length : Only.Count) + PairsMin;

    public TimeSpan PauseMax => Length is null ? TimeSpan.FromMilliseconds(600) : TimeSpan.Zero;

    /// <summary>
    /// The longest that a client waits before it connects again, until it has failed for a minute. By rule 6 of docs/protocol.md section 9 it is 5 s; a short run has the same rule with a lower end.
    /// </summary>
    public TimeSpan BackoffMax => TimeSpan.FromSeconds(Length is null ? 3 : 5);

    public TimeSpan HoldMin => TimeSpan.FromSeconds(0.5);

    public TimeSpan HoldMax => Length is null ? TimeSpan.FromSeconds(1) : TimeSpan.FromSeconds(12);

    /// <summary>Between two faults.</summary>
    public TimeSpan Rest => Length is null ? TimeSpan.Zero : TimeSpan.FromSeconds(2);

    /// <summary>From <c>MONSTERA_FAULTS_SEED</c>, <c>_MINUTES</c>, <c>_CLIENTS</c>, <c>_ONLY</c> and <c>_REPORT</c>.</summary>
    public static FaultSettings FromEnvironment() => new(
        Number("SEED") is { } seed ? (int)seed : SeedUnlessSaid,
        Number("MINUTES") is { } minutes ? TimeSpan.FromMinutes(minutes) : null,
        Math.Max(MembersMin, (int?)Number("CLIENTS") ?? MembersUnlessSaid),
        [.. (Text("ONLY") ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries).Select(Enum.Parse<FaultKind>)],
        Text("REPORT"));

    private static double? Number(string name) => Text(name) is { } text ? double.Parse(text, CultureInfo.InvariantCulture) : null;

    private static string? Text(string name) => Environment.GetEnvironmentVariable("MONSTERA_FAULTS_" + name) is { Length: > 0 } text ? text : null;
}
