using Monstera.Data.Archive;
using Monstera.Data.Postgres.Directory;
using Monstera.Data.Rooms;

namespace Monstera.Data.Postgres.Slots;

public sealed partial class SlotMover
{
    /// <summary>The steps of one move. Each gives back the next one when it is through, and may be begun again from its beginning.</summary>
    private sealed class MoveWork(SlotMover mover, SlotMove move, SlotShard source, SlotShard target)
    {
        private const int RemovedRoomsMax = 200;
        private const long RemovedEventsMax = 50_000;

        private readonly SlotMoverOptions _options = mover._options;
        private readonly Lock _gate = new();
        private SlotMoveProgress _progress = new(move.Step, 0, 0, 0, 0, 0, move.Slots.Count, TimeSpan.Zero, TimeSpan.Zero);

        public SlotShard Source => source;

        public SlotShard Target => target;

        public async Task<SlotMoveStep> Copy(CancellationToken cancel)
        {
            List<short[]> groups = await Count(source, cancel);
            RoomCopier copier = Copier(source, target);
            foreach (short[] group in groups)
            {
                await mover._operation.EnsureHeld(cancel);
                await Patiently(() => copier.CatchUp(group, cancel), cancel);
            }

            await mover._reached(SlotMovePoint.Copied);
            return SlotMoveStep.HandingOver;
        }

        public async Task<SlotMoveStep> HandOver(CancellationToken cancel)
        {
            await HandOver(source, target, cancel);
            return move.Soak > TimeSpan.Zero ? SlotMoveStep.Soaking : SlotMoveStep.Dropping;
        }

        /// <summary>What the destination writes is copied back until the time is over; what came after the last pass is not, for nobody comes back from the next step.</summary>
        public async Task<SlotMoveStep> Soak(CancellationToken cancel)
        {
            RoomCopier back = Copier(target, source);
            DateTimeOffset until = move.UpdatedAt + move.Soak;
            while (true)
            {
                long began = mover._time.GetTimestamp();
                foreach (short[] group in await Count(target, cancel))
                {
                    await mover._operation.EnsureHeld(cancel);
                    await Patiently(() => back.CatchUp(group, cancel), cancel);
                }

                await mover._reached(SlotMovePoint.SoakPass);
                TimeSpan left = until - mover._time.GetUtcNow();
                if (left <= TimeSpan.Zero)
                {
                    return SlotMoveStep.Dropping;
                }

                // Copying back must not take more than a part of what the databases can do.
                TimeSpan pause = TimeSpan.FromTicks(Math.Max(_options.SoakInterval.Ticks, mover._time.GetElapsedTime(began).Ticks * 4));
                Tell(p => p with { SoakLeft = left });
                await Task.Delay(left < pause ? left : pause, mover._time, cancel);
            }
        }

        public async Task<SlotMoveStep> HandBack(CancellationToken cancel)
        {
            await HandOver(target, source, cancel);
            return SlotMoveStep.RemovingCopy;
        }

        /// <summary>Removes the rooms that <paramref name="shard"/> has of the slots, all of which <paramref name="owner"/> owns. That it gave them away, and when, stays written there.</summary>
        public async Task<SlotMoveStep> Drop(SlotShard shard, SlotShard owner, SlotMoveStep next, CancellationToken cancel)
        {
            IReadOnlyDictionary<short, SlotFence> owned = await owner.ReadFences(move.Slots, cancel);
            SlotMap map = await mover._map.Read(cancel);
            if (move.Slots.FirstOrDefault(slot => !owned.TryGetValue(slot, out SlotFence fence) || !fence.Owned || map.Slots[slot] != new SlotOwner(owner.Id, fence.Epoch), (short)-1) is var not and >= 0)
            {
                throw new ArchiveConflictException($"Slot {not} should be owned by {owner} by now, and is not: nothing was removed in {shard}. Run `monstera shards verify`.");
            }

            await Count(shard, cancel);
            while (true)
            {
                IReadOnlyList<ArchivedRoom> rooms = await shard.Rooms.ReadRooms(move.Slots, after: null, RemovedRoomsMax, cancel);
                if (rooms.Count == 0)
                {
                    break;
                }

                // At least one, however big.
                long events = 0;
                ArchivedRoom[] some = [.. rooms.TakeWhile((room, i) => (events += room.Head) <= RemovedEventsMax || i == 0)];
                await mover._operation.EnsureHeld(cancel);
                foreach (IGrouping<Ids.TenantId, ArchivedRoom> tenant in some.GroupBy(room => room.Tenant))
                {
                    await shard.Rooms.Remove(tenant.Key, [.. tenant.Select(room => room.Id)], cancel);
                }

                await mover._reached(SlotMovePoint.RoomsRemoved);
                Tell(p => p with { Rooms = p.Rooms + some.Length, Events = p.Events + some.Sum(room => room.Head) });
            }

            return next;
        }

