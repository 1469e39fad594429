using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Monstera.Bench.Load;

/// <summary>Tells which connections can be read or written: epoll, level-triggered. The one place that knows its layout.</summary>
internal sealed unsafe class Poller : IDisposable
{
    public const uint Readable = 0x001;
    public const uint Writable = 0x004;

    private const int Add = 1;
    private const int Delete = 2;
    private const int Modify = 3;
    private const int EventsMax = 1_024;

    // epoll_event is packed on x64 and nowhere else.
    private static readonly int EventBytes = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 12 : 16;
    private static readonly int KeyAt = EventBytes - sizeof(long);

    private readonly int _epoll;
    private readonly byte* _events;

    public Poller()
    {
        _epoll = Libc.EpollCreate(Libc.EpollCloseOnExec);
        Check(_epoll, "epoll_create1");
        _events = (byte*)NativeMemory.AllocZeroed(EventsMax, (nuint)EventBytes);
    }

    public void Watch(int fd, long key, uint interest) => Control(Add, fd, key, interest);

    public void Change(int fd, long key, uint interest) => Control(Modify, fd, key, interest);

    public void Forget(int fd) => Control(Delete, fd, 0, 0);

    /// <summary>Waits until something happens or the time is over; 0 only looks.</summary>
    /// <returns>How many events there are to be read with <see cref="Event"/>.</returns>
    public int Wait(int timeoutMs)
    {
        int count = Libc.EpollWait(_epoll, _events, EventsMax, timeoutMs);
        if (count < 0)
        {
            int error = Marshal.GetLastPInvokeError();
            return error == Libc.Interrupted ? 0 : throw new Win32Exception(error, "epoll_wait");
        }

        return count;
    }

    public (long Key, uint Ready) Event(int index)
    {
        byte* one = _events + (index * EventBytes);
        return (*(long*)(one + KeyAt), *(uint*)one);
    }

    public void Dispose()
    {
        _ = Libc.Close(_epoll);
        NativeMemory.Free(_events);
    }

    private void Control(int operation, int fd, long key, uint interest)
    {
        byte* one = stackalloc byte[16];
        *(uint*)one = interest;
        *(long*)(one + KeyAt) = key;
        Check(Libc.EpollControl(_epoll, operation, fd, one), "epoll_ctl");
    }

    private static void Check(int result, string call)
    {
        if (result < 0)
        {
            throw new Win32Exception(Marshal.GetLastPInvokeError(), call);
        }
    }
}
