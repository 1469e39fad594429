namespace Monstera.Server.Configuration;

/// <summary>Who may make an account.</summary>
public enum Registration
{
    /// <summary>Those with an invitation.</summary>
    Invite,

    /// <summary>Everybody who can reach the server.</summary>
    Open,

    /// <summary>Nobody; invitations do not work either.</summary>
    Closed,
}

/// <summary>What keeps the data.</summary>
public enum StorageProvider
{
    /// <summary>One file in the data folder.</summary>
    Sqlite,

    /// <summary>The databases of <see cref="ConnectionStrings"/>.</summary>
    Postgres,
}

/// <summary>What joins the nodes.</summary>
public enum BackplaneProvider
{
    /// <summary>Nothing: there is one.</summary>
    Memory,

    /// <summary>The Redis of <see cref="ConnectionStrings.Redis"/>.</summary>
    Redis,
}

/// <summary>
/// All settings, under the key <c>Monstera</c> (environment: <c>Monstera__DataFolder</c> and so on). Phase 1 needs none of them set.
/// Checked at start by <see cref="MonsteraOptionsValidator"/>, which names the key and the value that is wrong.
/// </summary>
public sealed class MonsteraOptions
{
    public const string Section = "Monstera";

    public StorageProvider Storage { get; set; } = StorageProvider.Sqlite;

    public PostgresSettings Postgres { get; set; } = new();

    public BackplaneProvider Backplane { get; set; } = BackplaneProvider.Memory;

    public RedisOptions Redis { get; set; } = new();

    /// <summary>Where the SQLite file lives, if that is the storage; made when missing. Relative to the folder the server is started in.</summary>
    public string DataFolder { get; set; } = "data";

    /// <summary>What people call this process among several; empty: the machine's name.</summary>
    public string NodeName { get; set; } = "";

    public Registration Registration { get; set; } = Registration.Invite;

    /// <summary>Origins (scheme://host[:port]) beside the server's own whose pages may use the API and the hub with cookies.</summary>
    public IReadOnlyList<string> AllowedOrigins { get; set; } = [];

    /// <summary>Addresses and networks (10.0.0.5, 10.0.0.0/24) of the balancers and proxies in front, which say for whom they ask. None: nobody is believed.</summary>
    public IReadOnlyList<string> Proxies { get; set; } = [];

    public ConnectionTokenOptions ConnectionTokens { get; set; } = new();

    public SessionOptions Sessions { get; set; } = new();

    public LimitOptions Limits { get; set; } = new();

    public RealtimeOptions Realtime { get; set; } = new();

    public PresenceOptions Presence { get; set; } = new();

    public LifecycleOptions Lifecycle { get; set; } = new();

    public GrowthOptions Growth { get; set; } = new();

    public MetricsOptions Metrics { get; set; } = new();

    public TracingOptions Tracing { get; set; } = new();

    public BackupOptions Backups { get; set; } = new();
}

/// <summary>Where traces go, and how many calls are traced.</summary>
public sealed class TracingOptions
{
    public const string Grpc = "grpc";
    public const string HttpProtobuf = "http/protobuf";

    /// <summary>An OTLP receiver, such as <c>http://collector:4317</c>; empty: nothing is traced, and what would do it is not even loaded.</summary>
    public string Endpoint { get; set; } = "";

    /// <summary><see cref="Grpc"/> or <see cref="HttpProtobuf"/>.</summary>
    public string Protocol { get; set; } = Grpc;

    /// <summary>From 0 to 1: how many calls and requests are traced.</summary>
    public double SampleRatio { get; set; } = 0.01;

    /// <summary>Requests that name a trace (<c>traceparent</c>) belong to it and are traced if it is: for servers that only programs of the operator's own reach, or a balancer that traces.</summary>
    public bool TrustCallers { get; set; }
}

/// <summary>Scheduled backups: <c>monstera backup</c> without <c>--to</c>.</summary>
public sealed class BackupOptions
{
    /// <summary>Where backups lie, each in a sub-folder named by its time, and where the server looks how old the newest is; empty: nowhere.</summary>
    public string Folder { get; set; } = "";

    /// <summary>How many are kept, with the one that was just made; 0: all.</summary>
    public int Keep { get; set; } = 14;
}

/// <summary>Who may read the metrics, and how much they say.</summary>
public sealed class MetricsOptions
{
    /// <summary>Where the metrics are asked for, and nothing else; 0: at the public port, by those of <see cref="From"/> alone.</summary>
    public int Port { get; set; }

    /// <summary>Addresses and networks that may ask. None: at the public port the machine itself, at their own port everybody who reaches it.</summary>
    public IReadOnlyList<string> From { get; set; } = [];

    /// <summary>Rooms that <c>messages_total</c> names; all others are <c>other</c>.</summary>
    public int BusiestRooms { get; set; } = 20;
}

/// <summary>The growth advisor and the capacity model.</summary>
public sealed class GrowthOptions
{
    /// <summary>The file with thresholds, checklists, prices and unit costs; empty: the one beside the program.</summary>
    public string File { get; set; } = "";
}

/// <summary>How a node that is told to stop goes out of service.</summary>
public sealed class LifecycleOptions
{
    /// <summary>Until balancers have noticed that the node is not ready any more. Unset: 3 where there are several nodes, 0 where there is one.</summary>
    public int? SettleSeconds { get; set; }

    /// <summary>How long the node takes to send its connections to others; 0: all at once. Unset: 10 where there are several nodes, 0 where there is one.</summary>
    public int? DrainSeconds { get; set; }
}

/// <summary>How PostgreSQL is used; where it is stands in <see cref="ConnectionStrings"/>.</summary>
public sealed class PostgresSettings
{
    /// <summary>PgBouncer in transaction mode stands between.</summary>
    public bool Pooler { get; set; }

