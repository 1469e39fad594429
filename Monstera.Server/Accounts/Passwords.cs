using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Options;
using Monstera.Data.Directory;
using Monstera.Data.Ids;
using Monstera.Server.Errors;

namespace Monstera.Server.Accounts;

/// <summary>
/// Hashes and checks passwords. A hash takes some 100 ms of a core on purpose, so only half of the cores hash at a time and few wait: a flood of sign-ins is
/// refused (<see cref="ErrorCode.Overloaded"/>) rather than starving the chat.
/// </summary>
internal sealed class Passwords : IDisposable
{
    /// <summary>OWASP's advice for PBKDF2 with SHA-512.</summary>
    public const int Iterations = 210_000;

    private const int WaitingMax = 32;
    private const int RetryAfterMs = 2_000;

    private readonly IDirectory _directory;
    private readonly TimeProvider _time;
    private readonly PasswordHasher<object> _hasher;
    private readonly Lazy<string> _nobodysHash;
    private readonly SemaphoreSlim _turns;
    private readonly int _presentMax;
    private int _present;

    public Passwords(IDirectory directory, TimeProvider time, IOptions<PasswordHasherOptions> options)
        : this(directory, time, options, Math.Max(1, Environment.ProcessorCount / 2))
    {
    }

    internal Passwords(IDirectory directory, TimeProvider time, IOptions<PasswordHasherOptions> options, int atOnce)
    {
        _directory = directory;
        _time = time;
        _hasher = new PasswordHasher<object>(options);
        _nobodysHash = new Lazy<string>(() => _hasher.HashPassword(this, SessionToken.New()));
        _turns = new SemaphoreSlim(atOnce);
        _presentMax = atOnce + WaitingMax;
    }

    public void Dispose() => _turns.Dispose();

    public Task<Result<string>> Hash(string password, CancellationToken cancel) =>
        InTurn(() => Task.FromResult<Result<string>>(_hasher.HashPassword(this, password)), cancel);

    /// <summary>
    /// The user with this name and password. Wrong ones are counted; see <see cref="LockOut"/>. An unknown name takes as long as a wrong password, so that time does not
    /// tell which names exist.
    /// </summary>
    public Task<Result<User>> Check(TenantId tenant, string userName, string password, CancellationToken cancel) =>
        InTurn(() => CheckInTurn(tenant, userName, password), cancel);

    /// <remarks>
    /// All of it within the turn: whoever sends many guesses at once has them counted one after another, and the lock-out holds for those that wait. Not cancelled by a caller
    /// who hangs up: hanging up before the failure is counted would make guesses free.
    /// </remarks>
    private async Task<Result<User>> CheckInTurn(TenantId tenant, string userName, string password)
    {
        Credentials? found = await _directory.FindCredentials(tenant, userName, CancellationToken.None);
        if (found?.PasswordHash is not { } hash)
        {
            _hasher.VerifyHashedPassword(this, _nobodysHash.Value, password);
            return Wrong();
        }

        User user = found.User;
        DateTimeOffset now = _time.GetUtcNow();
        if (found.LockedUntil is { } until && until > now)
        {
            return new Error(ErrorCode.LockedOut, "Too many wrong passwords.", (int)Math.Ceiling((until - now).TotalMilliseconds));
        }

        PasswordVerificationResult verified = _hasher.VerifyHashedPassword(this, hash, password);
        if (verified == PasswordVerificationResult.Failed)
        {
            int failures = await _directory.RecordSignInFailure(tenant, user.Id, CancellationToken.None);
            if (LockOut.After(failures) is { } locked)
            {
                await _directory.LockOut(tenant, user.Id, now + locked, CancellationToken.None);
            }

            return Wrong();
        }

        if (found.Failures > 0)
        {
            await _directory.ClearSignInFailures(tenant, user.Id, CancellationToken.None);
        }

        if (verified == PasswordVerificationResult.SuccessRehashNeeded)
        {
            await _directory.SetPasswordHash(tenant, user.Id, _hasher.HashPassword(this, password), CancellationToken.None);
        }

        return user;
    }

    private async Task<Result<T>> InTurn<T>(Func<Task<Result<T>>> work, CancellationToken cancel)
    {
        if (Interlocked.Increment(ref _present) > _presentMax)
        {
            Interlocked.Decrement(ref _present);
            return new Error(ErrorCode.Overloaded, "Too many sign-ins at once.", RetryAfterMs);
        }

        try
        {
            await _turns.WaitAsync(cancel);
            try
            {
                return await Task.Run(work, CancellationToken.None);
            }
            finally
            {
                _turns.Release();
            }
        }
        finally
        {
            Interlocked.Decrement(ref _present);
        }
    }

    private static Error Wrong() => new(ErrorCode.Unauthenticated, "The user name or the password is wrong.");
}

/// <summary>How long an account is closed after wrong passwords in a row: 30 s after the fifth, twice as long after each further one, at most 15 min.</summary>
internal static class LockOut
{
    public const int FailuresAllowed = 5;
    private const int SecondsFirst = 30;
    private const int SecondsMax = 900;

    public static TimeSpan? After(int failures) =>
        failures < FailuresAllowed
            ? null
            : TimeSpan.FromSeconds(Math.Min(SecondsMax, SecondsFirst * Math.Pow(2, failures - FailuresAllowed)));
}
