using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;

namespace Monstera.Server.Redis;

/// <summary>A Lua script, which Redis carries out as one step. Make each once and keep it.</summary>
public sealed class RedisScript(string source)
{
    public string Source { get; } = source;

    /// <summary>By which the server knows it.</summary>
    [SuppressMessage("Security", "CA5350", Justification = "It is what EVALSHA asks for, and protects nothing.")]
    public string Hash { get; } = Convert.ToHexStringLower(SHA1.HashData(Encoding.UTF8.GetBytes(source)));
}
