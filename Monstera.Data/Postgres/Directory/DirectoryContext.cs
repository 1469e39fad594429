using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Storage.ValueConversion;
using Monstera.Data.Ids;

namespace Monstera.Data.Postgres.Directory;

/// <summary>
/// The directory's tables for queries, and for changes of one statement (ExecuteUpdate, ExecuteDelete). Nothing is tracked, and nothing is saved: a row that was read here may have
/// been changed by another server meanwhile.
/// </summary>
internal sealed class DirectoryContext(DbContextOptions<DirectoryContext> options) : DbContext(options)
{
    private const int PooledMax = 256;

    // One for all databases, so that the model and compiled queries are made once: a context gets its connection when it is rented.
    private static readonly PooledDbContextFactory<DirectoryContext> Pool = new(
        new DbContextOptionsBuilder<DirectoryContext>()
            .UseNpgsql()
            .UseQueryTrackingBehavior(QueryTrackingBehavior.NoTracking)
            .AddInterceptors(new VisibleTenant())
            .Options,
        PooledMax);

    /// <summary>Whose rows the commands of this context may see: the second wall (see <see cref="VisibleTenant"/>).</summary>
    public TenantId Tenant { get; private set; }

    /// <summary>A query that makes the settings of every transaction.</summary>
    public string Settings { get; private set; } = "";

    public DbSet<TenantRow> Tenants => Set<TenantRow>();

    public DbSet<AccountRow> Accounts => Set<AccountRow>();

    public DbSet<SessionRow> Sessions => Set<SessionRow>();

    public DbSet<InviteRow> Invites => Set<InviteRow>();

    /// <param name="connection">The caller's: opened and closed by each command, never disposed.</param>
    public static DirectoryContext Rent(Npgsql.NpgsqlConnection connection, TenantId tenant, string settings)
    {
        DirectoryContext context = Pool.CreateDbContext();
        context.Database.SetDbConnection(connection);
        context.Tenant = tenant;
        context.Settings = settings;
        return context;
    }

    protected override void ConfigureConventions(ModelConfigurationBuilder configurationBuilder)
    {
        configurationBuilder.Conventions.Add(_ => new SnakeCaseColumns());
        configurationBuilder.Properties<TenantId>().HaveConversion<IdConverter<TenantId>>();
        configurationBuilder.Properties<UserId>().HaveConversion<IdConverter<UserId>>();
        configurationBuilder.Properties<SessionId>().HaveConversion<IdConverter<SessionId>>();
        configurationBuilder.Properties<InviteId>().HaveConversion<IdConverter<InviteId>>();
        configurationBuilder.Properties<RoomId>().HaveConversion<IdConverter<RoomId>>();
        configurationBuilder.Properties<DateTimeOffset>().HaveConversion<MillisecondConverter>();
    }

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.HasDefaultSchema("directory");
        modelBuilder.Entity<TenantRow>().ToTable("tenant").HasKey(row => row.Id);
        modelBuilder.Entity<AccountRow>().ToTable("account").HasKey(row => new { row.Tenant, row.Id });
        modelBuilder.Entity<SessionRow>().ToTable("session").HasKey(row => new { row.Tenant, row.Id });
        modelBuilder.Entity<InviteRow>().ToTable("invite").HasKey(row => new { row.Tenant, row.Id });
    }

    private sealed class IdConverter<TId>() : ValueConverter<TId, Guid>(id => id.Value, value => MakeId<TId>(value))
        where TId : struct, ITypedId<TId>;

    private sealed class MillisecondConverter() : ValueConverter<DateTimeOffset, DateTimeOffset>(time => PostgresTime.Of(time), time => time);

    // Expressions cannot call static members of interfaces.
    private static TId MakeId<TId>(Guid value)
        where TId : struct, ITypedId<TId> => TId.From(value);
}
