using Monstera.Tests.Fixtures;
using Xunit.Sdk;
using Xunit.v3;

[assembly: TestCollectionOrderer(typeof(LengthyFirst))]

namespace Monstera.Tests.Fixtures;

/// <summary>A class whose tests take half a minute or more: it is begun before the others, or at the end of a run one processor would wait for it.</summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class LengthyAttribute : Attribute;

/// <summary>A class is a collection of its own, named after it.</summary>
public sealed class LengthyFirst : ITestCollectionOrderer
{
    private static readonly string[] Names = [.. typeof(LengthyFirst).Assembly.GetTypes().Where(type => type.IsDefined(typeof(LengthyAttribute), inherit: false)).Select(type => $" {type.FullName} ")];

    public IReadOnlyCollection<TTestCollection> OrderTestCollections<TTestCollection>(IReadOnlyCollection<TTestCollection> testCollections)
        where TTestCollection : ITestCollection =>
        [.. testCollections.OrderByDescending(collection => Array.Exists(Names, name => collection.TestCollectionDisplayName.Contains(name, StringComparison.Ordinal)))];
}
