using System.Text;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;
using Monstera.Server.Configuration;
using Monstera.Tests.Clients;

namespace Monstera.Tests.Configuration;

/// <summary>Settings whose value stands in a file that the environment names.</summary>
public sealed class SecretFilesTests : IDisposable
{
    private const string Secret = "swordfish-swordfish-swordfish-swordfish";

    private readonly string _folder = System.IO.Directory.CreateTempSubdirectory("monstera-secrets-").FullName;

    public void Dispose() => System.IO.Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(Secret)]
    [InlineData(Secret + "\n")]
    [InlineData(Secret + "\r\n")]
    [InlineData(Secret + "\n\n")]
    [InlineData("\uFEFF" + Secret)]
    public void The_text_of_the_file_is_the_value_without_the_line_s_end(string text)
    {
        ConfigurationManager configuration = Read(("ConnectionStrings__Redis_FILE", Write(text)));
        Assert.Equal(Secret, configuration["ConnectionStrings:Redis"]);
        Assert.Equal(Secret, new ConnectionStrings(configuration).Redis);
    }

    [Fact]
    public void Lines_within_and_spaces_stay_as_they_are()
    {
        string pem = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----";
        Assert.Equal(pem, Read(("Monstera__ConnectionTokens__PublicKey_FILE", Write(pem + "\n")))["Monstera:ConnectionTokens:PublicKey"]);
        Assert.Equal(" spaced ", Read(("Monstera__ConnectionTokens__Secret_FILE", Write(" spaced \n")))["Monstera:ConnectionTokens:Secret"]);
    }

    [Fact]
    public void In_a_numbered_list_the_variable_itself_is_nobody()
    {
        ConnectionStrings strings = new(Read(
            ("ConnectionStrings__Shards__0_FILE", Write("Host=a")), ("ConnectionStrings__Shards__1_FILE", Write("Host=b")), ("ConnectionStrings__Owners__Directory_FILE", Write("Host=c"))));
        Assert.Equal(("Host=a", "Host=b"), (strings.Shard(0), strings.Shard(1)));
        Assert.Equal(2, strings.ShardCount);
        Assert.Equal("Host=c", strings.DirectoryOwner);
        Assert.Equal(["ConnectionStrings:Owners:Directory", "ConnectionStrings:Shards:0", "ConnectionStrings:Shards:1"], strings.Given().Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Files_of_settings_are_under_it_and_the_command_line_is_over_it()
    {
        ConfigurationManager configuration = new();
        configuration.AddInMemoryCollection([new("Monstera:NodeName", "of the file"), new("Monstera:DataFolder", "of the file")]);
        configuration.AddEnvironmentVariables();
        configuration.AddCommandLine(["--Monstera:DataFolder=of the command line"]);
        configuration.AddSecretFiles(new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["Monstera__NodeName_FILE"] = Write("secret"),
            ["Monstera__DataFolder_FILE"] = Write("secret"),
        });
        Assert.Equal(("secret", "of the command line"), (configuration["Monstera:NodeName"], configuration["Monstera:DataFolder"]));
    }

    [Fact]
    public void What_is_not_ours_or_empty_is_not_looked_at() =>
        Assert.Empty(SecretFiles.Read(new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["POSTGRES_PASSWORD_FILE"] = "/nowhere",
            ["SSL_CERT_FILE"] = "/nowhere",
            ["Monstera___FILE"] = "/nowhere",
            ["ConnectionStrings__Redis_FILE"] = "",
            ["ConnectionStrings__Directory"] = "/nowhere",
        }));

    [Fact]
    public void Everything_that_is_wrong_is_said_with_the_variable_and_the_file_and_without_what_is_in_it()
    {
        string good = Write(Secret);
        Dictionary<string, string> environment = new(StringComparer.Ordinal)
        {
            ["ConnectionStrings__Directory_FILE"] = good,
            ["ConnectionStrings__Directory"] = Secret,
            ["ConnectionStrings__Redis_FILE"] = Path.Combine(_folder, "missing"),
            ["ConnectionStrings__Admin_FILE"] = _folder,
            ["ConnectionStrings__Shards__0_FILE"] = Write("\n"),
            ["Monstera__ConnectionTokens__Secret_FILE"] = Write(new string('x', SecretFiles.BytesMax + 1)),
            ["Monstera__ConnectionTokens__PublicKey_FILE"] = Write([0xFF, 0xFE, 0x00]),
            ["Kestrel__Certificates__Default__Password_FILE"] = Write("sword\0fish"),
        };
        string[] failures = [.. Assert.Throws<OptionsValidationException>(() => SecretFiles.Read(environment)).Failures];
        Assert.Equal(7, failures.Length);
        Assert.DoesNotContain(failures, failure => failure.Contains("swordfish", StringComparison.Ordinal) || failure.Contains("xxx", StringComparison.Ordinal));
        string Of(string variable) => Assert.Single(failures, failure => failure.StartsWith(variable + " ", StringComparison.Ordinal));
        Assert.Equal("ConnectionStrings__Directory_FILE and ConnectionStrings__Directory are both set: give the value once.", Of("ConnectionStrings__Directory_FILE"));
        Assert.Equal($"ConnectionStrings__Redis_FILE is '{Path.Combine(_folder, "missing")}', and that file does not exist.", Of("ConnectionStrings__Redis_FILE"));
        Assert.EndsWith("is a folder.", Of("ConnectionStrings__Admin_FILE"), StringComparison.Ordinal);
        Assert.EndsWith("is empty.", Of("ConnectionStrings__Shards__0_FILE"), StringComparison.Ordinal);
        Assert.Contains("65536 bytes", Of("Monstera__ConnectionTokens__Secret_FILE"), StringComparison.Ordinal);
        Assert.EndsWith("is no text.", Of("Kestrel__Certificates__Default__Password_FILE"), StringComparison.Ordinal);
        Assert.EndsWith("is no text in UTF-8.", Of("Monstera__ConnectionTokens__PublicKey_FILE"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_as_large_as_may_be_is_read_whole() =>
        Assert.Equal(SecretFiles.BytesMax, SecretFiles.Read(new Dictionary<string, string>(StringComparer.Ordinal) { ["Monstera__X_FILE"] = Write(new string('x', SecretFiles.BytesMax)) })["Monstera:X"]!.Length);

    [Fact]
    public async Task The_server_and_the_commands_refuse_with_exit_code_2_and_one_line()
    {
        string missing = Path.Combine(_folder, "missing");
        string line = $"monstera: ConnectionStrings__Redis_FILE is '{missing}', and that file does not exist.";
        (int exitCode, string error) = await ServerProcess.Fail(_folder, ("ConnectionStrings:Redis_FILE", missing));
        Assert.Equal((2, line), (exitCode, error.Trim()));
        Assert.Equal(line, (await CommandProcess.Run(2, "rebuild-index", ("ConnectionStrings:Redis_FILE", missing))).Trim());
    }

    [Fact]
    public async Task What_a_server_reads_from_a_file_is_checked_as_all_settings_are_and_not_shown()
    {
        (int exitCode, string error) = await ServerProcess.Fail(
            _folder, ("Backplane", "redis"), ("ConnectionStrings:Redis_FILE", Write($"redis://user:{Secret}@host:port-that-is-none")));
        Assert.Equal(2, exitCode);
        Assert.Contains("ConnectionStrings:Redis (not shown)", error, StringComparison.Ordinal);
        Assert.DoesNotContain("swordfish", error, StringComparison.Ordinal);
    }

    private static ConfigurationManager Read(params (string Variable, string Path)[] files)
    {
        ConfigurationManager configuration = new();

        // As the environment's provider has them too, without changing that of all other tests.
        configuration.AddInMemoryCollection(files.Select(file => KeyValuePair.Create(file.Variable.Replace("__", ":", StringComparison.Ordinal), (string?)file.Path)));
        configuration.AddEnvironmentVariables("MONSTERA_NOBODY_HAS_THIS_");
        configuration.AddSecretFiles(files.ToDictionary(file => file.Variable, file => file.Path, StringComparer.Ordinal));
        return configuration;
    }

    private string Write(string text) => Write(Encoding.UTF8.GetBytes(text));

    private string Write(byte[] bytes)
    {
        string file = Path.Combine(_folder, Guid.NewGuid().ToString("N"));
        File.WriteAllBytes(file, bytes);
        return file;
    }
}
