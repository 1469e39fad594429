using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Configuration;
using Monstera.Server.Commands;
using Monstera.Server.Health;
using Monstera.Tests.Clients;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Commands;

/// <summary><c>monstera health</c>, which containers ask themselves with.</summary>
public sealed class HealthCommandTests
{
    [Fact]
    public async Task It_says_by_its_exit_code_whether_the_server_is_ready_and_whether_it_lives()
    {
        FakeTime time = new();
        CountingDirectory? directory = null;
        await using RunningServer server = await RunningServer.Start(time: time, replace: services => CountingDirectory.Install(services, made => directory = made));
        Assert.Equal((0, 0), (await Health("--url", server.Address), await Health("--url", server.Address, "--live")));
        directory!.Fails = _ => true;
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal((1, 0), (await Health("--url", server.Address), await Health("--live", "--url", server.Address)));
    }

    [Fact]
    public async Task Nobody_there_somebody_else_and_a_server_that_hangs_are_all_not_healthy()
    {
        using TcpListener other = new(IPAddress.Loopback, 0);
        other.Start();
        string address = $"http://127.0.0.1:{((IPEndPoint)other.LocalEndpoint).Port}";
        Task<int> asked = Health("--url", address);
        using (TcpClient client = await other.AcceptTcpClientAsync(TestContext.Current.CancellationToken))
        {
            await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes("HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n"), TestContext.Current.CancellationToken);
            Assert.Equal(1, await asked);
        }

        // It takes the connection and says nothing.
        Assert.Equal(1, await Health("--url", address));
        other.Stop();
        Assert.Equal(1, await Health("--url", address));
        Assert.Equal(2, await Health("--url", "localhost:80 80"));
    }

    [Theory]
    [InlineData("http://localhost:5080/")]
    [InlineData("http://localhost:8080/", "http_ports", "8080")]
    [InlineData("http://localhost:8080/", "http_ports", "8080;8081", "https_ports", "8443")]
    [InlineData("https://localhost:8443/", "https_ports", "8443")]
    [InlineData("http://localhost:9000/", "urls", "http://*:9000", "http_ports", "8080")]
    [InlineData("http://localhost:9000/", "urls", "https://0.0.0.0:9443;http://+:9000/")]
    [InlineData("http://localhost:9000/", "urls", "http://[::]:9000")]
    [InlineData("http://127.0.0.1:9000/", "urls", "http://127.0.0.1:9000")]
    [InlineData("http://10.1.2.3:9000/", "urls", "http://10.1.2.3:9000")]
    [InlineData("https://localhost:7000/", "Kestrel:Endpoints:Web:Url", "https://*:7000", "urls", "http://*:9000")]
    public void It_asks_where_the_settings_say_that_the_server_listens(string expected, params string[] settings) =>
        Assert.Equal(expected, OwnAddress.Of(new ConfigurationBuilder().AddInMemoryCollection(
            settings.Chunk(2).Select(pair => KeyValuePair.Create(pair[0], (string?)pair[1]))).Build()).AbsoluteUri);

    [Fact]
    public async Task The_program_says_nothing_when_all_is_well_and_one_line_when_not()
    {
        await using RunningServer server = await RunningServer.Start();
        Assert.Equal("", (await CommandProcess.Run(0, $"health --url {server.Address}")).Trim());
        Assert.StartsWith("monstera: http://127.0.0.1:1/healthz/ready does not answer: ", (await CommandProcess.Run(1, "health --url http://127.0.0.1:1")).Trim(), StringComparison.Ordinal);
    }

    private static Task<int> Health(params string[] arguments) => MonsteraCommand.Run(["health", .. arguments]);
}
