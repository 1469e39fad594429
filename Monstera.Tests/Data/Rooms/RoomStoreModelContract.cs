using FsCheck;
using FsCheck.Fluent;
using Monstera.Data.Rooms;

namespace Monstera.Tests.Data.Rooms;

/// <summary>
/// The store against a plain model of the contract, under random histories: batches of drafts of many writers (with retries of earlier ones, and bad ones), reads after each
/// batch, restarts in between. A failure prints the seed and the shrunk history; run with the environment variable MONSTERA_SEED to have it again.
/// </summary>
public abstract class RoomStoreModelContract
{
    private const int StepsMax = 40;

    protected abstract StorageUnderTest OpenStorage();

    /// <summary>How many; fewer where each call is a way to another process and back.</summary>
    protected virtual int Histories => 300;

    [Fact]
    public void Random_histories_end_as_in_the_model()
    {
        string seed = Environment.GetEnvironmentVariable("MONSTERA_SEED") ?? "20261121,7";
        ulong[] parts = [.. seed.Split(',').Select(ulong.Parse)];
        Config config = Config.QuickThrowOnFailure
            .WithMaxTest(Histories)
            .WithStartSize(5).WithEndSize(StepsMax)
            .WithReplay(new Replay(new Rnd(parts[0], parts[1] | 1), Microsoft.FSharp.Core.FSharpOption<int>.None));
        Arbitrary<RoomStep[]> histories = Arb.From(RoomSteps.Step.ArrayOf(), Shrink);
        Prop.ForAll(histories, (RoomStep[] steps) => Run(steps)).Check(config);
    }

    /// <summary>Halves first, then single steps: what is left of a failing history is short.</summary>
    internal static IEnumerable<RoomStep[]> Shrink(RoomStep[] steps)
    {
        for (int size = steps.Length / 2; size >= 1; size /= 2)
        {
            for (int at = 0; at + size <= steps.Length; at += size)
            {
                yield return [.. steps[..at], .. steps[(at + size)..]];
            }
        }
    }

    private void Run(RoomStep[] steps)
    {
        using StorageUnderTest storage = OpenStorage();
        var model = new RoomStoreModel();
        foreach (RoomStep step in steps)
        {
            if (step.Drafts.Count == 0)
            {
                storage.Reopen();
            }
            else
            {
                IReadOnlyList<AppendOutcome> actual = Wait(storage.Rooms.Append(step.Drafts, step.At, CancellationToken.None));
                Assert.Equal(step.Drafts.Count, actual.Count);
                for (int i = 0; i < actual.Count; i++)
                {
                    Compare(model.Apply(step.Drafts[i], step.At), actual[i], step.Drafts[i]);
                }
            }

            new RoomModelReads(storage.Rooms, model, step.Probe).CompareAll();
        }
    }

    private static void Compare(RoomStoreModel.Outcome expected, AppendOutcome actual, Draft draft)
    {
        string what = $"{draft} → expected {expected}, got {actual.Refusal} {actual.Seq}";
        Assert.True(expected.Code == actual.Refusal?.Code, what);
        if (expected.Code is null)
        {
            Assert.True(expected.Seq == actual.Seq && expected.At == actual.At && actual.Epoch == 1, what);
            Assert.True(expected.Added.SequenceEqual(actual.Events), what);
        }
    }

    internal static T Wait<T>(ValueTask<T> task) => task.AsTask().GetAwaiter().GetResult();
}
