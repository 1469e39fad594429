using System.Diagnostics;

namespace Monstera.Server.Tracing;

/// <summary>
/// The server's own spans. Most of them begin on one thread and end on another, so they are not the current activity of either: only a hub call and a commit are, for what they ask of the
/// storage. Names and attributes hold ids and numbers; never what people wrote or are called.
/// </summary>
internal static class Spans
{
    public const string SourceName = "Monstera";

    /// <summary>Costs nothing as long as nobody listens.</summary>
    public static readonly ActivitySource Source = new(SourceName);

    /// <summary>What is done now, if that is traced.</summary>
    public static Activity? Current => Source.HasListeners() && Activity.Current is { Recorded: true } current ? current : null;

    /// <summary>Begins a span without making it the current activity. Null: it is not traced.</summary>
    /// <param name="since">When it began; default: now.</param>
    public static Activity? Begin(string name, ActivityKind kind, ActivityContext parent, IEnumerable<ActivityLink>? links = null, DateTimeOffset since = default)
    {
        if (!Source.HasListeners())
        {
            return null;
        }

        Activity? before = Activity.Current;
        Activity.Current = null;
        Activity? span = Source.StartActivity(kind, parent, tags: null, links, since, name);
        Restore(before);
        return span;
    }

    /// <summary>Ends a span, wherever it began.</summary>
    /// <param name="error">A word of a closed set; null: all is well.</param>
    public static void End(Activity? span, string? error = null)
    {
        if (span is null)
        {
            return;
        }

        if (error is not null)
        {
            span.SetTag("error.type", error).SetStatus(ActivityStatusCode.Error);
        }

        // Ending it makes current what was so where it began.
        Activity? before = Activity.Current;
        span.Stop();
        Restore(before == span ? null : before);
    }

    /// <summary>Makes current what was so before.</summary>
    public static void Restore(Activity? before) => Activity.Current = before is { IsStopped: true } ? null : before;
}
