namespace Monstera.Server.Limits;

/// <summary>How many places each address has taken, at most <paramref name="max"/> each (0: as many as it likes). Remembers those that have some now.</summary>
public sealed class AddressPlaces(int max)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<UInt128, int> _taken = [];

    /// <summary>How many addresses have a place.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _taken.Count;
            }
        }
    }

    public bool IsFull(UInt128 address)
    {
        lock (_gate)
        {
            return max > 0 && _taken.GetValueOrDefault(address) >= max;
        }
    }

    /// <summary>A place, to be disposed of once; null when the address has all that it may have.</summary>
    public IDisposable? TryTake(UInt128 address)
    {
        lock (_gate)
        {
            int taken = _taken.GetValueOrDefault(address);
            if (max > 0 && taken >= max)
            {
                return null;
            }

            _taken[address] = taken + 1;
        }

        return new Place(this, address);
    }

    private void Leave(UInt128 address)
    {
        lock (_gate)
        {
            if (--_taken[address] == 0)
            {
                _taken.Remove(address);
            }
        }
    }

    private sealed class Place(AddressPlaces places, UInt128 address) : IDisposable
    {
        private int _left;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _left, 1) == 0)
            {
                places.Leave(address);
            }
        }
    }
}
