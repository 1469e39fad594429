namespace Monstera.Tests.Browser;

/// <summary>Browser tests say something about the web client of today only.</summary>
public sealed class ChromiumTests : IDisposable
{
    private readonly DirectoryInfo _folder = System.IO.Directory.CreateTempSubdirectory("monstera-test-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void A_web_client_that_is_older_than_its_sources_is_noticed()
    {
        DateTime now = TimeProvider.System.GetUtcNow().UtcDateTime;
        string index = Write("built/wwwroot/index.html", now);
        Write("web/index.html", now.AddMinutes(-1));
        Write("web/src/rooms/room.test.ts", now.AddMinutes(1));
        string source = Write("web/src/rooms/room.ts", now.AddMinutes(-1));
        Assert.True(IsUpToDate());
        File.SetLastWriteTimeUtc(source, now.AddMinutes(1));
        Assert.False(IsUpToDate());
        File.SetLastWriteTimeUtc(index, now.AddMinutes(2));
        Assert.True(IsUpToDate());
        Assert.True(Chromium.IsUpToDate(Path.Combine(_folder.FullName, "built"), sources: null));
    }

    private bool IsUpToDate() => Chromium.IsUpToDate(Path.Combine(_folder.FullName, "built"), Path.Combine(_folder.FullName, "web"));

    private string Write(string name, DateTime at)
    {
        string path = Path.Combine(_folder.FullName, name);
        System.IO.Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, name);
        File.SetLastWriteTimeUtc(path, at);
        return path;
    }
}
