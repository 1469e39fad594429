using System.Text.Json;
using Monstera.Tests.Clients;

namespace Monstera.Tests.Realtime;

/// <summary>What came over a raw connection, as it came.</summary>
internal sealed class SeenMessages
{
    private readonly Lock _gate = new();
    private readonly List<SeenEvent> _events = [];
    private readonly List<JsonElement> _signals = [];
    private readonly List<JsonElement> _gaps = [];

    public Signal Changed { get; } = new();

    public string? SignedOut { get; private set; }

    /// <summary>How many messages came.</summary>
    public int Messages { get; private set; }

    public SeenEvent[] Events
    {
        get
        {
            lock (_gate)
            {
                return [.. _events];
            }
        }
    }

    public long[] Seqs => [.. Events.Select(e => e.Seq)];

    /// <summary>Somebody types until it is seen here: a signal may be lost, and is where this connection is just being written to.</summary>
    public Task SeeTyping(HubSocket typist, Guid room) => SeeTyping(() => typist.Call("Typing", new { room }));

    public async Task SeeTyping(Func<Task> type)
    {
        int before = Signals("typing").Length;
        for (int tries = 1; ; tries++)
        {
            await type();
            try
            {
                await Changed.Until(() => Signals("typing").Length > before, "typing", TimeSpan.FromSeconds(1));
                return;
            }
            catch (TimeoutException) when (tries < 20)
            {
                // Lost: people type on.
            }
        }
    }

    /// <summary>Signals of a type.</summary>
    public JsonElement[] Signals(string type)
    {
        lock (_gate)
        {
            return [.. _signals.Where(signal => signal.GetProperty("type").GetString() == type)];
        }
    }

    public int Gaps
    {
        get
        {
            lock (_gate)
            {
                return _gaps.Count;
            }
        }
    }

    public void Take(string target, JsonElement argument)
    {
        lock (_gate)
        {
            Messages++;
            switch (target)
            {
                case "Events" when argument.TryGetProperty("gap", out _):
                    _gaps.Add(argument);
                    break;
                case "Events":
                    _events.AddRange(argument.GetProperty("events").EnumerateArray().Select(SeenEvent.Of));
                    break;
                case "Signals":
                    _signals.AddRange(argument.GetProperty("signals").EnumerateArray());
                    break;
                case "SignedOut":
                    SignedOut = argument.GetProperty("reason").GetString();
                    break;
                default:
                    break;
            }
        }

        Changed.Pulse();
    }
}
