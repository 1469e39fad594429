using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Monstera.Server.Health;
using Monstera.Server.Rooms;
using Monstera.Tests.Clients;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Health;

public sealed class HealthTests
{
    [Fact]
    public async Task A_server_that_can_write_is_live_and_ready_for_anybody_and_never_cached()
    {
        await using RunningServer server = await RunningServer.Start();
        Answer live = (await server.Anonymous().Get("/healthz/live")).IsStatus(200);
        Answer ready = (await server.Anonymous().Get("/healthz/ready")).IsStatus(200);
        Assert.Equal("""{"status":"live"}""", live.Text);
        Assert.Equal("""{"status":"ready"}""", ready.Text);
        Assert.Equal("no-store", live.Header("Cache-Control"));
        Assert.Equal("no-store", ready.Header("Cache-Control"));
        (await server.Anonymous().Send(HttpMethod.Head, "/healthz/ready")).IsStatus(200);
        (await server.Anonymous().Get("/healthz")).Is("not_found", 404);
        (await server.Anonymous().Post("/healthz/ready")).Is("unknown_method", 405);
    }

    [Fact]
    public async Task While_the_storage_fails_it_is_live_but_not_ready_and_tells_nothing_more()
    {
        FakeTime time = new();
        CountingDirectory? directory = null;
        await using RunningServer server = await RunningServer.Start(time: time, replace: services => CountingDirectory.Install(services, made => directory = made));
        directory!.Fails = _ => true;
        Answer ready = (await server.Anonymous().Get("/healthz/ready")).IsStatus(503);
        Assert.Equal("""{"status":"unavailable"}""", ready.Text);
        Assert.Equal("no-store", ready.Header("Cache-Control"));
        (await server.Anonymous().Get("/healthz/live")).IsStatus(200);

        directory.Fails = _ => false;
        time.Advance(TimeSpan.FromSeconds(1));
        (await server.Anonymous().Get("/healthz/ready")).IsStatus(200);
    }

    [Fact]
    public async Task A_storage_that_hangs_is_not_ready_after_two_seconds()
    {
        FakeTime time = new();
        CountingDirectory? directory = null;
        await using RunningServer server = await RunningServer.Start(time: time, replace: services => CountingDirectory.Install(services, made => directory = made));
        TaskCompletionSource hanging = new();
        directory!.Ready = hanging.Task;
        int calls = directory.Calls;
        Task<Answer> ready = server.Anonymous().Get("/healthz/ready");
        await Signal.Poll(() => directory.Calls > calls, "the proof has begun");

        // Who comes while it hangs waits for the same proof, and does not begin another.
        time.Advance(TimeSpan.FromSeconds(1.5));
        Task<bool> another = server.Services.GetRequiredService<Readiness>().IsReady();
        Assert.False(another.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(0.5));
        (await ready).IsStatus(503);
        Assert.False(await another.WaitAsync(Signal.Patience, TimeProvider.System));
        Assert.Equal(calls + 1, directory.Calls);
        hanging.SetResult();
    }

    [Fact]
    public async Task Those_who_ask_within_a_second_share_one_proof()
    {
        FakeTime time = new();
        CountingDirectory? directory = null;
        await using RunningServer server = await RunningServer.Start(time: time, replace: services => CountingDirectory.Install(services, made => directory = made));
        int before = directory!.Calls;
        for (int i = 0; i < 20; i++)
        {
            (await server.Anonymous().Get("/healthz/ready")).IsStatus(200);
        }

        Assert.Equal(before + 1, directory.Calls);
        time.Advance(TimeSpan.FromSeconds(1));
        (await server.Anonymous().Get("/healthz/ready")).IsStatus(200);
        Assert.Equal(before + 2, directory.Calls);
    }

    [Fact]
    public async Task Without_the_write_path_it_is_not_ready()
    {
        await using RunningServer server = await RunningServer.Start();
        await server.Services.GetRequiredService<RoomWriter>().StopAsync(TestContext.Current.CancellationToken);
        (await server.Anonymous().Get("/healthz/ready")).IsStatus(503);
    }

    [Fact]
    public async Task A_server_that_is_told_to_stop_is_not_ready_any_more()
    {
        await using RunningServer server = await RunningServer.Start();
        Readiness readiness = server.Services.GetRequiredService<Readiness>();
        Assert.True(await readiness.IsReady());
        server.Services.GetRequiredService<IHostApplicationLifetime>().StopApplication();
        Assert.False(await readiness.IsReady());
    }
}
