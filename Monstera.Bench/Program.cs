using Monstera.Bench.Commands;

return await BenchCommand.Run(args);
