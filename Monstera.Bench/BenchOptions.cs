namespace Monstera.Bench;

/// <summary>How the scenarios are run.</summary>
internal sealed record BenchOptions
{
    /// <summary>Short and small, for CI: says whether all works and roughly how fast, not more.</summary>
    public bool IsQuick { get; init; }

    /// <summary>Whether the baseline runs too.</summary>
    public bool HasBaseline { get; init; } = true;

    /// <summary>How often each side runs, in turn; medians are reported.</summary>
    public int Rounds { get; init; } = 1;

    /// <summary>Processors of the server and of the baseline, as taskset writes them; null: any.</summary>
    public string? ServerCores { get; init; }

    public string? ClientCores { get; init; }

    /// <summary>The built server.</summary>
    public required string ServerAssembly { get; init; }

    /// <summary>Where data folders are made; on the disk that is to be measured.</summary>
    public required string WorkFolder { get; init; }

    /// <summary>Connections of those scenarios that are about many.</summary>
    public required int ManyClients { get; init; }

    /// <summary>Messages in the large room of the history.</summary>
    public required int HistoryMessages { get; init; }

    /// <summary>Messages of append.</summary>
    public int AppendMessages { get; init; } = 1_000_000;

    /// <summary>Whether the data are in PostgreSQL rather than in SQLite.</summary>
    public bool IsPostgres { get; init; }

    /// <summary>Address of a Redis.</summary>
    public string? Redis { get; init; }

    /// <summary>Databases of rooms.</summary>
    public int Shards { get; init; } = 1;

    /// <summary>On one busy processor the runtime takes many seconds to replace what it compiled in haste.</summary>
    public TimeSpan WarmUp
    {
        get => field == default ? TimeSpan.FromSeconds(IsQuick ? 3 : 12) : field;
        init;
    }

    public TimeSpan Measure
    {
        get => field == default ? TimeSpan.FromSeconds(IsQuick ? 3 : 15) : field;
        init;
    }

    /// <summary>Until memory counts as what idle connections need.</summary>
    public TimeSpan Settle => TimeSpan.FromSeconds(IsQuick ? 3 : 30);
}
