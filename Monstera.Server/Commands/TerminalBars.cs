using Spectre.Console;

namespace Monstera.Server.Commands;

/// <summary>Progress bars on a terminal: the bar first and in the same place, what is counted after it, so that it all fits on a line of 80 columns.</summary>
internal static class TerminalBars
{
    private const int BarWidth = 16;

    public static Task<T> Run<T>(Func<ProgressContext, Task<T>> use) =>
        AnsiConsole.Progress()
            .Columns(new ProgressBarColumn { Width = BarWidth }, new PercentageColumn(), new TaskDescriptionColumn { Alignment = Justify.Left })
            .StartAsync(use);
}
