using Monstera.Data;
using Monstera.Data.Postgres;
using Monstera.Tests.Clients;
using Monstera.Tests.Data.Postgres;
using Monstera.Tests.Fixtures;
using Npgsql;

namespace Monstera.Tests.Storage;

/// <summary><c>monstera database create</c> on a real server that asks for passwords; then the real server serves on what was made.</summary>
public sealed class DatabaseCommandTests(PasswordServer server) : IClassFixture<PasswordServer>
{
    private const string OwnerPassword = "owner-secret'\"\\; %s $1";
    private const string AppPassword = "app-secret 葵ﾊﾟ%I";

    [Fact]
    public async Task Roles_and_databases_of_odd_names_are_made_once_and_served()
    {
        (string, string)[] strings =
        [
            ("ConnectionStrings:Directory", server.Of("o'neil", AppPassword, "mon\"stera")),
            ("ConnectionStrings:Owners:Directory", server.Of("Owner of \"it\"", OwnerPassword, "mon\"stera")),
            ("ConnectionStrings:Shards:0", server.Of("o'neil", AppPassword, "お部屋 %I; --")),
            ("ConnectionStrings:Owners:Shards:0", server.Of("Owner of \"it\"", OwnerPassword, "お部屋 %I; --")),
            ("ConnectionStrings:Shards:3", server.Of("葵", AppPassword, "$1 third")),
            ("ConnectionStrings:Owners:Shards:3", server.Of("Owner of \"it\"", OwnerPassword, "$1 third")),
        ];
        (string, string)[] asAdministrator = [.. strings, ("ConnectionStrings:Admin", server.Admin)];

        string first = await CommandProcess.Run(0, "database create", asAdministrator);
        foreach (string made in new[] { "role o'neil", "role Owner of \"it\"", "role 葵", "database mon\"stera", "database お部屋 %I; --", "database $1 third", "shard 0", "shard 3" })
        {
            Assert.Contains($"Made: {made}", first, StringComparison.Ordinal);
        }

        string second = await CommandProcess.Run(0, "database create", asAdministrator);
        Assert.DoesNotContain("Made", second, StringComparison.Ordinal);
        Assert.Contains("Was there: database お部屋 %I; --.", second, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", first + second, StringComparison.Ordinal);
        Assert.DoesNotContain("-secret", server.NewLog(), StringComparison.Ordinal);
        Assert.Contains("CREATE ROLE \"o'neil\"", server.NewLog(), StringComparison.Ordinal);

        // What a server needs, and no more: the owners' strings are not given.
        await using ServerProcess serving = await ServerProcess.Start([("Storage", "postgres"), ("Registration", "open"), strings[0], strings[2]]);
        RestClient ann = new(serving.Address.GetLeftPart(UriPartial.Authority));
        ann = ann.SignedIn((await ann.Post("/api/setup", new { workspaceName = "Green", userName = "ann", displayName = "Ann", password = RestClient.Password, token = true })).IsStatus(201));
        Assert.Single((await ann.Get("/api/rooms")).IsStatus(200).Items);
        Assert.Equal(1L, server.Ask("SELECT count(*) FROM rooms.room", "お部屋 %I; --"));

        // Shard 0 got all slots, and one that comes later none.
        Assert.Equal(4096L, server.Ask("SELECT count(*) FROM rooms.slot_owner", "お部屋 %I; --"));
        Assert.Equal(0L, server.Ask("SELECT count(*) FROM rooms.slot_owner", "$1 third"));
        Assert.Equal(true, server.Ask("SELECT pg_has_role('Owner of \"it\"', 'pg_read_all_stats', 'MEMBER')"));
    }

    [Fact]
    public async Task A_wrong_password_of_the_administrator_ends_it_and_is_not_shown()
    {
        (string, string)[] settings = One("wrong", admin: new NpgsqlConnectionStringBuilder(server.Admin) { Password = "not-this-secret" }.ConnectionString);
        string output = await CommandProcess.Run(1, "database create", settings);
        Assert.Contains("password authentication failed", output, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", output, StringComparison.Ordinal);
        Assert.Equal(0L, server.Ask("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'wrong%'"));
    }

    [Fact]
    public async Task What_is_not_given_is_named()
    {
        string output = await CommandProcess.Run(2, "database create", [("ConnectionStrings:Directory", "Password=secret")]);
        foreach (string key in new[] { "ConnectionStrings:Admin is missing", "ConnectionStrings:Owners:Directory is missing", "ConnectionStrings:Shards:0 is missing", "ConnectionStrings:Directory (not shown) names no Host" })
        {
            Assert.Contains(key, output, StringComparison.Ordinal);
        }

        Assert.DoesNotContain("secret", output, StringComparison.Ordinal);
    }

    /// <summary>An administrator in the cloud is mostly none of PostgreSQL's superusers.</summary>
    [Fact]
    public async Task Who_may_make_roles_and_databases_is_enough()
    {
        server.Ask("CREATE ROLE helper LOGIN CREATEDB CREATEROLE PASSWORD 'x'");
        List<string> lines = [];
        await new PostgresProvisioning(server.Of("helper", "x", "postgres"), lines.Add).Make([Wanted("cloud")], default);
        Assert.Contains("Made: database cloud.", lines);
        Assert.Equal(false, server.Ask("SELECT pg_has_role('helper', 'cloud_owner', 'MEMBER')"));
    }

    [Theory]
    [InlineData("SUPERUSER", "superuser")]
    [InlineData("BYPASSRLS", "superuser")]
    [InlineData("IN ROLE unsafe_owner", "member of unsafe_owner")]
    [InlineData("NOLOGIN", "may not log in")]
    public async Task A_role_that_is_not_safe_is_refused(string what, string message)
    {
        server.Ask("DROP ROLE IF EXISTS unsafe_app; DROP ROLE IF EXISTS unsafe_owner; CREATE ROLE unsafe_owner LOGIN");
        server.Ask($"CREATE ROLE unsafe_app {(what == "NOLOGIN" ? "" : "LOGIN")} {what}");
        StorageRefusedException e = await Assert.ThrowsAsync<StorageRefusedException>(() => Make(Wanted("unsafe")));
        Assert.Contains(message, e.Message, StringComparison.Ordinal);
        Assert.Equal(0L, server.Ask("SELECT count(*) FROM pg_database WHERE datname = 'unsafe'"));
    }

    [Fact]
    public async Task What_cannot_be_is_refused_before_anything_is_made()
    {
        WantedDatabase good = Wanted("fine");
        foreach (WantedDatabase bad in new[]
        {
            good with { Options = good.Options with { ConnectionString = good.Options.OwnerConnectionString! } },
            good with { Options = good.Options with { ConnectionString = server.Of("fine_app", "x", "another") } },
            Wanted(new string('葵', 22)),
        })
        {
            await Assert.ThrowsAsync<StorageRefusedException>(() => Make(good, bad));
        }

        Assert.Equal(0L, server.Ask("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'fine%'"));
    }

    [Fact]
    public async Task What_was_there_keeps_its_password_and_the_message_says_so()
    {
        await Make(Wanted("kept"));
        WantedDatabase other = Wanted("kept");
        other = other with { Options = other.Options with { ConnectionString = server.Of("kept_app", "changed-secret", "kept") } };
        StorageUnavailableException e = await Assert.ThrowsAsync<StorageUnavailableException>(() => Make(other));
        Assert.Contains("keeps its password", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", e.Message, StringComparison.Ordinal);
        await Make(Wanted("kept"));
    }

    [Fact]
    public async Task A_database_of_another_encoding_is_refused()
    {
        server.Ask("CREATE DATABASE ascii ENCODING 'SQL_ASCII' TEMPLATE template0");
        Assert.Contains("SQL_ASCII", (await Assert.ThrowsAsync<StorageRefusedException>(() => Make(Wanted("ascii")))).Message, StringComparison.Ordinal);
    }

    /// <summary>From RFC 7677, whose iterations are PostgreSQL's too.</summary>
    [Fact]
    public void A_password_becomes_what_PostgreSQL_makes_of_it() => Assert.Equal(
        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
        ScramSecret.Of("pencil", Convert.FromBase64String("W22ZaJ0SNY7soEsUEjb6gQ==")));

    private Task Make(params WantedDatabase[] databases) => new PostgresProvisioning(server.Admin, _ => { }).Make(databases, default);

    private WantedDatabase Wanted(string name) => new(
        new PostgresOptions { ConnectionString = server.Of($"{name}_app", AppPassword, name), OwnerConnectionString = server.Of($"{name}_owner", OwnerPassword, name) },
        PostgresParts.Directory | PostgresParts.Rooms, Shard: 0);

    private (string, string)[] One(string name, string admin) =>
    [
        .. new[] { "Directory", "Shards:0" }.SelectMany(of => new[]
        {
            ($"ConnectionStrings:{of}", server.Of($"{name}_app", AppPassword, name)), ($"ConnectionStrings:Owners:{of}", server.Of($"{name}_owner", OwnerPassword, name)),
        }),
        ("ConnectionStrings:Admin", admin),
    ];
}
