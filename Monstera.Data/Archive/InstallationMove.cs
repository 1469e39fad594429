using System.Globalization;

namespace Monstera.Data.Archive;

/// <summary>How an installation is to be moved.</summary>
/// <param name="Final">Ends it as soon as nobody writes to the source. Without, only what can be copied beside the servers is copied.</param>
/// <param name="MustBeQuiet">Refuses while somebody writes to the source, instead of copying beside.</param>
/// <param name="Wait">Waits for the writers to go, and then ends it.</param>
/// <param name="Replace">See <see cref="InstallationCopy"/>.</param>
public sealed record MoveOptions(bool Final, bool MustBeQuiet = false, bool Wait = false, bool Replace = false);

/// <summary>What became of a move.</summary>
/// <param name="Finished">The destination can be served, and the source cannot any more.</param>
/// <param name="Behind">Events that the destination lacks, if it is not finished.</param>
/// <param name="Writers">Who kept it from being finished.</param>
/// <param name="Quiet">How long the last part took, in which nobody could write.</param>
public sealed record MoveOutcome(bool Finished, long Rooms, long Events, long Behind, string? Writers, TimeSpan Quiet);

/// <summary>
/// Moves an installation into another storage. Killed at any point, it is run again and goes on; the source can be served again until the end, and afterwards by
/// <see cref="IInstallationArchive.Reopen"/>. Never are both served.
/// </summary>
/// <param name="say">Told what is being done, in a sentence.</param>
public sealed class InstallationMove(
    IInstallationArchive source, IInstallationArchive destination, MoveOptions options, TimeProvider time, Action<CopyProgress>? progress = null, Action<string>? say = null)
{
    private static readonly TimeSpan PollEvery = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan CatchUpEvery = TimeSpan.FromSeconds(2);

    private readonly InstallationCopy _copy = new(source, destination, progress, replace: options.Replace);
    private Installation? _from;

    /// <summary>
    /// 1. Checks that the two may be what they are to become. 2. Copies beside the servers, and compares. 3. Waits, or leaves it there. 4. With nobody writing: copies what is left,
    /// compares everything, and hands over.
    /// </summary>
    /// <exception cref="ArchiveConflictException">It would not be safe. The message says why.</exception>
    public async Task<MoveOutcome> Run(CancellationToken cancel)
    {
        // 1.
        await Check(cancel);
        string? writers = await source.FindWriters(cancel);
        if (writers is not null && options.MustBeQuiet)
        {
            throw new ArchiveConflictException($"{source.Place} is still written: {writers}. Stop the servers first; nothing was done.");
        }

        // 2.
        await destination.BeginCopy(_from!.Id, cancel);
        say?.Invoke(writers is null ? "Copying." : $"Copying while {writers}.");
        await PassBeside(cancel);

        // 3.
        if (writers is not null && options.Wait)
        {
            writers = await WaitForQuiet(writers, cancel);
        }

        if (writers is not null || !options.Final)
        {
            InstallationSize there = await InstallationCopy.Measure(destination, cancel);
            return new MoveOutcome(Finished: false, there.Rooms, there.Events, await _copy.CountBehind(cancel), writers, TimeSpan.Zero);
        }

        // 4.
        return await Finish(cancel);
    }

    /// <summary>Whether the source may be moved there, by what both were before. Changes nothing.</summary>
    /// <exception cref="ArchiveConflictException">It may not.</exception>
    public async Task Check(CancellationToken cancel)
    {
        Installation from = _from = await source.Directory.ReadInstallation(cancel);
        Installation to = await destination.Directory.ReadInstallation(cancel);
        bool isSame = from.Id == to.Id;
        if (from.State == InstallationState.ReceivesCopy)
        {
            throw new ArchiveConflictException($"{source.Place} is itself a copy that is not finished: finish it, or restore a backup.");
        }

        if (from.State == InstallationState.MovedAway && !(isSame && to.State == InstallationState.ReceivesCopy))
        {
            throw new ArchiveConflictException(
                isSame && to.State == InstallationState.Served
                    ? $"{source.Place} was moved to {destination.Place} already, which is served."
                    : $"{source.Place} was moved to {from.MovedTo} on {from.MovedAt:yyyy-MM-dd HH:mm} UTC: it is what it was then. `monstera move --reopen` takes it back into service.");
        }

        if ((!isSame || to.State == InstallationState.Served) && await InstallationCopy.Measure(destination, cancel) is { IsEmpty: false } there)
        {
            throw new ArchiveConflictException(string.Create(
                CultureInfo.InvariantCulture,
                $"{destination.Place} {(to.State == InstallationState.Served ? "is in use" : $"has data of another installation ({to.Id})")}: {there.Rooms} rooms and {there.Accounts} accounts. Give an empty one, or back it up and empty it."));
        }
    }

    /// <summary>While others may write: nothing that is found different is more than late, but for rooms of the same head.</summary>
    private async Task PassBeside(CancellationToken cancel)
    {
        await _copy.CopyRooms(cancel);
        await _copy.CopyDirectory(cancel);
        IReadOnlyList<ArchivedRoom> different = await _copy.CompareRooms(cancel);
        if (different.Count > 0)
        {
            await Replace(different, cancel);
        }
    }

    private async Task<string?> WaitForQuiet(string writers, CancellationToken cancel)
    {
        say?.Invoke($"Copied beside. Waiting for the servers to stop ({writers}).");
        long caughtUp = time.GetTimestamp();
        string? still = writers;
        while (still is not null)
        {
            await Task.Delay(PollEvery, time, cancel);
            if (time.GetElapsedTime(caughtUp) > CatchUpEvery)
            {
                await PassBeside(cancel);
                caughtUp = time.GetTimestamp();
            }

            still = await source.FindWriters(cancel);
        }

        return null;
    }

    /// <summary>
    /// 1. Nobody can write to the source any more. 2. What is left is copied. 3. Everything is compared. 4. Memberships that the source's directory had not got yet. 5. The source is
    /// moved; only then may the destination be served. What fails before 5 leaves the source as it was.
    /// </summary>
    private async Task<MoveOutcome> Finish(CancellationToken cancel)
    {
        say?.Invoke("Nobody writes: copying what is left, and comparing everything.");
        long begun = time.GetTimestamp();
        CopyVerification verified;
        try
        {
            // 1.
            await source.Fence(destination.Place, time.GetUtcNow(), cancel);

            // 2.
            await _copy.CopyRooms(cancel);
            await _copy.CopyDirectory(cancel);

            // 3.
            verified = await _copy.Verify(cancel);
            if (!verified.IsEqual && options.Replace)
            {
                await Replace(verified.DifferentRooms, cancel);
                verified = await _copy.Verify(cancel);
            }

            if (!verified.IsEqual)
            {
                throw new ArchiveConflictException("The copy is not the same as the source. " + string.Join(' ', verified.Differences));
            }

            // 4.
            await destination.Apply(await source.ReadOutbox(cancel), cancel);
            cancel.ThrowIfCancellationRequested();
        }
        catch when (_from!.State == InstallationState.Served)
        {
            await source.Reopen(CancellationToken.None);
            throw;
        }

        // 5.
        await source.MarkMoved(destination.Place, time.GetUtcNow(), CancellationToken.None);
        await destination.EndCopy(CancellationToken.None);
        return new MoveOutcome(Finished: true, verified.Rooms, verified.Events, Behind: 0, Writers: null, time.GetElapsedTime(begun));
    }

    private async Task Replace(IReadOnlyList<ArchivedRoom> different, CancellationToken cancel)
    {
        if (!options.Replace)
        {
            throw new ArchiveConflictException(
                $"What {destination.Place} has is no beginning of the source: room {different[0].Id} differs, although both have {different[0].Head} events. --replace copies such rooms anew.");
        }

        await _copy.RemoveRooms(different, cancel);
        await _copy.CopyRooms(cancel);
    }
}
