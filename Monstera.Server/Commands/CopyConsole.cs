using System.Globalization;
using Monstera.Data.Archive;
using Spectre.Console;

namespace Monstera.Server.Commands;

/// <summary>Shows how far a copy has come: a bar for each phase on a terminal, a line now and then elsewhere.</summary>
internal sealed class CopyConsole(TimeProvider time)
{
    private static readonly TimeSpan LineEvery = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan ShowEvery = TimeSpan.FromMilliseconds(100);

    private readonly Lock _gate = new();
    private ProgressContext? _bars;
    private ProgressTask? _bar;
    private CopyProgress _last;
    private long _shown;

    public async Task<T> Run<T>(Func<Task<T>> use)
    {
        if (Console.IsOutputRedirected)
        {
            _shown = time.GetTimestamp();
            return await use();
        }

        return await TerminalBars.Run(async bars =>
        {
            _bars = bars;
            try
            {
                T done = await use();
                FinishBar();
                return done;
            }
            finally
            {
                _bars = null;
            }
        });
    }

    public void Say(string sentence)
    {
        if (_bars is null)
        {
            Console.WriteLine(sentence);
        }
        else
        {
            AnsiConsole.MarkupLineInterpolated(CultureInfo.InvariantCulture, $"{sentence}");
        }
    }

    public void Show(CopyProgress progress)
    {
        lock (_gate)
        {
            if (_bar is not null && progress.Phase == _last.Phase)
            {
                _bar.Description = Markup.Escape(Line(progress));
            }

            bool isNewPhase = progress.Phase != _last.Phase || _shown == 0;
            bool isDue = time.GetElapsedTime(_shown) > (_bars is null ? LineEvery : ShowEvery);
            if (!isDue && (!isNewPhase || _bars is null))
            {
                return;
            }

            _shown = time.GetTimestamp();
            _last = progress;
            if (_bars is null)
            {
                Console.WriteLine(Line(progress));
            }
            else
            {
                ShowBar(_bars, progress, isNewPhase);
            }
        }
    }

    public static string Count(long count, string one, string many) => string.Create(CultureInfo.InvariantCulture, $"{count:N0} {(count == 1 ? one : many)}");

    private void ShowBar(ProgressContext bars, CopyProgress progress, bool isNewPhase)
    {
        if (_bar is null || isNewPhase)
        {
            FinishBar();
            _bar = bars.AddTask("…", maxValue: 1);
        }

        _bar.IsIndeterminate = progress.Fraction is null;
        _bar.Value = progress.Fraction ?? 0;
        _bar.Description = Markup.Escape(Line(progress));
    }

    private void FinishBar()
    {
        if (_bar is not null)
        {
            (_bar.IsIndeterminate, _bar.Value) = (false, _bar.MaxValue);
            _bar.StopTask();
        }
    }

    private static string Line(CopyProgress progress) => progress.Phase switch
    {
        CopyPhase.Directory => "Copying the directory.",
        CopyPhase.Verification => $"Comparing: {Count(progress.Rooms, "room", "rooms")}.",
        _ => string.Create(
            CultureInfo.InvariantCulture,
            $"Copying: {Count(progress.Rooms, "room", "rooms")} seen, {Count(progress.Events, "event", "events")}, {progress.Bytes / 1048576.0:N1} MiB."),
    };
}
