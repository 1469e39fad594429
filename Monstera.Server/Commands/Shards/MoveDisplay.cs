using System.Globalization;
using Monstera.Data.Postgres.Slots;
using Spectre.Console;

namespace Monstera.Server.Commands.Shards;

/// <summary>How a move goes on: a bar for each step on a terminal, a line now and then when the output goes to a file.</summary>
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

    public static async Task Run(Func<MoveDisplay, Task> use)
    {
        if (Console.IsOutputRedirected)
        {
            await use(new MoveDisplay(null));
            return;
        }

        await TerminalBars.Run(async bars =>
        {
            await use(new MoveDisplay(bars));
            return true;
        });
    }

    public void Show(SlotMoveProgress progress)
    {
        ArgumentNullException.ThrowIfNull(progress);
        lock (_gate)
        {
            bool isNewStep = _step != progress.Step;
            if (isNewStep || progress.Events < _eventsAtBegin)
            {
                if (isNewStep && _bar is not null)
                {
                    (_bar.IsIndeterminate, _bar.Value) = (false, _bar.MaxValue);
                    _bar.StopTask();
                }

                _bar = isNewStep ? _bars?.AddTask(ShardsMove.StepName(progress.Step)) : _bar;
                (_step, _began, _eventsAtBegin) = (progress.Step, TimeProvider.System.GetTimestamp(), progress.Events);
            }

            if (_bar is not null)
            {
                _bar.IsIndeterminate = progress.Step == SlotMoveStep.Soaking;
                (_bar.Value, _bar.MaxValue) = (progress.Events, Math.Max(progress.EventsTotal, 1));
                _bar.Description = Markup.Escape(Short(progress));
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

    // Beside a bar there are some fifty columns.
    private string Short(SlotMoveProgress progress) => progress.Step switch
    {
        SlotMoveStep.Soaking => $"soaking: {ShardsMove.Duration(progress.SoakLeft)} left",
        SlotMoveStep.HandingOver or SlotMoveStep.Reverting => string.Create(
            CultureInfo.InvariantCulture,
            $"handed over {progress.SlotsHandedOver:#,0} of {progress.SlotsTotal:#,0} slots, waits ≤ {progress.LongestPause.TotalMilliseconds:0} ms"),
        SlotMoveStep.Dropping => "removing what is left in the source",
        _ when Rate(progress) is { } rate => string.Create(
            CultureInfo.InvariantCulture, $"{ShardsMove.StepName(progress.Step)}: {rate:#,0} events/s, {TimeLeft(progress, rate)} left"),
        _ => ShardsMove.StepName(progress.Step),
    };

    private string Line(SlotMoveProgress progress)
    {
        string line = string.Create(
            CultureInfo.InvariantCulture,
            $"{ShardsMove.StepName(progress.Step)}: {progress.Rooms:#,0} of {progress.RoomsTotal:#,0} rooms, {progress.Events:#,0} of {progress.EventsTotal:#,0} events");
        if (progress.Step == SlotMoveStep.Soaking)
        {
            return $"{line} copied back; {ShardsMove.Duration(progress.SoakLeft)} left";
        }

        if (Rate(progress) is { } rate)
        {
            line += string.Create(CultureInfo.InvariantCulture, $", {rate:#,0} events/s, {TimeLeft(progress, rate)} left");
        }

        return progress.SlotsHandedOver > 0
            ? line + string.Create(CultureInfo.InvariantCulture, $"; {progress.SlotsHandedOver:#,0} of {progress.SlotsTotal:#,0} slots handed over, writers waited {progress.LongestPause.TotalMilliseconds:0} ms at most")
            : line;
    }

    /// <summary>Events a second since the step began; null: too few to tell.</summary>
    private double? Rate(SlotMoveProgress progress)
    {
        double seconds = TimeProvider.System.GetElapsedTime(_began).TotalSeconds;
        double rate = seconds > 0 ? (progress.Events - _eventsAtBegin) / seconds : 0;
        return rate >= 1 ? rate : null;
    }

    private static string TimeLeft(SlotMoveProgress progress, double rate) =>
        ShardsMove.Duration(TimeSpan.FromSeconds(Math.Max(progress.EventsTotal - progress.Events, 0) / rate));
}
