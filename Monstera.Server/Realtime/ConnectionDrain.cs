using System.Security.Cryptography;
using Monstera.Server.Wire;

namespace Monstera.Server.Realtime;

/// <summary>
/// Sends the live connections away in waves: at each beat some, chosen at random, are told to connect anew within a moment of their own. Who is still here two seconds later is let go, which
/// answers what was called.
/// </summary>
public sealed class ConnectionDrain(ConnectionRegistry registry, TimeProvider time)
{
    private const int BeatMs = 250;
    private const int PatienceBeats = 8;

    /// <returns>When all have gone, or the time and the last one's patience are over.</returns>
    public async Task SendAway(TimeSpan over, CancellationToken hurry)
    {
        int waves = Math.Max(1, (int)(over.TotalMilliseconds / BeatMs));
        Dictionary<string, int> told = new(StringComparer.Ordinal);
        for (int beat = 0; beat <= waves + PatienceBeats && registry.Count > 0; beat++)
        {
            ChatConnection[] here = [.. registry.All];

            // 1. A share of those who do not know yet. Whoever was on the way in while the door closed is among them.
            ChatConnection[] rest = [.. here.Where(connection => !told.ContainsKey(connection.Id))];
            RandomNumberGenerator.Shuffle<ChatConnection>(rest);
            int share = beat < waves ? (rest.Length + waves - beat - 1) / (waves - beat) : rest.Length;
            foreach (ChatConnection connection in rest.Take(share))
            {
                told.Add(connection.Id, beat);
                connection.Note(ConnectionEnd.Drained);
                connection.Send(SignalFrames.Reconnect(RandomNumberGenerator.GetInt32(BeatMs)).Span);
            }

            // 2. Those who were told and have not gone.
            foreach (ChatConnection connection in here.Where(connection => told.TryGetValue(connection.Id, out int at) && beat - at >= PatienceBeats))
            {
                connection.Stop();
            }

            await Task.Delay(TimeSpan.FromMilliseconds(BeatMs), time, hurry);
        }
    }
}
