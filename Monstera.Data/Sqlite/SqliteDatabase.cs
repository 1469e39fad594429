using System.Collections.Concurrent;

namespace Monstera.Data.Sqlite;

/// <summary>
/// The database file of one server: one write connection behind a gate, shared by the room store and the directory, and a pool of connections for reading,
/// which never wait for the writer (WAL). Owns the file: a second process is refused.
/// </summary>
public sealed class SqliteDatabase : IDisposable
{
    /// <summary>Name of the file in the data folder.</summary>
    public const string FileName = "monstera.db";

    /// <summary>Reads at the same time; further ones wait. Reading is work for the processor and the disk: more would only queue there.</summary>
    private const int ReadersMax = 16;

    private static readonly SqliteQuery Truncate = new("PRAGMA wal_checkpoint(TRUNCATE)");

    private readonly SqliteOwnership? _ownership;
#pragma warning disable CA2213 // Not disposed: who waits would wait for ever. Without a wait handle there is nothing to free.
    private readonly SemaphoreSlim _writeGate = new(1, 1);
    private readonly SemaphoreSlim _readGate = new(ReadersMax, ReadersMax);
#pragma warning restore CA2213
    private readonly ConcurrentBag<SqliteConnection> _idleReaders = [];
    private readonly SqliteCheckpointer _checkpointer;
    private SqliteConnection? _writer;
    private bool _hasRoomStore;
    private volatile bool _scrubDue;
    private bool _disposed;

    private SqliteDatabase(string path, SqliteOwnership? ownership, SqliteConnection? writer)
    {
        Path = path;
        _ownership = ownership;
        _writer = writer;
        _checkpointer = new SqliteCheckpointer(path, _writeGate);
    }

    /// <summary>Where the file is.</summary>
    public string Path { get; }

    /// <summary>What the file and its write-ahead log take on the disk now.</summary>
    public long Size => new[] { Path, Path + "-wal" }.Select(path => new FileInfo(path)).Where(file => file.Exists).Sum(file => file.Length);

    /// <summary>Opened by <see cref="OpenReadOnly"/>: another process may write the file.</summary>
    public bool IsReadOnly => _ownership is null;

    /// <summary>The version of SQLite that runs.</summary>
    public static string EngineVersion => SqliteLibrary.EnsureLoaded();

    /// <summary>
    /// Called under the write gate when what the room store remembers is void: a transaction was rolled back, or somebody else wrote rooms (<see cref="SqliteRoomArchive"/>).
    /// </summary>
    internal Action? ForgetRooms { get; set; }

    /// <summary>
    /// Opens the database of a data folder to serve it, both made when they are not there, and brings it to this server's schema, or leaves it at a newer one that only adds:
    /// 1. takes ownership; 2. opens; 3. migrates.
    /// </summary>
    /// <exception cref="StorageRefusedException">Owned by another process, of a newer schema, or tampered with.</exception>
    /// <exception cref="StorageUnavailableException">The folder or file cannot be written, or the disk is full.</exception>
    public static SqliteDatabase Open(string dataFolder) => Open(dataFolder, SqliteMigrations.Embedded);

    /// <summary>As <see cref="Open(string)"/>, to copy from or into it: a newer schema is refused, since what is not known would be left behind.</summary>
    /// <inheritdoc cref="Open(string)"/>
    public static SqliteDatabase OpenToCopy(string dataFolder) => Open(dataFolder, SqliteMigrations.Embedded, toServe: false);

    /// <summary>As <see cref="OpenToCopy"/>.</summary>
    /// <returns>Null: another process owns it.</returns>
    public static SqliteDatabase? TryOpen(string dataFolder)
    {
        string path = PathIn(dataFolder);
        MakeFolder(System.IO.Path.GetDirectoryName(path)!);
        return SqliteOwnership.TryTake(path) is { } ownership ? Open(path, ownership, SqliteMigrations.Embedded, toServe: false) : null;
    }

    internal static SqliteDatabase Open(string dataFolder, IReadOnlyList<Migration> migrations, bool toServe = true)
    {
        string path = PathIn(dataFolder);
        MakeFolder(System.IO.Path.GetDirectoryName(path)!);

        // 1.
        return Open(path, SqliteOwnership.Take(path), migrations, toServe);
    }

    private static SqliteDatabase Open(string path, SqliteOwnership ownership, IReadOnlyList<Migration> migrations, bool toServe)
    {
        SqliteConnection? writer = null;
        try
        {
            // 2.
            writer = SqliteConnection.Open(path, readOnly: false);

            // 3.
            SqliteMigrations.Run(writer, migrations, toServe);
            return new SqliteDatabase(path, ownership, writer);
        }
        catch (Exception e)
        {
            writer?.Dispose();
            ownership.Dispose();
            if (e is StorageUnavailableException && !e.Message.Contains(path, StringComparison.Ordinal))
            {
                // Whoever starts the server wants to know which file.
                throw new StorageUnavailableException($"{path} cannot be opened: {e.Message}", e);
            }

            throw;
        }
    }

