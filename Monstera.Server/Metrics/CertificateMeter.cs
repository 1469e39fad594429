using System.Diagnostics.Metrics;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace Monstera.Server.Metrics;

/// <summary>When the certificate ends that the server itself shows, once somebody has connected by TLS. Behind a balancer that has the certificate there is none to tell of.</summary>
public sealed class CertificateMeter
{
    /// <summary>Of the <see cref="Meter"/>.</summary>
    public const string Name = "Monstera.Certificate";

    private long _expiresAt;

    public CertificateMeter(IMeterFactory meters)
    {
        ArgumentNullException.ThrowIfNull(meters);
        meters.Create(Name).CreateObservableGauge("certificate_expires_timestamp_seconds", Observe, "s", "When the server's certificate expires, in seconds since 1970.");
    }

    /// <summary>Looks at the certificate of each connection that begins.</summary>
    internal void Follow(HttpsConnectionAdapterOptions https) => https.OnAuthenticate = (_, tls) =>
        Note(tls.ServerCertificateContext?.TargetCertificate ?? tls.ServerCertificate as X509Certificate2);

    private void Note(X509Certificate2? certificate)
    {
        if (certificate is not null)
        {
            Volatile.Write(ref _expiresAt, new DateTimeOffset(certificate.NotAfter).ToUnixTimeSeconds());
        }
    }

    private IEnumerable<Measurement<long>> Observe() => Volatile.Read(ref _expiresAt) is var at and not 0 ? [new Measurement<long>(at)] : [];
}
