using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Monstera.Server.Configuration;
using Monstera.Server.Growth;
using Monstera.Server.Wire;

namespace Monstera.Server.Commands;

/// <summary><c>monstera capacity</c>: what so many people would take, by measured costs of single things. Opens nothing but <c>growth.json</c>.</summary>
internal sealed class CapacityCommand
{
    private const long UsersMax = 1_000_000_000;

    private static readonly CultureInfo Culture = CultureInfo.InvariantCulture;
    private static readonly JsonSerializerOptions Indented = new(WireJson.Options) { WriteIndented = true };

    private readonly Option<long> _users = new("--users") { Description = "People with an account.", Required = true };
    private readonly Option<long?> _rooms = new("--rooms") { Description = "Rooms they write in; one for five people unless said otherwise." };
    private readonly Option<double> _roomsPerUser = new("--rooms-per-user") { Description = "Rooms that each is a member of.", DefaultValueFactory = _ => 12 };
    private readonly Option<double> _messages = new("--messages-per-user-day") { Description = "Messages that each writes on a working day.", DefaultValueFactory = _ => 40 };
    private readonly Option<double> _onlineShare = new("--online-share") { Description = "Share of the people connected at the busiest time, 0 to 1.", DefaultValueFactory = _ => 0.5 };
    private readonly Option<double> _devices = new("--devices") { Description = "Connections of each who is connected.", DefaultValueFactory = _ => 1.3 };
    private readonly Option<double> _busiestHour = new("--busiest-hour-share") { Description = "Share of a day's messages in its busiest hour, 0 to 1.", DefaultValueFactory = _ => 0.15 };
    private readonly Option<double> _burst = new("--burst") { Description = "The busiest minute of that hour over its mean.", DefaultValueFactory = _ => 3 };
    private readonly Option<int> _daysKept = new("--days-kept") { Description = "How long messages are kept.", DefaultValueFactory = _ => 365 };
    private readonly Option<bool> _json = new("--json") { Description = "For programs." };

    public static Command Make() => new CapacityCommand().Build();

    private Command Build()
    {
        Command command = new("capacity", "Predicts nodes, shards, memory and money for a number of people.")
        {
            TreatUnmatchedTokensAsErrors = false,
            Options = { _users, _rooms, _roomsPerUser, _messages, _onlineShare, _devices, _busiestHour, _burst, _daysKept, _json },
        };
        command.SetAction((parsed, _) => CommandRun.Run(_ => Run(parsed)));
        return command;
    }

    private Task<int> Run(ParseResult parsed)
    {
        long users = parsed.GetValue(_users);
        CapacityWish wish = new(
            users, parsed.GetValue(_rooms) ?? Math.Max(1, users / 5), parsed.GetValue(_roomsPerUser), parsed.GetValue(_messages), parsed.GetValue(_onlineShare), parsed.GetValue(_devices),
            parsed.GetValue(_busiestHour), parsed.GetValue(_burst), parsed.GetValue(_daysKept));
        List<string> faults = [];
        InRange(_users, wish.Users, 1, UsersMax, faults);
        InRange(_rooms, wish.Rooms, 1, UsersMax, faults);
        InRange(_roomsPerUser, wish.RoomsPerUser, 1, 10_000, faults);
        InRange(_messages, wish.MessagesPerUserDay, 0, 100_000, faults);
        InRange(_onlineShare, wish.OnlineShare, 0, 1, faults);
        InRange(_devices, wish.DevicesPerUser, 1, 50, faults);
        InRange(_busiestHour, wish.BusiestHourShare, 1.0 / 24, 1, faults);
        InRange(_burst, wish.Burst, 1, 60, faults);
        InRange(_daysKept, wish.DaysKept, 1, 36_500, faults);
        if (faults.Count > 0)
        {
            return CommandRun.Tell(faults, CommandRun.WrongSettings);
        }

        GrowthBook book = GrowthFile.Read(CommandSettings.Read(parsed.UnmatchedTokens).Options.Growth);
        CapacityPlan plan = CapacityModel.Predict(book, wish);
        IReadOnlyList<ModelCheck> checks = CapacityModel.Check(book);
        if (parsed.GetValue(_json))
        {
            Console.WriteLine(JsonSerializer.Serialize(new { assumed = wish, plan, unitCosts = book.UnitCosts, checks }, Indented));
        }
        else
        {
            Write(wish, plan, checks);
        }

        return Task.FromResult(CommandRun.Done);
    }

    private static void Write(CapacityWish wish, CapacityPlan plan, IReadOnlyList<ModelCheck> checks)
    {
        Say($"Assumed: {wish.Users:#,0} people, of whom {wish.OnlineShare:P0} are connected at the busiest time with {wish.DevicesPerUser:0.##} devices each; {wish.MessagesPerUserDay:#,0.##} messages a day");
        Say($"from each, {wish.BusiestHourShare:P0} of them in the busiest hour, whose busiest minute is {wish.Burst:0.##} times its mean; {wish.Rooms:#,0} rooms, each person in {Math.Min(wish.RoomsPerUser, wish.Rooms):#,0.##};");
        Say($"messages kept for {wish.DaysKept:#,0} days. All of it can be said otherwise: monstera capacity --help.");
        Say($"");
        Say($"At the busiest time: {plan.Connections:#,0} connections, {plan.SendsPerSecond:#,0.##} messages a second, {plan.DeliveriesPerSecond:#,0} deliveries a second.");
        Say($"Phase {plan.Phase}, {(plan.Storage == StorageProvider.Sqlite ? "SQLite" : "PostgreSQL")}:");
        Say($"  nodes      {plan.Nodes:#,0} × {plan.Node}: {plan.Processors:#,0.00} processors in use, {plan.MemoryMiBPerNode:#,0} MiB on each");
        if (plan.Database is not null)
        {
            Say($"  shards     {plan.Shards:#,0} × {plan.Database}, each with {plan.Standbys} × standby");
        }

        if (plan.Redis is not null)
        {
            Say($"  Redis      {plan.RedisServers:#,0} × {plan.Redis}: {plan.RedisProcessors:#,0.00} processors in use");
        }

        if (plan.Balancer is not null)
        {
            Say($"  balancers  {plan.Balancers:#,0} × {plan.Balancer}");
        }

        Say($"  messages   {plan.DiskGiB:#,0.0} GiB on disk at the end, without attachments");
        Say($"  money      {plan.PerMonth:#,0} {plan.Currency} a month by the table of prices, without traffic and work");
        Say($"");
        Say($"By unit costs that were measured on one machine (growth.json). Beside configurations that were measured whole the model was off by:");
        foreach (ModelCheck check in checks)
        {
            Say($"  {check.Name}: processors {check.Error:+0%;-0%}{(check.MemoryError is { } memory ? string.Create(Culture, $", memory {memory:+0%;-0%}") : "")}");
        }

        Say($"Not in it: attachments, search, storms of reconnecting (docs/growth.md). Measure before you buy: k6/ and Monstera.Bench.");
    }

    private static void Say(FormattableString text) => Console.WriteLine(text.ToString(Culture));

    private static void InRange(Option option, double value, double min, double max, List<string> faults)
    {
        if (!(value >= min && value <= max))
        {
            faults.Add(string.Create(Culture, $"{option.Name} is {value}: it is from {min:0.###} to {max:0.###}."));
        }
    }
}
