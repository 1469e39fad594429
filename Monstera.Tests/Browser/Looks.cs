using Microsoft.Playwright;

namespace Monstera.Tests.Browser;

/// <summary>How a page looks, in every theme, language and size. With MONSTERA_PICTURES set to a folder, pictures are left there.</summary>
internal static class Looks
{
    /// <summary>Texts that stand out from their background by less than 4.5 : 1 (3 : 1 when large), which WCAG 2.2 AA asks for.</summary>
    private const string FaintTexts = """
        () => {
          const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
          const paint = (...layers) => {
            canvas.clearRect(0, 0, 1, 1);
            for (const layer of layers) { canvas.fillStyle = layer; canvas.fillRect(0, 0, 1, 1); }
            return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
          };
          const luminance = rgb => {
            const [r, g, b] = rgb.map(value => (value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
          };
          const faint = [];
          for (const element of document.querySelectorAll('body *')) {
            const text = [...element.childNodes].filter(node => node.nodeType === 3).map(node => node.data.trim()).join('');
            const style = getComputedStyle(element);
            if (!/[\p{L}\p{N}]/u.test(text) || !element.checkVisibility({ visibilityProperty: true }) || element.closest('.visually-hidden, :disabled')) continue;
            const layers = [];
            for (let each = element; each; each = each.parentElement) layers.unshift(getComputedStyle(each).backgroundColor);
            const behind = luminance(paint('#fff', ...layers));
            const ink = luminance(paint('#fff', ...layers, style.color));
            const ratio = (Math.max(behind, ink) + 0.05) / (Math.min(behind, ink) + 0.05);
            const px = parseFloat(style.fontSize);
            const isLarge = px >= 24 || (px >= 18.66 && parseInt(style.fontWeight) >= 700);
            if (ratio < (isLarge ? 3 : 4.5)) faint.push(`${ratio.toFixed(2)} ${element.tagName}.${element.className}: ${text.slice(0, 40)}`);
          }
          return faint;
        }
        """;

    /// <summary>Controls that are cut off by the edge of what they stand in.</summary>
    private const string CutControls = """
        () => [...document.querySelectorAll('button, select, input, textarea, a')].filter(control => {
          if (!control.checkVisibility({ visibilityProperty: true }) || control.closest('.visually-hidden, p')) return false;
          const { left, right } = control.getBoundingClientRect();
          for (let each = control.parentElement; each; each = each.parentElement) {
            const box = each.getBoundingClientRect();
            if (getComputedStyle(each).overflowX !== 'visible' && (left < box.left - 1 || right > box.right + 1)) return true;
          }
          return left < -1 || right > innerWidth + 1;
        }).map(control => control.outerHTML)
        """;

    /// <summary>Ends when all that is on its way to another colour or place has arrived.</summary>
    private const string Rest = """
        () => Promise.all(document.getAnimations().filter(one => one.effect?.getTiming().iterations !== Infinity).map(one => one.finished.catch(() => undefined))).then(() => undefined)
        """;

    /// <summary>Everything is legible, and nothing is cut off.</summary>
    public static async Task AreFine(Person person)
    {
        await person.Page.EvaluateAsync(Rest);
        Assert.Empty(await person.Page.EvaluateAsync<string[]>(FaintTexts));
        Assert.Empty(await person.Page.EvaluateAsync<string[]>(CutControls));
        Assert.InRange(await person.Number("document.documentElement.scrollWidth - innerWidth"), double.MinValue, 0);
    }

    /// <summary>The same for light, dark, Japanese and phone: <paramref name="ready"/> waits until the page, which is loaded anew for the other language, shows what it should.</summary>
    public static async Task AreFineEverywhere(Person person, string name, Func<Task> ready)
    {
        (string Look, ColorScheme Scheme, string Language, int Width, int Height)[] looks =
        [
            ("japanese", ColorScheme.Light, "ja", 1280, 800), ("phone-japanese", ColorScheme.Dark, "ja", 360, 740),
            ("phone", ColorScheme.Light, "en", 360, 740), ("dark", ColorScheme.Dark, "en", 1280, 800), ("light", ColorScheme.Light, "en", 1280, 800),
        ];
        string shown = "";
        foreach ((string look, ColorScheme scheme, string language, int width, int height) in looks)
        {
            await person.Page.EmulateMediaAsync(new() { ColorScheme = scheme });
            await person.Page.SetViewportSizeAsync(width, height);
            if (language != shown)
            {
                await person.Page.EvaluateAsync("language => localStorage.setItem('monstera.language', language)", language);
                await person.Page.ReloadAsync();
                await ready();
                shown = language;
            }

            await person.Page.EvaluateAsync("() => document.fonts.ready.then(() => undefined)");
            await TakePicture(person, $"{name}-{look}");
            await AreFine(person);
        }
    }

    public static async Task TakePicture(Person person, string name)
    {
        if (Environment.GetEnvironmentVariable("MONSTERA_PICTURES") is { Length: > 0 } folder)
        {
            await person.Page.ScreenshotAsync(new() { Path = Path.Combine(System.IO.Directory.CreateDirectory(folder).FullName, name + ".png") });
        }
    }
}
