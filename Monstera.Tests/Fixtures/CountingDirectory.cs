using System.Collections.Concurrent;
using System.Reflection;
using Microsoft.Extensions.DependencyInjection;
using Monstera.Data;
using Monstera.Data.Directory;
using Monstera.Server.Storage;

namespace Monstera.Tests.Fixtures;

/// <summary>A directory that counts its calls, and that can be told to fail or to hang.</summary>
public class CountingDirectory : DispatchProxy
{
    private IDirectory _inner = null!;
    private int _calls;

    public int Calls => Volatile.Read(ref _calls);

    /// <summary>Calls of these methods throw <see cref="StorageUnavailableException"/>.</summary>
    public Func<string, bool> Fails { get; set; } = _ => false;

    /// <summary>Waited for by calls of <see cref="IDirectory.ProveWritable"/>, whatever their token says.</summary>
    public Task Ready { get; set; } = Task.CompletedTask;

    /// <summary>What was called, in order.</summary>
    public ConcurrentQueue<string> Called { get; } = new();

    /// <summary>Waited for by calls of these methods once the storage has answered, and only by those that answer with something.</summary>
    public Func<string, Task> Late { get; set; } = _ => Task.CompletedTask;

    /// <summary>Calls of these methods throw as a bug would.</summary>
    public Func<string, bool> Breaks { get; set; } = _ => false;

    /// <summary>Puts itself in front of the server's own directory.</summary>
    public static void Install(IServiceCollection services, Action<CountingDirectory> made)
    {
        ServiceDescriptor inner = services.Last(service => service.ServiceType == typeof(IDirectory));
        services.AddSingleton(provider =>
        {
            IDirectory proxy = Around((IDirectory)inner.ImplementationFactory!(provider), out CountingDirectory counting);
            made(counting);
            return proxy;
        });
    }

    /// <summary>Puts itself behind the server's cache: what comes here is asked of the storage.</summary>
    public static void InstallBehindCache(IServiceCollection services, Action<CountingDirectory> made)
    {
        ServiceDescriptor inner = services.Last(service => service.ServiceType == typeof(StoredDirectory));
        services.AddSingleton(provider =>
        {
            IDirectory proxy = Around(((StoredDirectory)inner.ImplementationFactory!(provider)).Directory, out CountingDirectory counting);
            made(counting);
            return new StoredDirectory(proxy);
        });
    }

    /// <summary>In front of any directory.</summary>
    public static IDirectory Around(IDirectory inner, out CountingDirectory counting)
    {
        IDirectory proxy = Create<IDirectory, CountingDirectory>();
        counting = (CountingDirectory)(object)proxy;
        counting._inner = inner;
        return proxy;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
    {
        Interlocked.Increment(ref _calls);
        Called.Enqueue(targetMethod!.Name);
        if (Fails(targetMethod.Name))
        {
            throw new StorageUnavailableException("The test has taken the storage away.");
        }

        if (Breaks(targetMethod.Name))
        {
            throw new InvalidOperationException("This is the bug of the test.");
        }

        if (targetMethod.Name == nameof(IDirectory.ProveWritable))
        {
            return new ValueTask(Ready);
        }

        object? answer = targetMethod.Invoke(_inner, BindingFlags.DoNotWrapExceptions, binder: null, args, culture: null);
        Task late = Late(targetMethod.Name);
        return late.IsCompleted
            ? answer
            : typeof(CountingDirectory).GetMethod(nameof(Delay), BindingFlags.NonPublic | BindingFlags.Static)!
                .MakeGenericMethod(targetMethod.ReturnType.GenericTypeArguments).Invoke(null, [answer, late]);
    }

    private static async ValueTask<T> Delay<T>(ValueTask<T> answer, Task late)
    {
        T value = await answer;
        await late;
        return value;
    }
}
