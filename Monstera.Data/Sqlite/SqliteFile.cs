namespace Monstera.Data.Sqlite;

/// <summary>What is done to a database file as a whole.</summary>
internal static class SqliteFile
{
    private static readonly SqliteQuery VacuumInto = new("VACUUM INTO ?");

    // Of the events about a user only these say whether somebody is a member; role changes do not.
    private static readonly SqliteQuery CutMemberships = new(
        """
        UPDATE user_room SET (seq, member, joined_at) = (
            SELECT e.seq, e.type = 10, e.at FROM room r JOIN event e ON e.room_key = r.room_key
            WHERE r.id = user_room.room AND e.subject = user_room.user AND e.type IN (10, 11) ORDER BY e.seq DESC LIMIT 1)
        WHERE seq > (SELECT max(e.seq) FROM room r JOIN event e ON e.room_key = r.room_key WHERE r.id = user_room.room)
          AND EXISTS (SELECT 1 FROM room r JOIN event e ON e.room_key = r.room_key WHERE r.id = user_room.room AND e.subject = user_room.user AND e.type IN (10, 11))
        """);

    private static readonly SqliteQuery DropMemberships = new(
        """
        DELETE FROM user_room WHERE coalesce(
            seq > (SELECT max(e.seq) FROM room r JOIN event e ON e.room_key = r.room_key WHERE r.id = user_room.room), 1)
        """);

    private static readonly SqliteQuery CutMarkers = new(
        """
        UPDATE user_room SET read_seq = head FROM (SELECT r.id, max(e.seq) AS head FROM room r JOIN event e ON e.room_key = r.room_key GROUP BY r.room_key) h
        WHERE h.id = user_room.room AND read_seq > head
        """);

    private static readonly SqliteQuery RaiseEpochs = new("UPDATE room SET epoch = max(epoch + 1, ?)");
    private static readonly SqliteQuery EndSessions = new("DELETE FROM session");
    private static readonly SqliteQuery Serve = new("UPDATE installation SET state = 1, moved_to = NULL, moved_at = NULL");

    /// <summary>The whole database at one instant, beside who writes it: a file that nobody else can read, without what was ever deleted.</summary>
    /// <param name="target">Must not be there.</param>
    public static void CopyInto(string path, string target)
    {
        PrivateFiles.MakeFile(target);
        using SqliteConnection connection = SqliteConnection.Open(path, readOnly: false);
        connection.Prepare(VacuumInto).Bind(1, target).Run();
    }

    /// <summary>
    /// For a directory that was copied later than the rooms: memberships and read markers go no further than the logs.
    /// </summary>
    public static async ValueTask CutToHeads(SqliteDatabase database, CancellationToken cancel) => await database.Write(
        connection => connection.Prepare(CutMemberships).Run() + connection.Prepare(DropMemberships).Run() + connection.Prepare(CutMarkers).Run(), cancel);

    /// <summary>Leaves one file, without a log beside it, that is on disk.</summary>
    public static void Seal(string path)
    {
        using (SqliteConnection connection = SqliteConnection.Open(path, readOnly: false))
        {
            connection.Execute("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE");
        }

        PrivateFiles.Sync(path);
    }

    /// <summary>
    /// Makes a copied file one that can be served: of this binary's schema, in service, every room in an epoch that it never had, so that clients which were further on start anew.
    /// </summary>
    public static void Prepare(string path, long epochMin, bool endSessions)
    {
        using (SqliteConnection connection = SqliteConnection.Open(path, readOnly: false))
        {
            SqliteMigrations.Run(connection, SqliteMigrations.Embedded);
            connection.Begin(write: true);
            connection.Prepare(RaiseEpochs).Bind(1, epochMin).Run();
            connection.Prepare(Serve).Run();
            if (endSessions)
            {
                connection.Prepare(EndSessions).Run();
            }

            connection.Commit();
        }

        Seal(path);
    }
}
