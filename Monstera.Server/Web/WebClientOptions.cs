namespace Monstera.Server.Web;

/// <summary>Where the browser client is.</summary>
public sealed class WebClientOptions
{
    /// <summary>The build puts it beside the program.</summary>
    public string Folder { get; set; } = Path.Combine(AppContext.BaseDirectory, "wwwroot");
}
