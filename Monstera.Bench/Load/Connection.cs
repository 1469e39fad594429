namespace Monstera.Bench.Load;

internal enum ConnectionState
{
    /// <summary>The TCP connection is being made.</summary>
    Connecting,

    /// <summary>The HTTP upgrade was asked for.</summary>
    Upgrading,

    /// <summary>The subscription was asked for; what arrives of the room is held until it is answered.</summary>
    Subscribing,

    Live,

    /// <summary>Cut off for good: nothing could be made up for.</summary>
    Gone,
}

/// <summary>One client: a connection, a member of one room, a cursor.</summary>
internal sealed class Connection(int index, Room room, string token)
{
    /// <summary>Takes the server's frames apart; a mutable struct, used in place.</summary>
    public FrameReader Reader;

    /// <summary>Its place in the run; also its epoll key.</summary>
    public int Index { get; } = index;

    public Room Room { get; } = room;

    /// <summary>Its place among the room's members.</summary>
    public int Seat { get; } = room.Join();

    public string Token { get; } = token;

    public int Fd { get; set; } = -1;

    public ConnectionState State { get; set; }

    public long ConnectBeganAt { get; set; }

    /// <summary>The last event that it has, and of which epoch.</summary>
    public long Last { get; set; } = -1;

    public long Epoch { get; set; }

    /// <summary>Records that overtook the answer to a subscription.</summary>
    public List<byte[]> Held { get; } = new(0);

    /// <summary>How often it was told to resume because it had fallen behind.</summary>
    public int Gaps { get; set; }

    /// <summary>How many of its messages it keeps in flight until it sees them itself; 0: it only listens.</summary>
    public int Window { get; set; }

    public int InFlight { get; set; }

    public int Sent { get; set; }

    /// <summary>For servers that number nothing: the last message of each sender of the room that came here.</summary>
    public int[]? LastOfSender { get; set; }

    /// <summary>Reads only a trickle; its latencies are not counted.</summary>
    public bool IsSlow { get; set; }

    /// <summary>How often it was cut off because it read too little.</summary>
    public int Cuts { get; set; }

    /// <summary>Closed by us or to be closed: the other side may hang up.</summary>
    public bool IsLeaving { get; set; }

    /// <summary>The answer to the HTTP upgrade so far, and afterwards what the socket did not take.</summary>
    public byte[] Pending { get; set; } = [];
}
