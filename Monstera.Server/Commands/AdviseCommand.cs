using System.CommandLine;
using System.Text.Json;
using Microsoft.Extensions.Options;
using Monstera.Data.Growth;
using Monstera.Data.Postgres;
using Monstera.Data.Postgres.Directory;
using Monstera.Data.Sqlite;
using Monstera.Server.Configuration;
using Monstera.Server.Growth;
using Monstera.Server.Wire;

namespace Monstera.Server.Commands;

/// <summary><c>monstera advise</c>: in which phase the installation is, what it will run into, and what to do about it. Reads what servers noted, whether they run or not.</summary>
internal static class AdviseCommand
{
    private static readonly JsonSerializerOptions Indented = new(WireJson.Options) { WriteIndented = true };

    public static Command Make()
    {
        Option<bool> json = new("--json") { Description = "For programs." };
        Command command = new("advise", "Says in which growth phase the installation is, which limit it will reach first and when, and what to do.")
        {
            TreatUnmatchedTokensAsErrors = false,
            Options = { json },
        };
        command.SetAction((parsed, _) => CommandRun.Run(cancel => Run(CommandSettings.Read(parsed.UnmatchedTokens), parsed.GetValue(json), cancel)));
        return command;
    }

    private static async Task<int> Run(CommandSettings settings, bool json, CancellationToken cancel)
    {
        GrowthBook book = GrowthFile.Read(settings.Options.Growth);
        InstallationSetup setup = InstallationSetup.Of(settings.Options, settings.Strings);
        GrowthReport report = await Read(settings, history => new GrowthReports(history, book, setup, TimeProvider.System).Make(cancel));
        if (json)
        {
            Console.WriteLine(JsonSerializer.Serialize(report, Indented));
        }
        else
        {
            AdviceText.Write(report, book.Phases.Count);
        }

        return CommandRun.Done;
    }

    /// <summary>The storage as it is: nothing is made, migrated or written.</summary>
    private static async Task<GrowthReport> Read(CommandSettings settings, Func<IGrowthLog, Task<GrowthReport>> use)
    {
        if (settings.Options.Storage == StorageProvider.Sqlite)
        {
            using SqliteDatabase file = SqliteDatabase.OpenReadOnly(settings.Options.DataFolder);
            return await use(new SqliteGrowthLog(file));
        }

        string connectionString = settings.Strings.Directory is { } given && PostgresConnectionString.FindFault(given) is null
            ? given
            : throw new OptionsValidationException(
                "ConnectionStrings", typeof(ConnectionStrings),
                [settings.Strings.Directory is { } wrong ? $"{ConnectionStrings.DirectoryKey} (not shown) {PostgresConnectionString.FindFault(wrong)}." : $"{ConnectionStrings.DirectoryKey} is missing."]);
        using PostgresDatabase directory = PostgresDatabase.Open(
            new PostgresOptions { ConnectionString = connectionString, Pooler = settings.Options.Postgres.Pooler, ConnectionsMax = settings.Options.Postgres.ConnectionsMax }, PostgresParts.Directory);
        return await use(new PostgresGrowthLog(directory));
    }
}
