using System.Runtime.InteropServices;
using SQLitePCL;

namespace Monstera.Data.Sqlite;

/// <summary>
/// Chooses SQLite's native library once per process: the system's, when it is newer than the one that comes with the package, so that
/// the distribution's security fixes count.
/// </summary>
internal static class SqliteLibrary
{
    private const string Bundled = "e_sqlite3";
    private static readonly string[] SystemNames = ["libsqlite3.so.0", "libsqlite3.dylib"];
    private static readonly Lazy<string> Loaded = new(Load);

    /// <summary>Loads the library if need be.</summary>
    /// <returns>SQLite's version.</returns>
    public static string EnsureLoaded() => Loaded.Value;

    private static string Load()
    {
        NativeLibrary.SetDllImportResolver(typeof(SQLite3Provider_e_sqlite3).Assembly, Resolve);
        raw.SetProvider(new SQLite3Provider_e_sqlite3());
        return raw.sqlite3_libversion().utf8_to_string();
    }

    private static nint Resolve(string name, System.Reflection.Assembly assembly, DllImportSearchPath? path)
    {
        if (name != Bundled)
        {
            return 0;
        }

        bool hasBundled = NativeLibrary.TryLoad(name, assembly, path, out nint bundled);
        int bundledVersion = hasBundled ? Call(bundled, "sqlite3_libversion_number") : 0;
        foreach (string systemName in SystemNames)
        {
            if (!NativeLibrary.TryLoad(systemName, out nint system))
            {
                continue;
            }

            // One built without threads would need a lock that we do not take.
            if (Call(system, "sqlite3_libversion_number") > bundledVersion && Call(system, "sqlite3_threadsafe") != 0)
            {
                return system;
            }
        }

        return bundled;
    }

    private static int Call(nint library, string export) =>
        NativeLibrary.TryGetExport(library, export, out nint address)
            ? Marshal.GetDelegateForFunctionPointer<IntFunction>(address)()
            : 0;

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate int IntFunction();
}
