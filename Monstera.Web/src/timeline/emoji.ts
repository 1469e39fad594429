// Emoji that people react with, each with words to find it by, in English and in Japanese.
const table = `
👍 thumbs up yes good like いいね 賛成 了解
👎 thumbs down no bad 反対 だめ
❤️ heart love red ハート 好き 愛
😂 joy laugh tears lol 笑 爆笑 泣き笑い
🎉 party tada celebrate congratulations おめでとう 祝 クラッカー
🙏 pray thanks please お願い ありがとう 感謝
👀 eyes look 見る 見てる 目
✅ check done ok yes 完了 済 チェック
🙌 raised hands hooray 万歳 やった
👏 clap applause 拍手 ぱちぱち
🔥 fire hot 炎 最高 熱い
🚀 rocket launch ship ロケット 発射 リリース
💯 hundred perfect 百 満点 完璧
😊 smile happy blush にこにこ 笑顔 嬉しい
😄 grin happy smile 笑顔 笑い
😁 beam grin にかっ 笑顔
😅 sweat nervous laugh 汗 苦笑
🤣 rofl rolling laugh 大笑い 爆笑
😉 wink ウインク
😍 heart eyes love 目がハート 大好き
🥰 hearts love adore 大好き 幸せ
😘 kiss キス 投げキッス
😎 cool sunglasses サングラス かっこいい
🤩 star struck wow 感激 すごい
🥳 partying party face お祝い パーティー
🤔 thinking hmm 考え中 うーん 悩む
🤨 raised eyebrow doubt 疑い 怪しい
😐 neutral meh 無表情
😑 expressionless 無表情 はあ
🙄 eye roll あきれ 呆れ
😏 smirk にやり
😮 wow surprise open mouth 驚き びっくり
😲 astonished 驚き びっくり
😱 scream shock 叫び ショック
😳 flushed embarrassed 照れ 恥ずかしい
🥺 pleading please うるうる お願い
😢 cry sad tear 泣く 悲しい 涙
😭 sob cry loudly 号泣 泣く
😤 triumph huff 鼻息 ふん
😠 angry 怒り
😡 rage angry 激怒 怒り
🤯 mind blown exploding 衝撃 爆発
😴 sleep tired 眠い 寝る
🥱 yawn tired あくび 眠い
🤒 sick ill fever 病気 熱
🤕 hurt bandage けが 怪我
🤗 hug ハグ
🤫 quiet shush しー 静か
🤭 giggle oops くすくす うふふ
🫡 salute yes sir 敬礼 了解
🙃 upside down 逆さま 皮肉
😇 angel innocent 天使
🤖 robot bot ロボット
👻 ghost おばけ 幽霊
💀 skull dead がいこつ 死
💩 poop うんち
👋 wave hello bye 手を振る こんにちは バイバイ
🤝 handshake deal agree 握手 合意
👌 ok hand perfect オーケー 了解
✌️ victory peace ピース
🤞 fingers crossed luck 幸運 祈る
🤟 love you 愛してる
🤘 rock ロック
👉 point right 右 指
👈 point left 左 指
👆 point up 上 指
👇 point down 下 指
☝️ index up one 上 一つ
✋ hand stop 手 待って 挙手
🙋 raising hand me 挙手 はい
🙇 bow sorry thanks お辞儀 すみません ありがとう
🤷 shrug dunno わからない さあ
🤦 facepalm あちゃー
💪 strong muscle 力 頑張る 筋肉
🧠 brain smart 脳 頭
👶 baby 赤ちゃん
🧑‍💻 technologist coder developer 開発者 プログラマー
🐛 bug insect バグ 虫
🐱 cat ねこ 猫
🐶 dog いぬ 犬
🐰 rabbit うさぎ
🐻 bear くま
🐼 panda パンダ
🦊 fox きつね
🐧 penguin ペンギン
🐢 turtle slow かめ 遅い
🦄 unicorn ユニコーン
🐙 octopus たこ
🌸 cherry blossom sakura 桜 花
🌹 rose バラ 花
🌻 sunflower ひまわり
🌿 leaf herb monstera 葉 植物
🍀 clover luck 四つ葉 幸運
🌱 seedling sprout 芽 成長
🌲 tree 木
🍁 maple autumn もみじ 秋
🌈 rainbow 虹
☀️ sun sunny 太陽 晴れ
🌙 moon night 月 夜
⭐ star 星
✨ sparkles きらきら 新しい
⚡ lightning zap fast 雷 速い
☔ rain umbrella 雨 傘
❄️ snow cold 雪 寒い
🌊 wave sea 波 海
☕ coffee break コーヒー 休憩
🍵 tea お茶
🍺 beer ビール 乾杯
🍻 cheers beers 乾杯
🥂 cheers toast champagne 乾杯
🍷 wine ワイン
🍣 sushi 寿司
🍙 onigiri rice ball おにぎり
🍜 ramen noodles ラーメン
🍱 bento lunch 弁当 昼
🍕 pizza ピザ
🍔 burger ハンバーガー
🍰 cake ケーキ
🎂 birthday cake 誕生日
🍪 cookie クッキー
🍎 apple りんご
🍓 strawberry いちご
🎁 gift present プレゼント
🎈 balloon 風船
🏆 trophy win 優勝 トロフィー
🥇 gold medal first 金メダル 一位
🎯 target goal bullseye 的 目標
🎵 music note 音楽 音符
🎮 game ゲーム
🎨 art design アート デザイン
📷 camera photo カメラ 写真
💻 laptop computer パソコン
📱 phone mobile スマホ 電話
💡 idea bulb light アイデア ひらめき
🔧 wrench fix tool 修理 工具
🔨 hammer build 工具 作る
⚙️ gear settings 歯車 設定
🔒 lock secure 鍵 安全
🔑 key 鍵
📌 pin ピン
📎 clip クリップ
📝 memo note write メモ 書く
📅 calendar date カレンダー 予定
📈 chart up growth グラフ 上昇
📉 chart down グラフ 下降
📦 package box ship 箱 荷物
📣 megaphone announce お知らせ 発表
🔔 bell notify 通知 ベル
🔍 search magnify 検索 虫眼鏡
⏰ alarm clock time 時計 時間
⏳ hourglass wait 待つ 砂時計
🚧 construction wip 工事中 作業中
🚨 alert siren emergency 緊急 警報
⚠️ warning 注意 警告
❌ cross no wrong x ばつ だめ
⭕ circle maru まる 正解
❓ question はてな 質問
❗ exclamation important びっくり 重要
➕ plus add プラス 足す
➖ minus マイナス
🆗 ok オーケー
🆕 new 新しい
🆒 cool クール
♻️ recycle refactor リサイクル
💬 speech comment 吹き出し コメント
💤 zzz sleep 眠い
💥 boom collision 爆発 衝突
💔 broken heart 失恋
💙 blue heart 青 ハート
💚 green heart 緑 ハート
💛 yellow heart 黄色 ハート
💜 purple heart 紫 ハート
🧡 orange heart オレンジ ハート
🏠 house home 家 帰宅
🏢 office building 会社 オフィス
🚃 train 電車
🚗 car 車
✈️ airplane travel 飛行機 旅行
🗻 fuji mountain 富士山 山
♨️ onsen hot spring 温泉
🎌 japan flags 日本 旗
🏁 finish flag ゴール 終了
`;

export interface Emoji {
  emoji: string;
  words: string[];
}

export const emojis: Emoji[] = table.trim().split('\n').map((line) => {
  const [emoji = '', ...words] = line.split(' ');
  return { emoji, words };
});

export function searchEmoji(query: string): Emoji[] {
  const wanted = query.normalize('NFKC').toLowerCase().trim().split(/\s+/).filter(Boolean);
  if (wanted.length === 0) return emojis;
  const place = (each: Emoji, word: string) => each.words.findIndex((known) => known.startsWith(word));
  return emojis
    .filter((each) => wanted.every((word) => each.words.some((known) => known.includes(word)) || each.emoji === word))
    .sort((a, b) => Number(place(b, wanted[0] ?? '') >= 0) - Number(place(a, wanted[0] ?? '') >= 0));
}
