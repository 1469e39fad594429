using Monstera.Server.Redis;
using Monstera.Tests.Clients;

namespace Monstera.Tests.Redis;

/// <summary>The connection string, and what a server says of a wrong one: the key and never the value.</summary>
public sealed class RedisSettingsTests
{
    private const string Secret = "hunter2";

    [Fact]
    public void A_list_of_hosts_and_options_is_read()
    {
        var settings = RedisSettings.Read("one:7000, two ,[::1]:7002,user=ann,password=p=w d,ssl=true,sslHost=redis.example,defaultDatabase=3");
        Assert.Equal([new("one", 7000), new("two", 6379), new("::1", 7002)], settings.Addresses);
        Assert.Equal(("ann", "p=w d", true, "redis.example", 3), (settings.User, settings.Password, settings.Ssl, settings.SslHost, settings.Database));
        settings = RedisSettings.Read("one,two:27000,serviceName=main,sentinelPassword=s");
        Assert.Equal([new("one", 26379), new("two", 27000)], settings.Addresses);
        Assert.Equal(("main", "s"), (settings.ServiceName, settings.SentinelPassword));
    }

    [Theory]
    [InlineData("127.0.0.1:7000", "127.0.0.1", 7000)]
    [InlineData("redis-1.example:7000", "redis-1.example", 7000)]
    [InlineData("2001:db8::1:7000", "2001:db8::1", 7000)]
    [InlineData(":7000", null, 0)]
    [InlineData("host:", null, 0)]
    [InlineData("host:70000", null, 0)]
    [InlineData("", null, 0)]
    public void Addresses_are_read_as_clusters_write_them(string text, string? host, int port)
    {
        Assert.Equal(host is not null, RedisAddress.TryParseLast(text, out RedisAddress address));
        Assert.Equal((host, port), (address.Host, address.Port));
    }

    [Fact]
    public void A_url_is_read()
    {
        var settings = RedisSettings.Read("rediss://ann:a%2Cb%40@redis.example:7000/5");
        Assert.Equal([new("redis.example", 7000)], settings.Addresses);
        Assert.Equal(("ann", "a,b@", true, 5), (settings.User, settings.Password, settings.Ssl, settings.Database));
        settings = RedisSettings.Read("redis://:secret@127.0.0.1");
        Assert.Equal([new("127.0.0.1", 6379)], settings.Addresses);
        Assert.Equal((null, "secret", false, 0), (settings.User, settings.Password, settings.Ssl, settings.Database));
    }

    [Theory]
    [InlineData("")]
    [InlineData("password=hunter2")]
    [InlineData("host:port,password=hunter2")]
    [InlineData("host:0,password=hunter2")]
    [InlineData("host,hunter2:x")]
    [InlineData("host,password=a,hunter2=b")]
    [InlineData("host,password=")]
    [InlineData("host,user=hunter2")]
    [InlineData("host,ssl=hunter2")]
    [InlineData("host,sslHost=hunter 2")]
    [InlineData("host,sslCa=/hunter2")]
    [InlineData("host,defaultDatabase=-1")]
    [InlineData("host,defaultDatabase=hunter2")]
    [InlineData("host,serviceName=")]
    [InlineData("host,sentinelPassword=hunter2")]
    [InlineData("http://x:hunter2@host")]
    [InlineData("redis://")]
    [InlineData("redis://x:hunter2@host/y")]
    [InlineData("redis://host/0?hunter2")]
    public void A_fault_is_found_and_nothing_of_it_shown(string text)
    {
        string? fault = RedisSettings.FindFault(text);
        Assert.NotNull(fault);
        Assert.DoesNotContain(Secret, fault, StringComparison.Ordinal);
        Assert.DoesNotContain(Secret, Assert.Throws<ArgumentException>(() => RedisSettings.Read(text)).Message, StringComparison.Ordinal);
    }

    // From the specification of Redis Cluster, and CLUSTER KEYSLOT of a real one.
    [Theory]
    [InlineData("123456789", 12739)]
    [InlineData("foo", 12182)]
    [InlineData("{user1000}.following", 3443)]
    [InlineData("{user1000}.followers", 3443)]
    [InlineData("foo{}{bar}", 8363)]
    [InlineData("foo{{bar}}zap", 4015)]
    [InlineData("foo{bar}{zap}", 5061)]
    [InlineData("", 0)]
    public void Slots_are_those_of_Redis(string key, int slot) => Assert.Equal(slot, RedisSlot.Of(key));

    [Fact]
    public async Task A_server_with_wrong_settings_does_not_start_and_names_the_key()
    {
        string folder = Path.Combine(Path.GetTempPath(), "monstera-" + Guid.NewGuid().ToString("N"));
        await Refuses("ConnectionStrings:Redis", ("Backplane", "redis"));
        await Refuses("Monstera:Backplane", ("ConnectionStrings:Redis", $"host,password={Secret}"));
        await Refuses("ConnectionStrings:Redis (not shown)", ("Backplane", "redis"), ("ConnectionStrings:Redis", $"host,password={Secret},{Secret}=1"));
        await Refuses("Monstera:Redis:Prefix", ("Backplane", "redis"), ("ConnectionStrings:Redis", "host"), ("Redis:Prefix", "{x}"), ("Realtime:AwayPollMs", "0"));
        await Refuses("Monstera:Realtime:AwayPollMs", ("Realtime:AwayPollMs", "0"));
        await Refuses("Monstera:Backplane", ("Backplane", "kafka"));

        async Task Refuses(string key, params (string, string)[] settings)
        {
            (int exitCode, string error) = await ServerProcess.Fail(folder, settings);
            Assert.Equal(2, exitCode);
            Assert.Contains(key, error, StringComparison.Ordinal);
            Assert.DoesNotContain(Secret, error, StringComparison.Ordinal);
        }
    }
}
