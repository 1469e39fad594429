using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Monstera.Data.Directory;
using Monstera.Server.Cache;
using Monstera.Tests.Clients;
using Monstera.Tests.Fixtures;
using Monstera.Tests.Realtime;

namespace Monstera.Tests.Cache;

/// <summary>What connecting and calling cost the directory.</summary>
public sealed class LookUpsTests : IAsyncLifetime
{
    private readonly FakeTime _time = new(TimeProvider.System.GetUtcNow());
    private RunningServer _server = null!;
    private CountingDirectory _asked = null!;

    public async ValueTask InitializeAsync() =>
        _server = await LiveServer.Start(_time, null, [], services => CountingDirectory.InstallBehindCache(services, made => _asked = made));

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task A_connection_with_a_session_costs_one_look_up_and_further_ones_and_requests_within_a_second_none()
    {
        RestClient owner = await _server.SetUp();
        await Connect(owner.Token!);
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(["FindSession"], await LookUps(() => Connect(owner.Token!)));
        Assert.Empty(await LookUps(() => Connect(owner.Token!)));
        Assert.Empty(await LookUps(async () => (await owner.Get("/api/me")).IsStatus(200)));
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(["FindSession"], await LookUps(async () => (await owner.Get("/api/me")).IsStatus(200)));
    }

    [Fact]
    public async Task A_connection_with_a_token_costs_one_look_up_and_further_ones_none()
    {
        await Connect(Tokens.For("first"));
        Assert.Equal(["EnsureExternalUser"], await LookUps(() => Connect(Tokens.For("ann"))));
        _time.Advance(TimeSpan.FromSeconds(59));
        Assert.Empty(await LookUps(() => Connect(Tokens.For("ann"))));

        // Longer than a token is remembered whole: then the user is looked up, and nothing is written.
        _time.Advance(TimeSpan.FromMinutes(5));
        Assert.Equal(["FindUser", "FindTenant"], await LookUps(() => Connect(Tokens.For("ann"))));
    }

    [Fact]
    public async Task Hits_and_misses_are_counted_by_kind()
    {
        ConcurrentDictionary<string, long> counted = new(StringComparer.Ordinal);
        using MeterListener listener = new()
        {
            InstrumentPublished = (instrument, self) =>
            {
                if (instrument.Meter.Name == CacheMeter.Name && instrument.Meter.Scope == _server.Get<IMeterFactory>())
                {
                    self.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => counted.AddOrUpdate(
            $"{instrument.Name} {string.Join(' ', tags.ToArray().Select(tag => tag.Value))}", value, (_, before) => before + value));
        RestClient owner = await _server.SetUp();
        _time.Advance(TimeSpan.FromMinutes(2));
        listener.Start();

        for (int i = 0; i < 3; i++)
        {
            await Connect(owner.Token!);
        }

        Assert.Equal(
            ["cache_hits session memory 2", "cache_hits tenant memory 2", "cache_hits user memory 6", "cache_misses session 1", "cache_misses tenant 1"],
            counted.Select(pair => $"{pair.Key} {pair.Value}").Order(StringComparer.Ordinal));
    }

    private async Task<string[]> LookUps(Func<Task> action)
    {
        _asked.Called.Clear();
        await action();
        return [.. _asked.Called.Where(call => call is not (nameof(IDirectory.ApplyMemberships) or nameof(IDirectory.TouchSession)))];
    }

    private async Task Connect(string token)
    {
        await using HubSocket hub = await HubSocket.Connect(_server.Uri(), token, new HubSocketOptions { Pings = false });
        Assert.Null((await hub.Hello()).Code());
    }
}
