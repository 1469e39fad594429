namespace Monstera.Server.Redis;

/// <summary>Redis could not be asked, or did not answer in time: whether the command was carried out is unknown.</summary>
public sealed class RedisUnavailableException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>Redis answered with an error.</summary>
public sealed class RedisErrorException(string message) : Exception(message)
{
    /// <summary>The first word, such as WRONGTYPE.</summary>
    public string Code => Message.Split(' ', 2)[0];
}

/// <summary>What arrived is not RESP, or larger than anything that is expected. The connection cannot go on.</summary>
public sealed class RespException(string message) : Exception(message);
