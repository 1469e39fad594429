using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Monstera.Data;
using Monstera.Server.Errors;
using Monstera.Server.Hosting;
using Monstera.Tests.Clients;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Hosting;

public sealed class SeldomTests
{
    private readonly FakeTime _time = new();

    [Fact]
    public void Once_in_that_time_and_at_once_after_all_was_well()
    {
        Seldom seldom = new(TimeSpan.FromSeconds(10), _time);
        Assert.True(seldom.IsTime());
        _time.AdvanceMs(9_999);
        Assert.False(seldom.IsTime());
        _time.AdvanceMs(1);
        Assert.True(seldom.IsTime());
        Assert.False(seldom.IsTime());
        seldom.Reset();
        Assert.True(seldom.IsTime());
    }

    /// <summary>While a database is away every call fails, and a log that is full of them hides the rest and fills the disk.</summary>
    [Fact]
    public async Task A_storage_that_is_away_is_logged_every_ten_seconds_and_not_for_each_request()
    {
        using CapturedLogs logs = new();
        using LoggerFactory factory = new([logs]);
        ErrorBodies bodies = new(_ => throw new StorageUnavailableException("gone"), _time, factory.CreateLogger<ErrorBodies>());
        for (int i = 0; i < 20; i++)
        {
            DefaultHttpContext context = new();
            await bodies.Invoke(context);
            Assert.Equal(503, context.Response.StatusCode);
            _time.AdvanceMs(1_000);
        }

        Assert.Equal(2, logs.Lines.Count(line => line.Contains("the storage does not answer", StringComparison.Ordinal)));
    }
}
