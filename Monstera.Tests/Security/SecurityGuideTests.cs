using System.Buffers.Binary;
using Monstera.Data.Sqlite;
using Monstera.Tests.Clients;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Security;

/// <summary>What docs/security.md says of the server as it is shipped, with its own logging and its own work on passwords.</summary>
public sealed class SecurityGuideTests
{
    private const string Password = "a password of nobody's";

    [Fact]
    public async Task Nothing_of_what_people_say_or_prove_themselves_with_is_logged_and_passwords_are_kept_as_the_guide_says()
    {
        await using ServerProcess server = await ServerProcess.Start(("ConnectionTokens:Secret", Tokens.Secret));
        RestClient ann = new(server.Address.GetLeftPart(UriPartial.Authority));
        ann.SignedIn((await ann.Post("/api/setup", new { workspaceName = "Green", userName = "ann", displayName = "Ann of Avonlea", password = Password, token = true })).IsStatus(201));
        string room = "/api/rooms/" + (await ann.Get("/api/rooms")).IsStatus(200).Items.Single().GetProperty("id").GetGuid();
        (await ann.Post(room + "/messages", new { clientId = Guid.NewGuid(), text = "words for nobody's log" })).IsStatus(200);
        (await ann.Get(room + "/messages?limit=nonsense")).IsStatus(400);
        (await ann.Post("/api/sign-in", new { userName = "ann", password = Password + "!", token = true })).IsStatus(401);
        string token = Tokens.For("guest", "general");
        await using (ChatClient guest = new(() => server.Address, () => token))
        {
            await guest.Start();
        }

        RestClient stranger = new(server.Address.GetLeftPart(UriPartial.Authority)) { Token = "not-a-session-that-there-is" };
        (await stranger.Get("/api/me")).IsStatus(401);
        await server.Terminate();

        Assert.Contains("Monstera is ready", server.Output, StringComparison.Ordinal);
        foreach (string secret in new[] { Password, ann.Token!, token, Tokens.Secret, stranger.Token, "words for", "Avonlea", "nonsense", "/api/", "access_token" })
        {
            Assert.DoesNotContain(secret, server.Output, StringComparison.OrdinalIgnoreCase);
        }

        // ASP.NET's form: a byte for the version, four for the function (2: HMAC-SHA512), four for how often.
        using SqliteConnection connection = SqliteConnection.Open(Path.Combine(server.Folder, SqliteDatabase.FileName), readOnly: true);
        using SqliteStatement row = connection.Prepare(new SqliteQuery("SELECT password_hash FROM user WHERE password_hash IS NOT NULL"));
        Assert.True(row.Step());
        byte[] hash = Convert.FromBase64String(row.Text(0));
        Assert.Equal((1, 2u, 210_000u), (hash[0], BinaryPrimitives.ReadUInt32BigEndian(hash.AsSpan(1)), BinaryPrimitives.ReadUInt32BigEndian(hash.AsSpan(5))));
        Assert.Contains("PBKDF2 with 210,000 rounds", Repository.Read("docs", "security.md"), StringComparison.Ordinal);
    }
}
