using System.Globalization;
using Monstera.Data.Archive;
using Spectre.Console;

namespace Monstera.Server.Commands;

/// <summary>Shows how far a copy has come: one line that changes on a terminal, a line now and then elsewhere.</summary>
internal sealed class CopyConsole(TimeProvider time)
{
    private static readonly TimeSpan LineEvery = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan ShowEvery = TimeSpan.FromMilliseconds(100);

    private readonly Lock _gate = new();
    private StatusContext? _status;
    private CopyProgress _last;
    private long _shown;

    public async Task<T> Run<T>(Func<Task<T>> use)
    {
        if (Console.IsOutputRedirected)
        {
            _shown = time.GetTimestamp();
            return await use();
        }

        return await AnsiConsole.Status().StartAsync(
            "…",
            async status =>
            {
                _status = status;
                try
                {
                    return await use();
                }
                finally
                {
                    _status = null;
                }
            });
    }

    public void Say(string sentence)
    {
        if (_status is null)
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
            bool isDue = time.GetElapsedTime(_shown) > (_status is null ? LineEvery : ShowEvery);
            if (!isDue && (progress.Phase == _last.Phase || _status is null))
            {
                return;
            }

            _shown = time.GetTimestamp();
            _last = progress;
            string line = Line(progress);
            if (_status is { } status)
            {
                status.Status(Markup.Escape(line));
            }
            else
            {
                Console.WriteLine(line);
            }
        }
    }

    public static string Count(long count, string one, string many) => string.Create(CultureInfo.InvariantCulture, $"{count:N0} {(count == 1 ? one : many)}");

    private static string Line(CopyProgress progress) => progress.Phase switch
    {
        CopyPhase.Directory => "Copying the directory.",
        CopyPhase.Verification => $"Comparing: {Count(progress.Rooms, "room", "rooms")}.",
        _ => string.Create(
            CultureInfo.InvariantCulture,
            $"Copying: {Count(progress.Rooms, "room", "rooms")} seen, {Count(progress.Events, "event", "events")}, {progress.Bytes / 1048576.0:N1} MiB."),
    };
}
