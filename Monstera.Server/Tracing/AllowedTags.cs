using System.Diagnostics;
using OpenTelemetry;

namespace Monstera.Server.Tracing;

/// <summary>
/// What may leave the server in a span's attributes, by name. The framework's and the database driver's spans say more than they should (addresses with tokens or invitations in them,
/// statements, what a browser calls itself, words of errors), and may say other things with their next version.
/// </summary>
/// <remarks>Events of spans, in which the driver tells of exceptions word by word, cannot be taken out here: <see cref="TracePipeline"/> lets none go out.</remarks>
internal sealed class AllowedTags : BaseProcessor<Activity>
{
    private const string OwnPrefix = "monstera.";

    private static readonly HashSet<string> Allowed = new(StringComparer.Ordinal)
    {
        "error.type", "rpc.system", "rpc.method", "http.request.method", "http.response.status_code", "http.route", "network.protocol.version", "network.protocol.name",
        "db.system", "db.system.name", "db.name", "db.namespace", "db.operation.name", "db.response.status_code",
        "db.client.connection.pool.name", "db.npgsql.data_source",
    };

    // Of what the server calls. Of what calls the server they are words of the caller.
    private static readonly HashSet<string> AllowedOfClients = new(StringComparer.Ordinal) { "server.address", "server.port" };

    public override void OnEnd(Activity data)
    {
        List<string>? unwanted = null;
        foreach (ref readonly KeyValuePair<string, object?> tag in data.EnumerateTagObjects())
        {
            if (!Allowed.Contains(tag.Key) && !tag.Key.StartsWith(OwnPrefix, StringComparison.Ordinal)
                && !(data.Kind == ActivityKind.Client && AllowedOfClients.Contains(tag.Key)))
            {
                (unwanted ??= []).Add(tag.Key);
            }
        }

        foreach (string key in unwanted ?? [])
        {
            data.SetTag(key, null);
        }

        if (data.StatusDescription is not null)
        {
            data.SetStatus(data.Status);
        }

        // Not null: that would mean its parent's.
        data.TraceStateString = "";
    }
}
