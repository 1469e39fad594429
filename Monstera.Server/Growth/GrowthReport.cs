using Monstera.Server.Configuration;

namespace Monstera.Server.Growth;

/// <summary>Where a limit stands.</summary>
/// <param name="Value">At the busiest of the last days. Null: not measured.</param>
/// <param name="Max">What this phase holds.</param>
/// <param name="Share">Value of Max.</param>
/// <param name="PerDay">How much it grows a day. Null: not enough history, or nothing that grows evenly.</param>
/// <param name="ReachedOn">At the present growth. Null: not within five years, or not known.</param>
/// <param name="Earliest">With 90 % confidence between this</param>
/// <param name="Latest">and this; null: perhaps never.</param>
public sealed record LimitReport(
    LimitKind Limit, double? Value, double Max, double? Share, double? PerDay = null, DateOnly? ReachedOn = null, DateOnly? Earliest = null, DateOnly? Latest = null);

/// <summary>What to do.</summary>
public enum AdviceKind
{
    /// <summary>Nothing.</summary>
    Stay,

    /// <summary>The next phase.</summary>
    NextPhase,

    AddNode,

    AddShard,

    LargerDisk,

    /// <summary>The phase before would do.</summary>
    PreviousPhase,

    /// <summary>One node less would do.</summary>
    RemoveNode,
}

/// <summary>What is to be done, and what it changes.</summary>
/// <param name="Because">The limit that is in the way. Null: none is, or less would do.</param>
/// <param name="Phase">After it.</param>
/// <param name="PerMonthNow">By the table of prices.</param>
/// <param name="PerMonthThen">After it.</param>
public sealed record Advice(
    AdviceKind Kind, LimitKind? Because, int Phase, string? Command, IReadOnlyList<Wording> Steps, double PerMonthNow, double PerMonthThen, string Currency);

/// <summary>What the advisor has to say. Nothing in it is of a tenant.</summary>
/// <param name="Nodes">Seen at work in the last two hours.</param>
/// <param name="HistoryDays">Days with samples.</param>
/// <param name="HasForecast">False: there is not enough history yet, and no limit has a date.</param>
/// <param name="WarnShare">From this share on a limit is nearly full: by the growth file.</param>
/// <param name="First">The limit that will be reached first, or stands highest. Null: nothing was measured.</param>
/// <param name="NextPhase">What the next phase would take: its checklist, command and price, also when it is not due. Null: there is none.</param>
public sealed record GrowthReport(
    DateTimeOffset At, int Phase, Wording People, StorageProvider Storage, BackplaneProvider Backplane, int Shards, int Nodes, IReadOnlyList<Lack> Lacks, int HistoryDays,
    int HistoryDaysWanted, bool HasForecast, double WarnShare, IReadOnlyList<LimitReport> Limits, LimitKind? First, Advice Advice, Advice? NextPhase);
