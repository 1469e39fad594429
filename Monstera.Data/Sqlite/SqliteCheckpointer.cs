namespace Monstera.Data.Sqlite;

/// <summary>
/// Folds the write-ahead log into the database, beside the writing rather than within a commit: it copies 16 MiB and syncs twice, and whoever sends meanwhile would wait for all of it.
/// </summary>
internal sealed class SqliteCheckpointer(string path, SemaphoreSlim writeGate) : IDisposable
{
    /// <summary>16 MiB. Smaller would sync more often, larger would leave more to be read back after a crash.</summary>
    internal const int PagesBetween = 4_000;

    /// <summary>What is left for the pass that holds the writers: a few milliseconds.</summary>
    private const int PagesLast = 64;

    private const int PassesMax = 4;

    private static readonly SqliteQuery Passive = new("PRAGMA wal_checkpoint(PASSIVE)");

#pragma warning disable CA2213 // Asked until the very end; without a timer there is nothing to free.
    private readonly CancellationTokenSource _stopping = new();
#pragma warning restore CA2213
    private SqliteConnection? _connection;
    private Task _running = Task.CompletedTask;
    private int _pages;

    /// <summary>After each commit, under the write gate.</summary>
    public void Committed(int pages)
    {
        _pages += pages;
        if (_pages >= PagesBetween && _running.IsCompleted && !_stopping.IsCancellationRequested)
        {
            _pages = 0;
            _running = Task.Run(Fold);
        }
    }

    /// <summary>Begins no fold any more, and ends when none is under way. Not under the write gate, for which one may be waiting.</summary>
    public void Dispose()
    {
        _stopping.Cancel();
        Volatile.Read(ref _running).Wait();
        _connection?.Dispose();
        _connection = null;
    }

    /// <summary>
    /// 1. Passes beside the writers, until little is left of what they added meanwhile. 2. The last pass holds them, for the log begins anew only when all of it is folded. A
    /// reader of an older instant, or a failing disk, leaves the rest to the next time.
    /// </summary>
    private async Task Fold()
    {
        try
        {
            _connection ??= SqliteConnection.Open(path, readOnly: false);

            // 1.
            int passes = 0;
            while (Pass() > PagesLast && ++passes < PassesMax)
            {
            }

            // 2.
            await writeGate.WaitAsync(_stopping.Token);
            try
            {
                Pass();
            }
            finally
            {
                writeGate.Release();
            }
        }
        catch (StorageUnavailableException)
        {
            // Whoever commits next finds out what is wrong, and can say so to somebody.
        }
        catch (OperationCanceledException)
        {
            // Closing folds all that is left.
        }
    }

    /// <returns>Pages that the log held and that were not folded.</returns>
    private int Pass()
    {
        using SqliteStatement row = _connection!.Prepare(Passive);
        return row.Step() ? row.Int32(1) - row.Int32(2) : 0;
    }
}
