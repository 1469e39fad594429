using System.Diagnostics.Metrics;
using System.Reflection;
using Microsoft.Extensions.Options;
using Monstera.Server.Configuration;
using Monstera.Server.Growth;

namespace Monstera.Server.Metrics;

/// <summary>What runs here, as labels of a metric that is always 1.</summary>
public sealed class InfoMeter
{
    /// <summary>Of the <see cref="Meter"/>.</summary>
    public const string Name = "Monstera.Info";

    public InfoMeter(IMeterFactory meters, IOptions<MonsteraOptions> options, ConnectionStrings strings)
    {
        ArgumentNullException.ThrowIfNull(meters);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(strings);
        MonsteraOptions monstera = options.Value;
        KeyValuePair<string, object?>[] labels =
        [
            new("version", typeof(InfoMeter).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? ""),
            new("storage", monstera.Storage == StorageProvider.Postgres ? "postgres" : "sqlite"),
            new("backplane", monstera.Backplane == BackplaneProvider.Redis ? "redis" : "memory"),
            new("phase", InstallationSetup.Of(monstera, strings).Phase),
        ];
        meters.Create(Name).CreateObservableGauge("monstera_info", () => new Measurement<int>(1, labels), null, "1; the labels say what runs here.");
    }
}
