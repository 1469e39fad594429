using System.Text.Json;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Browser;

/// <summary>A workspace that is set up, filled and looked into over REST, beside what people do in their browsers.</summary>
public sealed class Workspace
{
    private readonly string _address;
    private readonly Dictionary<RestClient, string> _userNames = [];

    private Workspace(string address) => _address = address;

    /// <summary>Ada, who set it up.</summary>
    public RestClient Owner { get; private set; } = null!;

    /// <summary>The room that everybody is in.</summary>
    public string General { get; private set; } = "";

    public static async Task<Workspace> SetUp(string address)
    {
        Workspace workspace = new(address);
        workspace.Owner = await workspace.Account(
            "/api/setup", "ada", new { workspaceName = "Green", userName = "ada", displayName = "Ada", password = RestClient.Password, token = true });
        workspace.General = (await workspace.Owner.Get("/api/rooms")).IsStatus(200).Items.Single().GetProperty("id").GetString()!;
        return workspace;
    }

    public Task<RestClient> Register(string userName, string displayName) =>
        Account("/api/register", userName, new { userName, displayName, password = RestClient.Password, token = true });

    /// <summary>A session for a browser.</summary>
    public async Task<string> SessionCookie(RestClient account) =>
        (await new RestClient(_address).Post("/api/sign-in", new { userName = _userNames[account], password = RestClient.Password })).IsStatus(200).SessionCookie!;

    public async Task<string> CreateRoom(string name, params RestClient[] members) =>
        (await Owner.Post("/api/rooms", new { kind = "public", name, members = members.Select(member => member.UserId) })).IsStatus(201)["id"].GetString()!;

    public static async Task<long> Send(RestClient sender, string room, string text, long? replyTo = null)
    {
        Dictionary<string, object> message = new(StringComparer.Ordinal) { ["clientId"] = Guid.NewGuid(), ["text"] = text };
        if (replyTo is { } seq)
        {
            message["replyTo"] = seq;
        }

        return (await sender.Post($"/api/rooms/{room}/messages", message)).IsStatus(200)["seq"].GetInt64();
    }

    public static async Task React(RestClient sender, string room, long seq, params string[] emoji)
    {
        foreach (string each in emoji)
        {
            (await sender.Put($"/api/rooms/{room}/messages/{seq}/reactions/{Uri.EscapeDataString(each)}")).IsStatus(200);
        }
    }

    /// <summary>The texts of all messages that were ever written in a room, in the order of its log.</summary>
    public async Task<IReadOnlyList<string>> Log(string room) =>
        [.. (await Events(room)).Where(item => item.GetProperty("type").GetString() == "message.created").Select(item => item.GetProperty("text").GetString()!)];

    public async Task<IReadOnlyList<JsonElement>> Events(string room)
    {
        long epoch = (await Owner.Get($"/api/rooms/{room}")).IsStatus(200)["epoch"].GetInt64();
        Answer answer = (await Owner.Get($"/api/rooms/{room}/events?epoch={epoch}&seq=0&limit=500")).IsStatus(200);
        Assert.Equal("complete", answer["status"].GetString());
        return [.. answer["events"].EnumerateArray()];
    }

    private async Task<RestClient> Account(string path, string userName, object body)
    {
        RestClient client = new(_address);
        client.SignedIn((await client.Post(path, body)).IsStatus(201));
        _userNames.Add(client, userName);
        return client;
    }
}
