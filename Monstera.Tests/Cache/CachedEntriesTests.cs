using Monstera.Server.Cache;
using Monstera.Tests.Clients;

namespace Monstera.Tests.Cache;

/// <summary>What was dropped never comes back, whoever is late; and who asks at once asks once.</summary>
public sealed class CachedEntriesTests
{
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    private readonly FakeTime _time = new();
    private readonly CachedEntries<int, string> _entries;
    private int _asked;

    public CachedEntriesTests() => _entries = new CachedEntries<int, string>(100, _time);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Who_asks_at_once_asks_once()
    {
        TaskCompletionSource<string?> answer = new();
        Task<string?>[] all = [.. Enumerable.Range(0, 50).Select(_ => Ask(1, answer.Task).AsTask())];

        answer.SetResult("one");

        Assert.All(await Task.WhenAll(all), value => Assert.Equal("one", value));
        Assert.Equal("one", await Ask(1, Task.FromResult<string?>("two")));
        Assert.Equal(1, _asked);
    }

    [Fact]
    public async Task An_answer_is_remembered_as_long_as_said_counted_from_the_question()
    {
        TaskCompletionSource<string?> answer = new();
        Task<string?> first = Ask(1, answer.Task).AsTask();
        _time.Advance(TimeSpan.FromSeconds(40));
        answer.SetResult("one");
        await first;
        _time.Advance(TimeSpan.FromSeconds(19));
        Assert.Equal("one", await Ask(1, Task.FromResult<string?>("two")));
        Assert.False(_entries.TryGet(1, TimeSpan.FromSeconds(59), out _));

        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("two", await Ask(1, Task.FromResult<string?>("two")));
    }

    [Fact]
    public async Task What_was_asked_before_a_drop_is_neither_remembered_nor_given_to_who_asks_after_it()
    {
        TaskCompletionSource<string?> late = new();
        Task<string?> before = Ask(1, late.Task).AsTask();
        _entries.Drop(1);
        TaskCompletionSource<string?> fresh = new();
        Task<string?> after = Ask(1, fresh.Task).AsTask();

        late.SetResult("old");
        Assert.Equal("old", await before);
        Assert.False(after.IsCompleted, "It was given what was read before the change.");
        Assert.False(_entries.TryGet(1, Minute, out _));

        fresh.SetResult("new");
        Assert.Equal("new", await after);
        Assert.Equal("new", await Ask(1, Task.FromResult<string?>("never asked")));
    }

    [Fact]
    public async Task The_same_holds_when_all_is_forgotten()
    {
        TaskCompletionSource<string?> late = new();
        Task<string?> before = Ask(1, late.Task).AsTask();
        await Ask(2, Task.FromResult<string?>("two"));
        _entries.Clear();

        late.SetResult("old");
        await before;

        Assert.Equal(0, _entries.Count);
        Assert.Equal("new", await Ask(1, Task.FromResult<string?>("new")));
    }

    /// <summary>It is in the older generation by then.</summary>
    [Fact]
    public async Task What_was_remembered_long_ago_is_dropped_and_forgotten_too()
    {
        foreach (int key in Enumerable.Range(0, 52))
        {
            await Ask(key, Task.FromResult<string?>("value"));
        }

        _entries.Drop(1);
        Assert.False(_entries.TryGet(1, Minute, out _));
        Assert.True(_entries.TryGet(2, Minute, out _));
        _entries.Clear();
        Assert.False(_entries.TryGet(2, Minute, out _));
        Assert.Equal(0, _entries.Count);
    }

    [Fact]
    public async Task Neither_failures_nor_absence_are_remembered()
    {
        await Assert.ThrowsAsync<InvalidDataException>(() => Ask(1, Task.FromException<string?>(new InvalidDataException())).AsTask());
        Assert.Null(await Ask(1, Task.FromResult<string?>(null)));
        Assert.Equal("one", await Ask(1, Task.FromResult<string?>("one")));
        Assert.Equal(3, _asked);
    }

    [Fact]
    public async Task Who_hangs_up_takes_the_answer_from_nobody()
    {
        TaskCompletionSource<string?> answer = new();
        using CancellationTokenSource impatient = new();
        Task<string?> first = Ask(1, answer.Task, impatient.Token).AsTask();
        Task<string?> second = Ask(1, answer.Task).AsTask();

        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        answer.SetResult("one");

        Assert.Equal("one", await second);
        Assert.Equal(1, _asked);
    }

    [Fact]
    public void What_was_read_beside_something_else_counts_unless_it_was_dropped_meanwhile()
    {
        long stamp = _entries.Stamp();
        _entries.Put(1, "one", stamp);
        Assert.True(_entries.TryGet(1, Minute, out _));

        _entries.Drop(1);
        _entries.Put(1, "late", stamp);
        Assert.False(_entries.TryGet(1, Minute, out _), "It was read before it changed.");
        _entries.Put(2, "two", stamp);
        Assert.True(_entries.TryGet(2, Minute, out _), "Others have not changed.");

        _entries.Clear();
        _entries.Put(3, "late", stamp);
        Assert.Equal(0, _entries.Count);
    }

    [Fact]
    public async Task A_change_takes_the_place_of_what_was_there_unless_there_was_another()
    {
        TaskCompletionSource<string?> late = new();
        Task<string?> before = Ask(1, late.Task).AsTask();
        _entries.Replace(1, "changed", _entries.Stamp());
        late.SetResult("old");
        await before;
        Assert.True(_entries.TryGet(1, Minute, out string value));
        Assert.Equal("changed", value);

        long stamp = _entries.Stamp();
        _entries.Drop(1);
        _entries.Replace(1, "overtaken", stamp);
        Assert.False(_entries.TryGet(1, Minute, out _));
    }

    [Fact]
    public async Task Memory_is_bounded()
    {
        for (int i = 0; i < 10_000; i++)
        {
            await Ask(i, Task.FromResult<string?>("value"));
            Assert.InRange(_entries.Count, 0, 100);
        }

        Assert.True(_entries.TryGet(9_999, Minute, out _));
    }

    private ValueTask<string?> Ask(int key, Task<string?> answer, CancellationToken? cancel = null) => _entries.Get(
        key,
        Minute,
        _ =>
        {
            _asked++;
            return answer;
        },
        cancel ?? Cancel);
}
