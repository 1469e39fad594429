var app = WebApplication.CreateBuilder(args).Build();

app.MapGet("/", () => "Monstera");

app.Run();
