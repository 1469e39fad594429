using System.Reflection;
using Microsoft.Extensions.DependencyInjection;
using Monstera.Data;
using Monstera.Data.Directory;

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

    private static IDirectory Around(IDirectory inner, out CountingDirectory counting)
    {
        IDirectory proxy = Create<IDirectory, CountingDirectory>();
        counting = (CountingDirectory)(object)proxy;
        counting._inner = inner;
        return proxy;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
    {
        Interlocked.Increment(ref _calls);
        if (Fails(targetMethod!.Name))
        {
            throw new StorageUnavailableException("The test has taken the storage away.");
        }

        if (Breaks(targetMethod.Name))
        {
            throw new InvalidOperationException("This is the bug of the test.");
        }

        return targetMethod.Name == nameof(IDirectory.ProveWritable) ? new ValueTask(Ready) : targetMethod.Invoke(_inner, args);
    }
}