    /// <summary>Of this process to each database.</summary>
    public int ConnectionsMax { get; set; } = 20;

    /// <summary>For a new connection, or for one to become free.</summary>
    public int ConnectTimeoutSeconds { get; set; } = 5;

    /// <summary>For one statement.</summary>
    public int StatementTimeoutSeconds { get; set; } = 10;

    /// <summary>For one lock.</summary>
    public int LockTimeoutSeconds { get; set; } = 3;

    /// <summary>After which PostgreSQL ends the transaction of a process that hangs.</summary>
    public int IdleInTransactionTimeoutSeconds { get; set; } = 5;
}

/// <summary>How Redis is used; where it is stands in <see cref="ConnectionStrings"/>.</summary>
public sealed class RedisOptions
{
    /// <summary>Begins the names of all keys and channels; empty: made from the installation's id, so that several can share a Redis.</summary>
    public string Prefix { get; set; } = "";

    /// <summary>For a connection, or an answer.</summary>
    public int TimeoutMs { get; set; } = 2_000;

    /// <summary>Bytes that wait to be sent to one server; what comes on top is dropped.</summary>
    public int QueueBytesMax { get; set; } = 8_388_608;
}

/// <summary>The key that a host product shares with the server. Either a secret or a public key; neither: no connection tokens.</summary>
public sealed class ConnectionTokenOptions
{
    /// <summary>HS256: at least 32 bytes of UTF-8.</summary>
    public string? Secret { get; set; }

    /// <summary>RS256 (RSA of at least 2,048 bits) or ES256 (P-256), in PEM.</summary>
    public string? PublicKey { get; set; }

    /// <summary>When set, the token's <c>iss</c> must be this.</summary>
    public string? Issuer { get; set; }

    /// <summary>When set, the token's <c>aud</c> must be or contain this.</summary>
    public string? Audience { get; set; }
}

public sealed class SessionOptions
{
    /// <summary>A session ends when it was not used for this long.</summary>
    public int Days { get; set; } = 30;
}

/// <summary>Rates (tokens a second, and how many may come at once) and bounds. A rate of 0 switches that limit off.</summary>
public sealed class LimitOptions
{
    // A person types a few messages a second at most; a bot in a hurry stays under these too. They are there to stop floods.
    public int WritesPerSecondPerConnection { get; set; } = 50;

    public int WritesBurstPerConnection { get; set; } = 200;

    public int WritesPerSecondPerUser { get; set; } = 100;

    public int WritesBurstPerUser { get; set; } = 400;

    /// <summary>All users of a tenant together; 0: only each user is limited.</summary>
    public int WritesPerSecondPerTenant { get; set; }

    public int WritesBurstPerTenant { get; set; } = 2_000;

    public int CallsPerSecondPerConnection { get; set; } = 100;

    public int CallsBurstPerConnection { get; set; } = 400;

    /// <summary>Sign-ins, registrations and look-ups of invitations from one address.</summary>
    public int SignInsPerMinutePerAddress { get; set; } = 30;

    public int ConnectionsPerUser { get; set; } = 50;

    /// <summary>Connections of everybody on this node together, approximately; 0: as many as there are files for.</summary>
    public int ConnectionsPerNode { get; set; }

    /// <summary>An office may stand behind one address. Of IPv6 addresses the first 64 bits count.</summary>
    public int ConnectionsPerAddress { get; set; } = 2_000;

    /// <summary>Drafts that wait for the write path. 8,192 of the largest texts are about 160 MB; of usual ones about 4 MB.</summary>
    public int WriteQueueMax { get; set; } = 8_192;

    /// <summary>Drafts in one transaction: bounds how long a commit holds the write lock.</summary>
    public int WriteBatchMax { get; set; } = 1_024;
}

/// <summary>What each live connection and room may use.</summary>
public sealed class RealtimeOptions
{
    /// <summary>Bytes that wait in a connection's send buffer before the connection counts as lagging. A WebSocket has one of them on its way and four in its socket.</summary>
    public int SendBufferBytes { get; set; } = 65_536;

    /// <summary>A connection that takes nothing for so long is cut.</summary>
    public int SendTimeoutSeconds { get; set; } = 10;

    public int HelloTimeoutSeconds { get; set; } = 10;

    /// <summary>Connections that are let in: about a third of what one processor can greet, so that those who are here already do not notice a crowd at the door.</summary>
    public int UpgradesPerSecond { get; set; } = 1_000;

    public int UpgradesBurst { get; set; } = 2_000;

    public int KeepAliveSeconds { get; set; } = 15;

    public int ClientTimeoutSeconds { get; set; } = 30;

    /// <summary>Recent events that a room keeps in memory for connections that lag a little.</summary>
    public int TailEventsMax { get; set; } = 512;

    /// <summary>The same in bytes of JSON; whichever bound is reached first.</summary>
    public int TailBytesMax { get; set; } = 262_144;

    /// <summary>How long an event that came too early waits for those before it until they are read from the log.</summary>
    public int EarlyEventMs { get; set; } = 100;

    /// <summary>How often the heads of active rooms are compared with the log.</summary>
    public int HeadComparisonSeconds { get; set; } = 5;

    /// <summary>The same while the backplane is away, and live delivery between nodes hangs on it.</summary>
    public int AwayPollMs { get; set; } = 500;
}

/// <summary>How nodes tell each other who is connected to them.</summary>
public sealed class PresenceOptions
{
    /// <summary>Changes are gathered for so long.</summary>
    public int GatherMs { get; set; } = 250;

    public int HeartbeatSeconds { get; set; } = 5;

    /// <summary>A node that was not heard of for so long is gone, and its users with it.</summary>
    public int LeaseSeconds { get; set; } = 15;
}
