using Monstera.Bench.Load;
using Monstera.Data.Directory;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;

namespace Monstera.Bench.Storage;

/// <summary>
/// Sets of data by name, that a measured server can be started on, each with its own rooms and directory. At any time either one server runs on a set, or it is open here.
/// </summary>
internal interface IDataSets : IAsyncDisposable
{
    /// <summary>What a server is told, in its environment, so that it keeps its data there. Made with the first start or opening.</summary>
    Task<IReadOnlyDictionary<string, string>> SettingsOf(string name);

    /// <summary>Opens it here. Made when it is not there.</summary>
    Task<OpenData> Open(string name);

    /// <summary>Makes <paramref name="name"/> a copy of <paramref name="template"/>, whatever it was before.</summary>
    Task Copy(string template, string name);
}

/// <summary>A set that no server runs on, through the storage's own interfaces.</summary>
internal abstract class OpenData : IDisposable
{
    private const int BatchMax = 1_024;

    public abstract IRoomStore Rooms { get; }

    public abstract IDirectory Directory { get; }

    /// <summary>Messages that <see cref="Write"/> is best given at once.</summary>
    public virtual int WriteMax => BatchMax;

    public abstract void Dispose();

    /// <summary>Writes the messages with the numbers from <paramref name="first"/> on at the end of the room: the rows that a server would write.</summary>
    public virtual async Task Write(TenantId tenant, string roomKey, UserId sender, int first, int count, DateTimeOffset now)
    {
        for (int done = 0; done < count; done += BatchMax)
        {
            var drafts = new Draft[Math.Min(BatchMax, count - done)];
            for (int i = 0; i < drafts.Length; i++)
            {
                drafts[i] = Draft(tenant, roomKey, sender, first + done + i);
            }

            await Rooms.Append(drafts, now, CancellationToken.None);
        }
    }

    public static SendMessage Draft(TenantId tenant, string roomKey, UserId sender, int number)
    {
        (Guid clientId, string text) = MessageText.Of(number);
        return new SendMessage(text)
        {
            Tenant = tenant,
            Room = DerivedIds.RoomOfKey(tenant, roomKey),
            Sender = sender,
            ClientId = new ClientId(clientId),
        };
    }
}
