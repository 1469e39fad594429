using System.Globalization;
using Monstera.Data.Postgres.Slots;
using Spectre.Console;

namespace Monstera.Server.Commands.Shards;

/// <summary>How a move goes on: a bar on a terminal, a line now and then when the output goes to a file.</summary>
internal sealed class MoveDisplay
{
    private static readonly TimeSpan BetweenLines = TimeSpan.FromSeconds(5);

    private readonly ProgressContext? _bars;
    private readonly Lock _gate = new();
    private ProgressTask? _bar;
    private SlotMoveStep? _step;
    private long _began;
    private long _saidAt;
    private long _eventsAtBegin;

    private MoveDisplay(ProgressContext? bars) => _bars = bars;

    public static Task Run(Func<MoveDisplay, Task> use) => Console.IsOutputRedirected
        ? use(new MoveDisplay(null))
        : AnsiConsole.Progress()
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn())
            .StartAsync(bars => use(new MoveDisplay(bars)));

    public void Show(SlotMoveProgress progress)
    {
        ArgumentNullException.ThrowIfNull(progress);
        lock (_gate)
        {
            bool isNewStep = _step != progress.Step;
            if (isNewStep || progress.Events < _eventsAtBegin)
            {
                _bar?.StopTask();
                _bar = isNewStep ? _bars?.AddTask(ShardsMove.StepName(progress.Step)) : _bar;
                (_step, _began, _eventsAtBegin) = (progress.Step, TimeProvider.System.GetTimestamp(), progress.Events);
            }

            if (_bar is not null)
            {
                (_bar.Value, _bar.MaxValue) = (progress.Events, Math.Max(progress.EventsTotal, 1));
                _bar.Description = Markup.Escape(Line(progress));
            }
            else if (isNewStep || TimeProvider.System.GetElapsedTime(_saidAt) >= BetweenLines)
            {
                _saidAt = TimeProvider.System.GetTimestamp();
                Console.WriteLine(Line(progress));
            }
        }
    }

    /// <summary>What goes wrong and is tried again.</summary>
    public void Say(string trouble)
    {
        if (_bars is null)
        {
            Console.WriteLine(trouble);
        }
        else
        {
            AnsiConsole.WriteLine(trouble);
        }
    }

    private string Line(SlotMoveProgress progress)
    {
        string line = string.Create(
            CultureInfo.InvariantCulture,
            $"{ShardsMove.StepName(progress.Step)}: {progress.Rooms:#,0} of {progress.RoomsTotal:#,0} rooms, {progress.Events:#,0} of {progress.EventsTotal:#,0} events");
        double seconds = TimeProvider.System.GetElapsedTime(_began).TotalSeconds;
        double rate = seconds > 0 ? (progress.Events - _eventsAtBegin) / seconds : 0;
        if (progress.Step == SlotMoveStep.Soaking)
        {
            return $"{line} copied back; {ShardsMove.Duration(progress.SoakLeft)} left";
        }

        if (rate >= 1)
        {
            line += string.Create(CultureInfo.InvariantCulture, $", {rate:#,0} events/s, {ShardsMove.Duration(TimeSpan.FromSeconds(Math.Max(progress.EventsTotal - progress.Events, 0) / rate))} left");
        }

        return progress.SlotsHandedOver > 0
            ? line + string.Create(CultureInfo.InvariantCulture, $"; {progress.SlotsHandedOver:#,0} of {progress.SlotsTotal:#,0} slots handed over, writers waited {progress.LongestPause.TotalMilliseconds:0} ms at most")
            : line;
    }
}
