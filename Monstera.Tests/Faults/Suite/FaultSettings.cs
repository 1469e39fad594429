using System.Globalization;

namespace Monstera.Tests.Faults.Suite;

/// <summary>How long and how hard. Without anything said: every kind of fault once, always the same, at a pace that leaves the machine some air.</summary>
/// <param name="Length">Goes on for so long, with messages as fast as they are acknowledged; null: one round.</param>
/// <param name="Only">No other kind of fault than this; null: all.</param>
/// <param name="ReportFile">Where the report goes beside the tests' output; null: nowhere.</param>
internal sealed record FaultSettings(int Seed, TimeSpan? Length, int Members, FaultKind? Only, string? ReportFile)
{
    public const int Nodes = 3;
    private const int SeedUnlessSaid = 20_261_121;
    private const int MembersUnlessSaid = 200;
    private const int MembersMin = 20;

    public TimeSpan PauseMax => Length is null ? TimeSpan.FromMilliseconds(600) : TimeSpan.Zero;

    public TimeSpan HoldMin => TimeSpan.FromSeconds(0.5);

    public TimeSpan HoldMax => Length is null ? TimeSpan.FromSeconds(1) : TimeSpan.FromSeconds(12);

    /// <summary>Between two faults.</summary>
    public TimeSpan Rest => Length is null ? TimeSpan.Zero : TimeSpan.FromSeconds(2);

    /// <summary>From <c>MONSTERA_FAULTS_SEED</c>, <c>_MINUTES</c>, <c>_CLIENTS</c>, <c>_ONLY</c> and <c>_REPORT</c>.</summary>
    public static FaultSettings FromEnvironment() => new(
        Number("SEED") is { } seed ? (int)seed : SeedUnlessSaid,
        Number("MINUTES") is { } minutes ? TimeSpan.FromMinutes(minutes) : null,
        Math.Max(MembersMin, (int?)Number("CLIENTS") ?? MembersUnlessSaid),
        Text("ONLY") is { } kind ? Enum.Parse<FaultKind>(kind) : null,
        Text("REPORT"));

    private static double? Number(string name) => Text(name) is { } text ? double.Parse(text, CultureInfo.InvariantCulture) : null;

    private static string? Text(string name) => Environment.GetEnvironmentVariable("MONSTERA_FAULTS_" + name) is { Length: > 0 } text ? text : null;
}
