using Microsoft.Playwright;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Browser;

/// <summary>
/// A room as it looks on a working day, in every theme, language and size: legible and within its bounds.
/// </summary>
public sealed class LivelyRoomTests(Chromium chromium) : BrowserTest(chromium)
{
    [Theory]
    [InlineData("light", "en-GB", ColorScheme.Light, 1280, 800)]
    [InlineData("dark", "en-GB", ColorScheme.Dark, 1280, 800)]
    [InlineData("japanese", "ja-JP", ColorScheme.Light, 1280, 800)]
    [InlineData("phone", "en-GB", ColorScheme.Light, 360, 740)]
    public async Task It_is_legible_and_stays_within_its_bounds(string name, string locale, ColorScheme scheme, int width, int height)
    {
        Workspace workspace = await StartWorkspace();
        (RestClient[] people, string room) = await Fill(workspace);
        Person ben = await SignIn(workspace, people[0], room);
        Person aoi = await SignIn(workspace, people[1], room);
        Person ada = await SignIn(workspace, workspace.Owner, room, options =>
        {
            options.Locale = locale;
            options.TimezoneId = locale == "ja-JP" ? "Asia/Tokyo" : "Europe/London";
            options.ColorScheme = scheme;
            options.ViewportSize = new() { Width = width, Height = height };
            options.IsMobile = options.HasTouch = width < 600;
            options.DeviceScaleFactor = width < 600 ? 2 : 1;
        });
        await Expect(ada.Message("ロードバランサー")).ToBeInViewportAsync();
        await Expect(ada.Page.GetByTestId("online-count")).ToHaveAttributeAsync("data-count", "3");
        await ben.Composer.PressSequentiallyAsync("on ");
        await Expect(ada.Page.GetByTestId("typing")).Not.ToHaveTextAsync("");
        await ada.Page.EvaluateAsync("() => document.fonts.ready.then(() => undefined)");
        await Looks.TakePicture(ada, name);

        await Looks.AreFine(ada);
        Assert.InRange(await ada.Number("document.documentElement.scrollWidth - innerWidth"), double.MinValue, 0);
        if (width < 600)
        {
            await ada.Page.GetByTestId("back").TapAsync();
            await Expect(ada.Page.GetByTestId("room-list")).ToBeVisibleAsync();
            await Looks.TakePicture(ada, name + "-list");
            await Looks.AreFine(ada);
        }
        else
        {
            await ada.Page.GetByTestId("members").ClickAsync();
            await Expect(ada.Page.GetByTestId("member")).ToHaveCountAsync(5);
            await ada.Message("ロードバランサー").HoverAsync();
            await Looks.TakePicture(ada, name + "-members");
            await Looks.AreFine(ada);
            await ada.Page.GetByTestId("settings").ClickAsync();
            await Expect(ada.Page.GetByTestId("session").First).ToBeVisibleAsync();
            await Looks.TakePicture(ada, name + "-settings");
            await Looks.AreFine(ada);
        }
    }

    /// <summary>Five people get a release out.</summary>
    private static async Task<(RestClient[] People, string Room)> Fill(Workspace workspace)
    {
        RestClient ada = workspace.Owner;
        RestClient ben = await workspace.Register("ben", "Ben Okafor");
        RestClient aoi = await workspace.Register("aoi", "佐藤 葵");
        RestClient ren = await workspace.Register("ren", "田中 蓮");
        RestClient mia = await workspace.Register("mia", "Mia Lindqvist");
        RestClient[] people = [ben, aoi, ren, mia];
        string launch = await workspace.CreateRoom("launch", people);
        (await ada.Patch($"/api/rooms/{launch}", new { topic = "Release 1.0 · 木曜日 10:00 JST" })).IsStatus(200);
        string design = await workspace.CreateRoom("design", aoi, mia);
        await workspace.CreateRoom("大阪オフィス", aoi, ren);
        (await ada.Post("/api/rooms", new { kind = "private", name = "on-call", members = new[] { ben.UserId } })).IsStatus(201);
        string direct = (await aoi.Post("/api/rooms/direct", new { user = ada.UserId })).IsStatus(200)["id"].GetString()!;
        await ada.Post("/api/rooms/direct", new { user = ben.UserId });

        await Workspace.Send(mia, launch, "Good morning! The release notes are in review, **two** comments left.");
        await Workspace.Send(aoi, launch, "おはようございます。日本語版の確認は終わりました 🎉\n残りは用語集だけです。");
        long question = await Workspace.Send(ben, launch, "Who wants to look at the reconnect path with me? I see this in the log of the second node:");
        await Workspace.Send(ben, launch, "```\n10:02:03 node-b  resume room=launch from=41 head=42\n10:02:03 node-b  complete in 3 ms\n```");
        long answer = await Workspace.Send(ada, launch, "That is the gap being closed: the client had 41 and got 42, nothing twice. `Resume` at work.", question);
        await Workspace.React(ben, launch, answer, "👍", "🌱");
        await Workspace.React(aoi, launch, answer, "👍");
        await Workspace.React(mia, launch, answer, "👍");
        await Workspace.React(ada, launch, answer, "🌱");
        await Workspace.Send(ren, launch, "1. サーバーを二台にする\n2. 片方を止める\n3. メッセージが一件も欠けないことを確認する");
        await Workspace.Send(ren, launch, "> それで、結果は?\n全部届きました。順番もそのままです。");
        await Workspace.Send(mia, launch, "Lovely. I will put [the checklist](https://example.com/checklist) into the topic.");
        long last = await Workspace.Send(aoi, launch, "ロードバランサーの設定も確認しておきますね。午後にはまとめて共有します!");
        await Workspace.React(ren, launch, last, "🙏");
        await Workspace.React(ada, launch, last, "🙏", "❤️");

        for (int i = 0; i < 3; i++)
        {
            await Workspace.Send(mia, design, $"New icons, version {i}");
        }

        await Workspace.Send(aoi, direct, "後で少し話せますか?");
        long head = (await ada.Get($"/api/rooms/{launch}")).IsStatus(200)["head"].GetInt64();
        (await ada.Put($"/api/rooms/{launch}/read", new { seq = head })).IsStatus(200);
        return (people, launch);
    }
}
