using Monstera.Server.Commands;

return await MonsteraCommand.Run(args);
