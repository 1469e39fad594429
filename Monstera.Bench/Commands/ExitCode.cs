namespace Monstera.Bench.Commands;

/// <summary>What the program ends with.</summary>
internal static class ExitCode
{
    /// <summary>Every run was correct; with --check: and fast enough.</summary>
    public const int Correct = 0;

    /// <summary>A run was not correct, something that is needed is missing, or a target was missed.</summary>
    public const int Failed = 1;

    public const int CallMakesNoSense = 2;

    /// <summary>SIGINT or SIGTERM, as shells have it.</summary>
    public const int Interrupted = 130;
}
