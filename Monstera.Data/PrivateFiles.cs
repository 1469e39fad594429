using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace Monstera.Data;

/// <summary>Files that are nobody else's business and that survive a power cut.</summary>
internal static class PrivateFiles
{
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>A new folder; one that is there must be empty.</summary>
    /// <exception cref="Archive.ArchiveConflictException">Something is in it.</exception>
    public static void MakeFolder(string folder)
    {
        if (System.IO.Directory.Exists(folder) && System.IO.Directory.EnumerateFileSystemEntries(folder).Any())
        {
            throw new Archive.ArchiveConflictException($"{folder} is not empty. Give a new folder for each backup.");
        }

        EnsureFolder(folder);
    }

    /// <summary>One that is there stays as it is.</summary>
    public static void EnsureFolder(string folder)
    {
        if (OperatingSystem.IsWindows())
        {
            System.IO.Directory.CreateDirectory(folder);
        }
        else
        {
            System.IO.Directory.CreateDirectory(folder, Private | UnixFileMode.UserExecute);
        }
    }

    /// <summary>An empty file that others cannot read, before anything is in it.</summary>
    public static void MakeFile(string path)
    {
        FileStreamOptions options = new() { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = Private;
        }

        new FileStream(path, options).Dispose();
    }

    public static async Task Copy(string from, string to, CancellationToken cancel)
    {
        File.Delete(to);
        MakeFile(to);
        await using FileStream source = File.OpenRead(from);
        await using FileStream copy = new(to, FileMode.Open, FileAccess.Write);
        await source.CopyToAsync(copy, cancel);
        copy.Flush(flushToDisk: true);
    }

    public static async Task<string> Hash(string path, CancellationToken cancel)
    {
        await using FileStream file = File.OpenRead(path);
        return Convert.ToHexStringLower(await SHA256.HashDataAsync(file, cancel));
    }

    /// <summary>The file is there with all of it, or not at all.</summary>
    public static void WriteWhole(string path, byte[] content)
    {
        string partial = path + ".partial";
        File.Delete(partial);
        MakeFile(partial);
        using (FileStream file = new(partial, FileMode.Open, FileAccess.Write))
        {
            file.Write(content);
            file.Flush(flushToDisk: true);
        }

        File.Move(partial, path, overwrite: true);
        SyncFolder(path);
    }

    public static void Sync(string path)
    {
        using FileStream file = new(path, FileMode.Open, FileAccess.ReadWrite);
        file.Flush(flushToDisk: true);
    }

    /// <summary>Names in a folder survive a power cut only when it was synced.</summary>
    public static void SyncFolder(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        // .NET opens no folders.
        int folder = Open(Encoding.UTF8.GetBytes(Path.GetDirectoryName(Path.GetFullPath(path))! + '\0'), flags: 0);
        if (folder < 0 || Sync(folder) != 0 | Close(folder) != 0)
        {
            throw new IOException($"The folder of {path} cannot be synced (error {Marshal.GetLastPInvokeError()}).");
        }
    }

    [DllImport("libc", EntryPoint = "open", SetLastError = true)]
    private static extern int Open(byte[] path, int flags);

    [DllImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static extern int Sync(int file);

    [DllImport("libc", EntryPoint = "close", SetLastError = true)]
    private static extern int Close(int file);
}
