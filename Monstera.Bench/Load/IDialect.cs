namespace Monstera.Bench.Load;

/// <summary>How one kind of server is spoken to: Monstera, or the baseline.</summary>
internal interface IDialect
{
    /// <summary>Whether a client that was cut off, or fell behind, still gets everything later.</summary>
    bool CanResume { get; }

    /// <summary>Path and query of the WebSocket.</summary>
    string UpgradePath(Connection connection);

    /// <summary>The WebSocket is there: the first frames.</summary>
    void Greet(Connection connection, FrameWriter writer);

    /// <summary>A call that is answered behind all that was said before, and reported with <see cref="IDesk.AnswerLast"/>: what comes twice or too late comes before the answer.</summary>
    void AskLast(Connection connection, FrameWriter writer);

    /// <summary>Reads one record, checks it, and tells the desk what it brought.</summary>
    void Read(Connection connection, ReadOnlySpan<byte> record, long now, IDesk desk);

    /// <summary>One message as a call.</summary>
    void WriteMessage(Connection connection, int number, FrameWriter writer);

    /// <summary>Whether every message is everywhere, and acknowledged where there are acknowledgements.</summary>
    bool IsComplete(MessageBook book);

    /// <summary>What can only be said when all is complete: the order in the log.</summary>
    void CheckEnd(MessageBook book, IReadOnlyList<Connection> connections);
}

/// <summary>Where dialects report what arrived.</summary>
internal interface IDesk
{
    MessageBook Book { get; }

    /// <summary>Frames written here go to the connection that is being read.</summary>
    FrameWriter Writer { get; }

    /// <summary>The seat of a connection in its room.</summary>
    int SeatOf(int connection);

    Room RoomOf(int connection);

    /// <summary>A member has a message.</summary>
    void Deliver(Connection connection, int number, long now);

    /// <summary>The answer to <see cref="IDialect.AskLast"/>.</summary>
    void AnswerLast();

    /// <summary>The subscription holds.</summary>
    void GoLive(Connection connection, long now);
}
