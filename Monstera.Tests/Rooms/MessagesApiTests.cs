using System.Text.Json;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Rooms;

/// <summary>Messages over REST: each row of docs/protocol.md section 10.</summary>
public sealed class MessagesApiTests : IAsyncLifetime
{
    private RunningServer _server = null!;
    private RestClient _owner = null!;
    private RestClient _aoi = null!;
    private string _room = "";

    public async ValueTask InitializeAsync()
    {
        _server = await RunningServer.Start([("Registration", "open")]);
        _owner = await _server.SetUp();
        _aoi = await _server.Register("aoi");
        _room = "/api/rooms/" + (await _owner.Get("/api/rooms")).Items[0].GetProperty("id").GetString();
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private static long Seq(Answer answer) => answer.IsStatus(200)["seq"].GetInt64();

    private async Task<long> Send(RestClient by, string text, Guid? clientId = null, long? replyTo = null) =>
        Seq(await by.Post(
            _room + "/messages",
            replyTo is null ? new { clientId = clientId ?? Guid.NewGuid(), text } : new { clientId = clientId ?? Guid.NewGuid(), text, replyTo }));

    [Fact]
    public async Task A_message_is_stored_once_however_often_it_is_sent()
    {
        Guid clientId = Guid.NewGuid();
        Answer[] answers = await Task.WhenAll(
            Enumerable.Range(0, 10).Select(i => _aoi.Post(_room + "/messages", new { clientId, text = "おはよう " + (i == 0 ? "" : "again") })));
        Assert.Single(answers.Select(answer => answer.IsStatus(200).Text).Distinct());
        Assert.Equal(["at", "seq"], answers[0].Body.EnumerateObject().Select(field => field.Name).Order());
        Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$", answers[0]["at"].GetString()!);
        Assert.Single((await _aoi.Get(_room + "/messages")).Items, item => item.GetProperty("type").GetString() == "message.created");
        Assert.Equal(Seq(answers[0]), await Send(_aoi, "later", clientId));
        Assert.NotEqual(Seq(answers[0]), await Send(_owner, "of another sender", clientId));
    }

    [Fact]
    public async Task A_message_is_read_as_the_protocol_writes_it()
    {
        Guid clientId = Guid.NewGuid();
        long first = await Send(_owner, "first");
        long seq = await Send(_aoi, "a\r\nb\rc\t<script>", clientId, replyTo: first);
        Answer item = (await _owner.Get($"{_room}/messages/{seq}")).IsStatus(200);
        Assert.Equal(
            ["seq", "type", "sender", "at", "clientId", "text", "replyTo", "rev"],
            item.Body.EnumerateObject().Select(field => field.Name));
        Assert.Equal("a\nb\nc\t<script>", item["text"].GetString());
        Assert.Equal(clientId, item["clientId"].GetGuid());
        Assert.Equal(first, item["replyTo"].GetInt64());
        Assert.Equal(seq, item["rev"].GetInt64());
        Assert.Equal(_aoi.UserId, item["sender"].GetString());

        (await _aoi.Get($"{_room}/messages/1")).Is("not_found", 404);
        (await _aoi.Get($"{_room}/messages/0")).Is("not_found", 404);
        (await _aoi.Get($"{_room}/messages/-5")).Is("not_found", 404);
        (await _aoi.Get($"{_room}/messages/{long.MaxValue}")).Is("not_found", 404);
    }

    [Fact]
    public async Task Edits_reactions_pins_and_deletion_change_the_item()
    {
        long seq = await Send(_aoi, "teh");
        string message = $"{_room}/messages/{seq}";
        (await _owner.Patch(message, new { text = "the" })).Is("forbidden", 403);
        long edit = Seq(await _aoi.Patch(message, new { text = "the", clientId = Guid.NewGuid() }));
        Assert.Equal(edit, Seq(await _aoi.Patch(message, new { text = "the" })));
        foreach (string emoji in new[] { "👍🏽", "1️⃣", "#️⃣", "100%", "a/b", "%2F", "é", "+1" })
        {
            long on = Seq(await _owner.Put($"{message}/reactions/{Uri.EscapeDataString(emoji)}"));
            Assert.Equal(on, Seq(await _owner.Put($"{message}/reactions/{Uri.EscapeDataString(emoji)}")));
            JsonElement reaction = (await _aoi.Get(message))["reactions"][0];
            Assert.Equal(emoji, reaction.GetProperty("emoji").GetString());
            Assert.Equal(1, reaction.GetProperty("count").GetInt32());
            Assert.Equal(_owner.UserId, reaction.GetProperty("users")[0].GetString());
            Seq(await _owner.Delete($"{message}/reactions/{Uri.EscapeDataString(emoji)}"));
            Assert.False((await _aoi.Get(message)).Body.TryGetProperty("reactions", out _));
        }

        (await _owner.Put($"{message}/reactions/{Uri.EscapeDataString("two words")}")).Is("invalid", 400, "emoji");
        (await _owner.Put($"{message}/reactions/{new string('x', 33)}")).Is("invalid", 400, "emoji");

        Seq(await _owner.Put($"{message}/pin"));
        Answer item = (await _aoi.Get(message)).IsStatus(200);
        Assert.Equal("the", item["text"].GetString());
        Assert.True(item["pinned"].GetBoolean());
        Assert.True(item.Body.TryGetProperty("editedAt", out _));
        Assert.Equal(seq, (await _aoi.Get(_room + "/pins")).IsStatus(200).Items.Single().GetProperty("seq").GetInt64());
        Seq(await _aoi.Delete($"{message}/pin"));
        Assert.Empty((await _aoi.Get(_room + "/pins")).Items);

        long deletion = Seq(await _owner.Delete(message));
        item = (await _aoi.Get(message)).IsStatus(200);
        Assert.True(item["deleted"].GetBoolean());
        Assert.False(item.Body.TryGetProperty("text", out _));
        Assert.Equal(deletion, item["rev"].GetInt64());
        (await _aoi.Patch(message, new { text = "back" })).Is("gone", 410);
        (await _aoi.Put($"{message}/reactions/x")).Is("gone", 410);
        (await _aoi.Patch($"{_room}/messages/9999", new { text = "x" })).Is("not_found", 404);
    }

    [Theory]
    [InlineData("""{"text":"x"}""", "invalid", 400, "clientId")]
    [InlineData("""{"clientId":"I"}""", "invalid", 400, "text")]
    [InlineData("""{"clientId":"I","text":null}""", "invalid", 400, "text")]
    [InlineData("""{"clientId":"I","text":5}""", "invalid", 400, "text")]
    [InlineData("""{"clientId":"I","text":""}""", "invalid", 400, "text")]
    [InlineData("""{"clientId":"I","text":" \n\t "}""", "invalid", 400, "text")]
    [InlineData("""{"clientId":"I","text":"bell\u0007"}""", "invalid", 400, "text")]
    [InlineData("""{"clientId":"I","text":"half \ud83d"}""", "invalid", 400, "text")]
    [InlineData("""{"clientId":"nonsense","text":"x"}""", "invalid", 400, "clientId")]
    [InlineData("""{"clientId":"I","text":"x","replyTo":"1"}""", "invalid", 400, "replyTo")]
    [InlineData("""{"clientId":"I","text":"x","replyTo":1.5}""", "invalid", 400, "replyTo")]
    [InlineData("""{"clientId":"I","text":"x","replyTo":99999999999999999999}""", "invalid", 400, "replyTo")]
    [InlineData("""{"clientId":"I","text":"x","replyTo":1}""", "not_found", 404, "")]
    [InlineData("""{"clientId":"I","text":"x","replyTo":-1}""", "not_found", 404, "")]
    public async Task A_message_of_the_wrong_form_is_refused_and_the_field_is_named(string body, string code, int status, string mentions) =>
        (await _aoi.Post(_room + "/messages", body.Replace("\"I\"", $"\"{Guid.NewGuid()}\"", StringComparison.Ordinal))).Is(code, status, mentions);

    [Fact]
    public async Task A_text_may_have_ten_thousand_characters()
    {
        long seq = await Send(_aoi, new string('名', 10_000));
        Assert.Equal(10_000, (await _aoi.Get($"{_room}/messages/{seq}"))["text"].GetString()!.Length);
        (await _aoi.Post(_room + "/messages", new { clientId = Guid.NewGuid(), text = new string('x', 10_001) })).Is("too_large", 413, "text");
    }

    [Fact]
    public async Task The_timeline_is_read_in_both_directions_and_around_a_message()
    {
        List<long> sent = [];
        for (int i = 0; i < 7; i++)
        {
            sent.Add(await Send(_aoi, "m" + i));
        }

        Answer newest = (await _owner.Get(_room + "/messages?limit=3")).IsStatus(200);
        Assert.Equal(sent[^3..], Seqs(newest));
        Assert.Equal(sent[^1], newest["head"].GetInt64());
        Assert.Equal(1, newest["epoch"].GetInt64());
        Assert.False(newest.Body.TryGetProperty("after", out _));

        Answer older = (await _owner.Get($"{_room}/messages?limit=3&before={newest["before"].GetInt64()}")).IsStatus(200);
        Assert.Equal(sent[1..4], Seqs(older));
        Answer newer = (await _owner.Get($"{_room}/messages?limit=50&after={older["after"].GetInt64()}")).IsStatus(200);
        Assert.Equal(sent[4..], Seqs(newer));
        Assert.Contains(sent[3], Seqs((await _owner.Get($"{_room}/messages?limit=3&around={sent[3]}")).IsStatus(200)));

        Answer all = (await _owner.Get(_room + "/messages?limit=100")).IsStatus(200);
        Assert.False(all.Body.TryGetProperty("before", out _));
        Assert.Equal("room.created", all.Items[0].GetProperty("type").GetString());
        Assert.Equal("general", all.Items[0].GetProperty("name").GetString());
        Assert.Equal("member.joined", all.Items[1].GetProperty("type").GetString());

        (await _owner.Get(_room + "/messages?before=3&after=1")).Is("invalid", 400);
        (await _owner.Get(_room + "/messages?before=-1")).Is("invalid", 400, "before");
        (await _owner.Get(_room + "/messages?after=-1")).Is("invalid", 400, "after");
        (await _owner.Get(_room + "/messages?around=-1")).Is("invalid", 400, "around");
        (await _owner.Get(_room + "/messages?around=middle")).Is("invalid", 400, "around");
        (await _owner.Get(_room + "/messages?limit=101")).Is("invalid", 400, "limit");
        (await _owner.Get($"{_room}/messages?after={long.MaxValue}")).IsStatus(200);
        (await _owner.Get($"{_room}/messages?before={long.MaxValue}")).IsStatus(200);
        (await _owner.Get($"{_room}/messages?around={long.MaxValue}")).IsStatus(200);

        static long[] Seqs(Answer answer) => [.. answer.Items.Select(item => item.GetProperty("seq").GetInt64())];
    }

    [Fact]
    public async Task The_log_is_read_after_a_cursor_as_Resume_answers()
    {
        long seq = await Send(_aoi, "one");
        Answer from0 = (await _aoi.Get(_room + "/events?seq=0&epoch=1")).IsStatus(200);
        Assert.Equal("complete", from0["status"].GetString());
        Assert.Equal(seq, from0["next"].GetInt64());
        Assert.Equal(seq, from0["head"].GetInt64());
        Assert.Equal(Enumerable.Range(1, (int)seq).Select(i => (long)i), from0["events"].EnumerateArray().Select(e => e.GetProperty("seq").GetInt64()));
        Assert.False(from0["events"][0].TryGetProperty("room", out _));
        Assert.Equal(_room, "/api/rooms/" + from0["room"].GetString());

        Answer part = (await _aoi.Get(_room + "/events?seq=0&limit=2")).IsStatus(200);
        Assert.Equal("more", part["status"].GetString());
        Assert.Equal(2, part["next"].GetInt64());
        Answer atHead = (await _aoi.Get(_room + "/events")).IsStatus(200);
        Assert.Equal(("complete", seq, 0), (atHead["status"].GetString(), atHead["next"].GetInt64(), atHead["events"].GetArrayLength()));
        foreach (string wrong in new[] { $"seq={seq + 1}", "seq=1&epoch=2" })
        {
            Answer reset = (await _aoi.Get($"{_room}/events?{wrong}")).IsStatus(200);
            Assert.Equal("reset", reset["status"].GetString());
            Assert.False(reset.Body.TryGetProperty("events", out _));
            Assert.False(reset.Body.TryGetProperty("next", out _));
        }

        (await _aoi.Get(_room + "/events?seq=-1")).Is("invalid", 400, "seq");
        (await _aoi.Get(_room + "/events?epoch=1")).Is("invalid", 400, "seq");
        (await _aoi.Get(_room + "/events?seq=0&limit=501")).Is("invalid", 400, "limit");
    }

    [Fact]
    public async Task The_read_marker_goes_forward_only_and_not_beyond_the_head()
    {
        long first = await Send(_owner, "one");
        long second = await Send(_owner, "two");
        Assert.Equal((first, 1), Read(await _aoi.Put(_room + "/read", new { seq = first })));
        Assert.Equal((second, 0), Read(await _aoi.Put(_room + "/read", new { seq = long.MaxValue })));
        Assert.Equal((second, 0), Read(await _aoi.Put(_room + "/read", new { seq = 1 })));
        (await _aoi.Put(_room + "/read", new { seq = -1 })).Is("invalid", 400, "seq");
        (await _aoi.Put(_room + "/read", new { })).Is("invalid", 400, "seq");

        static (long, int) Read(Answer answer) => (answer.IsStatus(200)["seq"].GetInt64(), answer["unread"].GetInt32());
    }
}
