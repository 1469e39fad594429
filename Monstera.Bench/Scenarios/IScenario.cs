using Monstera.Bench.Report;

namespace Monstera.Bench.Scenarios;

/// <summary>One line of the table of targets.</summary>
internal interface IScenario
{
    string Name { get; }

    string Title { get; }

    /// <summary>Whether it is about PostgreSQL alone.</summary>
    bool NeedsPostgres => false;

    /// <summary>Whether it needs a Redis.</summary>
    bool NeedsRedis => false;

    /// <summary>Runs it. A broken promise of the server is a <see cref="BenchFailedException"/>.</summary>
    Task<ScenarioResult> Run(Session session);
}
