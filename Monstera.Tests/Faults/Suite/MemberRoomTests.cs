using System.Text.Json;

namespace Monstera.Tests.Faults.Suite;

/// <summary>What a member notices of a server that breaks its promises while it is connected; a client that only repaired it would hide it.</summary>
public sealed class MemberRoomTests
{
    private readonly Tally _tally = new();
    private readonly MemberRoom _room;

    public MemberRoomTests()
    {
        _room = new MemberRoom(4, 3, Guid.NewGuid(), _tally);
        _room.BeginResume();
        Answer("complete", 1, 2);
    }

    [Fact]
    public void Events_one_after_another_again_or_after_a_gap_that_was_told_are_nothing_to_complain_of()
    {
        Events(3, 4);
        Events(4, 5);
        Take("""{"epoch":1,"head":9,"gap":true}""");
        Assert.False(_room.Live);
        _room.BeginResume();

        // Held, for it overtook the answer.
        Events(9, 10);
        Answer("complete", 6, 7, 8, 9);
        Assert.True(_room.Live);
        Assert.Equal(10, _room.Last);
        Assert.Empty(_tally.Violations);
    }

    [Fact]
    public void An_event_that_is_left_out_in_silence_is_found_and_asked_for()
    {
        Events(3, 5);
        Assert.Contains("seq 5 came after 3, and nobody said", Assert.Single(_tally.Violations), StringComparison.Ordinal);
        Assert.True(_room.Wanted(0));
        Assert.Equal(3, _room.Last);
    }

    [Fact]
    public void An_event_that_comes_again_as_something_else_is_found()
    {
        Events(3);
        Take("""{"epoch":1,"events":[{"seq":3,"text":"another"}]}""");
        Assert.Contains("came again, as something else", Assert.Single(_tally.Violations), StringComparison.Ordinal);
    }

    [Fact]
    public void An_acknowledgement_before_that_of_an_earlier_write_is_found()
    {
        _room.BeginWrite(0);
        _room.Acknowledge(5, 0);
        _room.BeginWrite(0);
        _room.Acknowledge(5, 0);
        Assert.Contains("the write before it at 5", Assert.Single(_tally.Violations), StringComparison.Ordinal);
    }

    [Fact]
    public void A_read_marker_that_goes_back_is_found()
    {
        _room.BeginMark(2);
        _room.Marked(2);
        _room.Marked(1);
        Assert.Contains("the read marker is at 1", Assert.Single(_tally.Violations), StringComparison.Ordinal);
    }

    private void Answer(string status, params long[] seqs) =>
        _room.TakeAnswer(Parse($$"""{"status":"{{status}}","epoch":1,"head":{{seqs[^1]}},"next":{{seqs[^1]}},"events":[{{List(seqs)}}]}"""));

    private void Events(params long[] seqs) => Take($$"""{"epoch":1,"events":[{{List(seqs)}}]}""");

    private void Take(string message)
    {
        string frame = $$"""{"type":1,"target":"Events","arguments":[{{message}}]}""";
        _room.TakeEvents(Parse(message), System.Text.Encoding.UTF8.GetBytes(frame));
    }

    private static string List(long[] seqs) => string.Join(',', seqs.Select(seq => $$"""{"seq":{{seq}},"text":"t{{seq}}"}"""));

    private static JsonElement Parse(string json) => JsonDocument.Parse(json).RootElement.Clone();
}
