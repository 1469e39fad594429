using Npgsql;

namespace Monstera.Data.Postgres;

/// <summary>Checks a connection string before anybody is asked.</summary>
public static class PostgresConnectionString
{
    /// <summary>
    /// What is wrong with it, as the end of a sentence about it. Never quotes it, nor what Npgsql says of it: after a password with a semicolon, a piece of the password stands
    /// where a keyword should.
    /// </summary>
    /// <returns>Null: Npgsql can use it.</returns>
    public static string? FindFault(string connectionString)
    {
        try
        {
            NpgsqlConnectionStringBuilder builder = new(connectionString);
            if (string.IsNullOrWhiteSpace(builder.Host))
            {
                return "names no Host";
            }

            if (string.IsNullOrWhiteSpace(builder.Username))
            {
                return "names no Username";
            }

            // Connects to nobody yet, and finds what contradicts itself.
            NpgsqlDataSource.Create(builder).Dispose();
            return null;
        }
        catch (Exception e) when (e is ArgumentException or FormatException or OverflowException or InvalidCastException or InvalidOperationException or NotSupportedException)
        {
            return "is not in Npgsql's form, Host=…;Database=…;Username=…;Password=…";
        }
    }
}
