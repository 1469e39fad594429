namespace Monstera.Tests.Faults.Suite;

/// <summary>A room with its members.</summary>
internal sealed class PopulationRoom(int index, string key, Guid id)
{
    public int Index => index;

    public string Key => key;

    public Guid Id => id;

    public List<Member> Members { get; } = [];

    /// <summary>Each member had a write acknowledged that began since the probe did, and all of them have all of these.</summary>
    /// <param name="except">Members who are not asked.</param>
    public bool IsRecovered(IReadOnlySet<int> except)
    {
        long most = 0;
        long least = long.MaxValue;
        foreach (Member member in Members)
        {
            if (except.Contains(member.Index))
            {
                continue;
            }

            MemberRoom mine = Of(member);
            if (mine.ProbeSeq == 0)
            {
                return false;
            }

            most = Math.Max(most, mine.ProbeSeq);
            least = Math.Min(least, mine.Last);
        }

        return least >= most;
    }

    public MemberRoom Of(Member member) => member.Rooms.First(room => room.Room == index);
}
