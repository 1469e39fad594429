using System.Collections.Frozen;
using System.Diagnostics.CodeAnalysis;
using Microsoft.AspNetCore.StaticFiles;
using Microsoft.Extensions.FileProviders;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;

namespace Monstera.Server.Web;

/// <summary>
/// The client's build packs its texts once, as tightly as it can, beside the files (<c>index.js.br</c>, <c>index.js.gz</c>). Who can unpack gets those: nothing is packed while somebody waits. Each form
/// is an answer of its own, with an ETag of its own, and says that it depends on what was accepted (<c>Vary</c>), so that caches and CDNs keep them apart.
/// </summary>
internal sealed class PackedFiles
{
    private const string AsItIs = "identity";

    /// <summary>The smaller first: it is taken when a client likes several as much.</summary>
    private static readonly (string Ending, string Coding)[] AllForms = [(".br", "br"), (".gz", "gzip")];

    private static readonly object Chosen = new();

    private readonly IFileProvider _files;

    /// <summary>By the path of the file as it is. What was there at the start, so that all the requests that are for no file cost no look at the disk.</summary>
    private readonly FrozenDictionary<string, (string Ending, string Coding)[]> _forms;

    public PackedFiles(string folder, IFileProvider files)
    {
        _files = files;
        HashSet<string> all = [.. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Select(file => "/" + Path.GetRelativePath(folder, file).Replace('\\', '/'))];
        _forms = all.Select(path => KeyValuePair.Create(path, AllForms.Where(form => all.Contains(path + form.Ending)).ToArray())).Where(file => file.Value.Length > 0)
            .ToFrozenDictionary(StringComparer.Ordinal);
    }

    /// <summary>Turns a request to the form of the file that the client likes best.</summary>
    public void Choose(HttpContext context)
    {
        HttpRequest request = context.Request;
        if ((!HttpMethods.IsGet(request.Method) && !HttpMethods.IsHead(request.Method)) || !_forms.TryGetValue(request.Path.Value ?? "", out (string Ending, string Coding)[]? forms))
        {
            return;
        }

        IList<StringWithQualityHeaderValue> accepted = request.GetTypedHeaders().AcceptEncoding;
        (string ending, string coding) = forms.MaxBy(form => Quality(accepted, form.Coding));
        double quality = Quality(accepted, coding);
        string packed = request.Path.Value + ending;
        bool isPacked = quality > 0 && quality >= Quality(accepted, AsItIs) && _files.GetFileInfo(packed).Exists;
        context.Items[Chosen] = isPacked ? coding : AsItIs;
        if (isPacked)
        {
            request.Path = packed;
        }
    }

    /// <summary>By its own name nobody gets a packed file.</summary>
    public static bool MayBeServed(HttpContext context) => context.Items.ContainsKey(Chosen) || !IsPacked(context.Request.Path.Value ?? "");

    /// <summary>For the answer, 304 too.</summary>
    public static void SetHeaders(HttpContext context)
    {
        if (context.Items[Chosen] is not string coding)
        {
            return;
        }

        IHeaderDictionary headers = context.Response.Headers;
        headers.Vary = StringValues.Concat(headers.Vary, HeaderNames.AcceptEncoding);
        if (coding != AsItIs)
        {
            headers.ContentEncoding = coding;
        }
    }

    private static bool IsPacked(string path) => Array.Exists(AllForms, form => path.EndsWith(form.Ending, StringComparison.OrdinalIgnoreCase));

    /// <summary>How much the client likes it, 0: not at all. What it does not name is as good as <c>*</c>; without that it takes the file as it is, and likes it less than what it names.</summary>
    private static double Quality(IList<StringWithQualityHeaderValue> accepted, string coding)
    {
        StringWithQualityHeaderValue? named = accepted.FirstOrDefault(one => one.Value.Equals(coding, StringComparison.OrdinalIgnoreCase)) ?? accepted.FirstOrDefault(one => one.Value == "*");
        return named is not null ? named.Quality ?? 1
            : coding == AsItIs ? double.Epsilon
            : 0;
    }

    /// <summary>A packed file is of the type of what is in it.</summary>
    public sealed class ContentTypes(IContentTypeProvider types) : IContentTypeProvider
    {
        public bool TryGetContentType(string subpath, [MaybeNullWhen(false)] out string contentType) =>
            types.TryGetContentType(IsPacked(subpath) ? subpath[..subpath.LastIndexOf('.')] : subpath, out contentType);
    }
}
