using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using Monstera.Data.Ids;

namespace Monstera.Data.Archive;

public sealed partial class InstallationCopy
{
    // At once: as many as two processors and a small pool of connections keep busy.
    private const int DigestsAtOnce = 4;

    // Rooms of equal digests, with the head at which they were compared: what has not grown since is equal still.
    private readonly Dictionary<RoomId, long> _equal = [];

    /// <summary>
    /// Compares the rooms that have the same head on both sides and were not compared at it before, so that the last comparison, for which everybody waits, has little left to do.
    /// For while the source is served.
    /// </summary>
    /// <returns>The rooms that differ.</returns>
    public async Task<IReadOnlyList<ArchivedRoom>> CompareRooms(CancellationToken cancel)
    {
        Begin(CopyPhase.Verification, _rooms ?? 0);
        List<ArchivedRoom> different = [];
        await foreach (RoomPair pair in CompareAll(cancel))
        {
            // What the source has got meanwhile is for the next pass.
            if (pair is { Source: { } from, Destination: { } to, IsEqual: false } && from.Head == to.Head && different.Count < DifferencesMax)
            {
                different.Add(from);
            }
        }

        return different;
    }

    /// <summary>
    /// Compares everything, once nobody writes any more: 1. the digest of every room; 2. the digests of the directory's tables.
    /// </summary>
    public async Task<CopyVerification> Verify(CancellationToken cancel)
    {
        Begin(CopyPhase.Verification, _rooms ?? 0);
        long rooms = 0;
        long events = 0;
        List<string> differences = [];
        List<ArchivedRoom> different = [];

        // 1.
        await foreach (RoomPair pair in CompareAll(cancel))
        {
            rooms++;
            events += pair.Source?.Head ?? 0;
            if (!pair.IsEqual && different.Count < DifferencesMax)
            {
                different.Add((pair.Source ?? pair.Destination)!);
                differences.Add(
                    $"Room {(pair.Source ?? pair.Destination)!.Id}: {Describe(pair.Source)} in {source.Place}, {Describe(pair.Destination)} in {destination.Place}.");
            }
        }

        // 2.
        List<TenantRecord> from = await ReadTenants(source.Directory, cancel);
        List<TenantRecord> to = await ReadTenants(destination.Directory, cancel);
        foreach (DirectoryTable table in TablesOfTenants.Prepend(DirectoryTable.Tenants))
        {
            if (await Digest(source.Directory, table, from, cancel) != await Digest(destination.Directory, table, to, cancel))
            {
                differences.Add($"The directory's table of {table} differs.");
            }
        }

        return new CopyVerification(rooms, events, differences, different);
    }

    /// <summary>Removes rooms from the destination, for the next pass to copy them anew.</summary>
    public async Task RemoveRooms(IReadOnlyList<ArchivedRoom> rooms, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(rooms);
        foreach (ArchivedRoom room in rooms)
        {
            await destination.RoomsOf(room.Id).Remove(room.Tenant, [room.Id], cancel);
            _equal.Remove(room.Id);
        }
    }

    /// <summary>SHA-256 over all rooms (id, tenant, epoch, head, digest) and all tables of the directory of one installation that nobody writes.</summary>
    public static async Task<string> DigestOf(IInstallationArchive installation, Action<CopyProgress>? progress, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(installation);
        using var all = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        long total = progress is null ? 0 : await RoomWalk.Of(installation.Shards, cancel).LongCountAsync(cancel);
        long rooms = 0;
        await foreach (ArchivedRoom[] chunk in Chunks(RoomWalk.Of(installation.Shards, cancel)))
        {
            RoomDigest?[] digests = await Task.WhenAll(chunk.Select(room => installation.RoomsOf(room.Id).Digest(room.Tenant, room.Id, cancel).AsTask()));
            foreach (RoomDigest? digest in digests)
            {
                all.AppendData(Encoding.UTF8.GetBytes($"{digest?.Room} {digest?.Tenant} {digest?.Epoch} {digest?.Head} {digest?.Sha256}\n"));
            }

            progress?.Invoke(new CopyProgress(CopyPhase.Verification, rooms += chunk.Length, 0, 0, total));
        }

        List<TenantRecord> tenants = await ReadTenants(installation.Directory, cancel);
        foreach (DirectoryTable table in TablesOfTenants.Prepend(DirectoryTable.Tenants))
        {
            all.AppendData(Encoding.UTF8.GetBytes($"{table} {await Digest(installation.Directory, table, tenants, cancel)}\n"));
        }

        return Convert.ToHexStringLower(all.GetHashAndReset());
    }

    private async IAsyncEnumerable<RoomPair> CompareAll([EnumeratorCancellation] CancellationToken cancel)
    {
        long rooms = 0;
        await foreach ((ArchivedRoom? Source, ArchivedRoom? Destination)[] chunk in Chunks(RoomWalk.OfBoth(source.Shards, destination.Shards, cancel)))
        {
            RoomPair[] pairs = await Task.WhenAll(chunk.Select(pair => CompareDigests(pair.Source, pair.Destination, cancel)));
            foreach (RoomPair pair in pairs)
            {
                if (pair is { IsEqual: true, Source: { } equal })
                {
                    _equal[equal.Id] = equal.Head;
                }

                yield return pair;
            }

            Tell(rooms: rooms += chunk.Length);
        }
    }

    private async Task<RoomPair> CompareDigests(ArchivedRoom? from, ArchivedRoom? to, CancellationToken cancel)
    {
        if (from is null || to is null || from.Head != to.Head || Fault(from, to) is not null)
        {
            return new RoomPair(from, to, IsEqual: false);
        }

        if (_equal.GetValueOrDefault(from.Id) == from.Head)
        {
            return new RoomPair(from, to, IsEqual: true);
        }

        Task<RoomDigest?> there = destination.RoomsOf(to.Id).Digest(to.Tenant, to.Id, cancel).AsTask();
        RoomDigest? here = await Task.Run(() => source.RoomsOf(from.Id).Digest(from.Tenant, from.Id, cancel).AsTask(), cancel);
        RoomDigest? copy = await there;
        if (here is null || copy is null)
        {
            return new RoomPair(from, to, IsEqual: false);
        }

        // Written meanwhile: as if it had been found so.
        return new RoomPair(@from with { Head = here.Head }, to with { Head = copy.Head }, here.Sha256 == copy.Sha256);
    }

    private static string Describe(ArchivedRoom? room) => room is null ? "not there" : $"{room.Head} events of epoch {room.Epoch}";

    private static async IAsyncEnumerable<T[]> Chunks<T>(IAsyncEnumerable<T> items)
    {
        List<T> chunk = [];
        await foreach (T item in items)
        {
            chunk.Add(item);
            if (chunk.Count == DigestsAtOnce)
            {
                yield return [.. chunk];
                chunk.Clear();
            }
        }

        if (chunk.Count > 0)
        {
            yield return [.. chunk];
        }
    }

    private sealed record RoomPair(ArchivedRoom? Source, ArchivedRoom? Destination, bool IsEqual);
}