    /// <summary>
    /// Opens the database of a data folder for reading alone, also while a server owns and writes it. Nothing is made, migrated or written; who tries to write has a bug.
    /// </summary>
    /// <exception cref="StorageRefusedException">Of another schema than this server's.</exception>
    /// <exception cref="StorageUnavailableException">There is none, or it cannot be read.</exception>
    public static SqliteDatabase OpenReadOnly(string dataFolder)
    {
        string path = PathIn(dataFolder);
        if (!File.Exists(path))
        {
            throw new StorageUnavailableException($"There is no database {path}.");
        }

        var database = new SqliteDatabase(path, ownership: null, writer: null);
        try
        {
            using SqliteConnection connection = SqliteConnection.Open(path, readOnly: true, foreign: true);
            SqliteMigrations.Check(connection, SqliteMigrations.Embedded);
            return database;
        }
        catch
        {
            database.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Empties the write-ahead log when something was erased since the last time: until then the log may still hold the erased text.
    /// Costs two syncs, so it is not done at each erasure.
    /// </summary>
    /// <returns>False when a reader was in the way; it is still due then.</returns>
    public async ValueTask<bool> Scrub(CancellationToken cancel)
    {
        if (!_scrubDue)
        {
            return true;
        }

        await _writeGate.WaitAsync(cancel);
        try
        {
            using SqliteStatement statement = Writer().Prepare(Truncate);
            statement.Step();
            bool done = statement.Int64(0) == 0;
            _scrubDue = !done;
            return done;
        }
        finally
        {
            _writeGate.Release();
        }
    }

    /// <summary>One write transaction: committed and durable when this returns, without a trace when it throws.</summary>
    /// <remarks>Runs on the caller's thread once it is its turn: SQLite knows no waiting but blocking.</remarks>
    internal async ValueTask<T> Write<T>(Func<SqliteConnection, T> action, CancellationToken cancel)
    {
        await _writeGate.WaitAsync(cancel);
        try
        {
            SqliteConnection connection = Writer();
            try
            {
                connection.Begin(write: true);
                T result = action(connection);
                connection.Commit();
                _checkpointer.Committed(connection.TakePagesWritten());
                return result;
            }
            catch
            {
                if (!connection.TryRollback())
                {
                    _writer = null;
                    connection.Dispose();
                }

                ForgetRooms?.Invoke();
                throw;
            }
        }
        finally
        {
            _writeGate.Release();
        }
    }

    /// <summary>Reads at one instant.</summary>
    internal async ValueTask<T> Read<T>(Func<SqliteConnection, T> action, CancellationToken cancel)
    {
        await _readGate.WaitAsync(cancel);
        SqliteConnection? connection = null;
        try
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (!_idleReaders.TryTake(out connection))
            {
                connection = SqliteConnection.Open(Path, readOnly: true, foreign: _ownership is null);
            }

            connection.Begin(write: false);
            T result = action(connection);
            connection.Commit();
            _idleReaders.Add(connection);
            return result;
        }
        catch
        {
            // Not worth finding out what state it is in: the next read opens another.
            connection?.Dispose();
            throw;
        }
        finally
        {
            _readGate.Release();
        }
    }

    /// <summary>A text was erased in this transaction.</summary>
    internal void Erased() => _scrubDue = true;

    /// <summary>The room store remembers rooms and members between transactions, which is right only while nobody else writes them.</summary>
    internal void ClaimRooms()
    {
        if (_hasRoomStore)
        {
            throw new InvalidOperationException("A database has one room store.");
        }

        _hasRoomStore = true;
    }

    /// <summary>Waits for what is under way, empties the write-ahead log and lets go of the file.</summary>
    public void Dispose()
    {
        _checkpointer.Dispose();
        _writeGate.Wait();
        try
        {
            if (_disposed)
            {
                return;
            }

            for (int i = 0; i < ReadersMax; i++)
            {
                _readGate.Wait();
            }

            // Once more: one may have begun before the gate was ours.
            _checkpointer.Dispose();
            _disposed = true;
            while (_idleReaders.TryTake(out SqliteConnection? reader))
            {
                reader.Dispose();
            }

            // The last connection to close checkpoints and removes the write-ahead log.
            _writer?.Dispose();
            _writer = null;
            _ownership?.Dispose();
            _readGate.Release(ReadersMax);
        }
        finally
        {
            _writeGate.Release();
        }
    }

    private SqliteConnection Writer()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (_ownership is null)
        {
            throw new InvalidOperationException($"{Path} was opened for reading only.");
        }

        return _writer ??= SqliteConnection.Open(Path, readOnly: false);
    }

    private static string PathIn(string dataFolder)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(dataFolder);
        return System.IO.Path.Combine(System.IO.Path.GetFullPath(dataFolder), FileName);
    }

    internal static void MakeFolder(string folder)
    {
        try
        {
            if (OperatingSystem.IsWindows())
            {
                System.IO.Directory.CreateDirectory(folder);
            }
            else
            {
                // Messages and password hashes: nobody's business but the server's. A folder that is there keeps its mode.
                System.IO.Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StorageUnavailableException($"The data folder {folder} cannot be made: {e.Message}", e);
        }
    }
}