        private async Task HandOver(SlotShard giver, SlotShard taker, CancellationToken cancel)
        {
            RoomCopier copier = Copier(giver, taker, isProgress: false);
            var verifier = new SlotVerifier(giver, taker, _options) { Verified = room => Tell(p => p with { Rooms = p.Rooms + 1, Events = p.Events + room.Head }) };
            var handOver = new SlotHandOver(giver, taker, mover._map, mover._operation, _options, mover._time, mover._reached);

            // First of all, whatever is left of an interrupted one: nobody can write those slots.
            await Patiently(() => Done(handOver.Settle(move.Slots, copier)), cancel);
            foreach (short[] group in await Count(giver, cancel))
            {
                await Patiently(
                    () => Done(handOver.Run(group, copier, verifier, slots => Prepare(slots, copier, verifier, cancel), cancel)), cancel);
                await mover._reached(SlotMovePoint.HandedOver);
                Tell(p => p with { SlotsHandedOver = p.SlotsHandedOver + group.Length, LongestPause = handOver.LongestPause });
            }
        }

        /// <summary>Copied, compared, and so near that the rest is quickly done.</summary>
        private static async Task<IReadOnlyCollection<ArchivedRoom>> Prepare(IReadOnlyList<short> slots, RoomCopier copier, SlotVerifier verifier, CancellationToken cancel)
        {
            (List<ArchivedRoom> rooms, _) = await copier.CatchUp(slots, cancel);
            IReadOnlyCollection<ArchivedRoom> busy = await verifier.Verify(rooms, copier, cancel);
            await copier.CatchUp(slots, cancel);
            await copier.CatchUp(slots, cancel);
            return busy;
        }

        /// <summary>The slots in groups of so many rooms that they can be frozen at once; sets what the progress is of.</summary>
        private async Task<List<short[]>> Count(SlotShard shard, CancellationToken cancel)
        {
            List<ArchivedRoom> rooms = await shard.ReadRooms(move.Slots, cancel);
            Dictionary<short, int> counts = rooms.CountBy(room => Slot.Of(room.Id)).ToDictionary();
            List<short[]> groups = [];
            List<short> group = [];
            int inGroup = 0;
            foreach (short slot in move.Slots)
            {
                int count = counts.GetValueOrDefault(slot);
                if (group.Count > 0 && (inGroup + count > _options.GroupRoomsMax || group.Count >= _options.GroupSlotsMax))
                {
                    groups.Add([.. group]);
                    group.Clear();
                    inGroup = 0;
                }

                group.Add(slot);
                inGroup += count;
            }

            groups.Add([.. group]);
            Tell(p => p with { Rooms = 0, RoomsTotal = rooms.Count, Events = 0, EventsTotal = rooms.Sum(room => room.Head) });
            return groups;
        }

        private RoomCopier Copier(SlotShard from, SlotShard to, bool isProgress = true) => new(from, to, _options, mover._reached)
        {
            Copied = isProgress ? (rooms, events) => Tell(p => p with { Rooms = p.Rooms + rooms, Events = p.Events + events }) : null,
        };

        private void Tell(Func<SlotMoveProgress, SlotMoveProgress> change)
        {
            lock (_gate)
            {
                _progress = change(_progress);
                mover.Progress?.Invoke(_progress);
            }
        }

        private static async Task<bool> Done(Task task)
        {
            await task;
            return true;
        }

        /// <summary>A database that restarts is waited for. All that is done in here may be done again.</summary>
        private async Task<T> Patiently<T>(Func<Task<T>> use, CancellationToken cancel)
        {
            for (int failures = 0; ;)
            {
                try
                {
                    return await use();
                }
                catch (StorageUnavailableException e) when (++failures <= _options.FailuresMax)
                {
                    mover.Trouble?.Invoke($"{e.Message} Trying again ({failures} of {_options.FailuresMax}).");
                    await Task.Delay(_options.SoakInterval, mover._time, cancel);
                    await mover._operation.EnsureHeld(cancel);
                }
            }
        }
    }
}
