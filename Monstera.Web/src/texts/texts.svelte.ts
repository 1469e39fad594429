import { en, type Texts } from './en';
import { ja } from './ja';

export type Language = 'en' | 'ja';
const catalogues: Record<Language, Texts> = { en, ja };
const storageKey = 'monstera.language';

function initial(): Language {
  try {
    const stored = localStorage.getItem(storageKey);
    if (stored === 'en' || stored === 'ja') return stored;
  } catch {
    // Storage may be denied: the browser's language is right then.
  }
  return navigator.language.startsWith('ja') ? 'ja' : 'en';
}

let language = $state<Language>(initial());
let formats = $derived({
  time: new Intl.DateTimeFormat(language, { hour: 'numeric', minute: '2-digit' }),
  day: new Intl.DateTimeFormat(language, { weekday: 'long', month: 'long', day: 'numeric' }),
  dayOfYear: new Intl.DateTimeFormat(language, { year: 'numeric', month: 'long', day: 'numeric', weekday: 'long' }),
  moment: new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short' }),
  full: new Intl.DateTimeFormat(language, { dateStyle: 'full', timeStyle: 'medium' }),
  relative: new Intl.RelativeTimeFormat(language, { numeric: 'auto' }),
  number: new Intl.NumberFormat(language),
});

/** The language of the interface, its texts and its formats; reading any of them in a component follows a change. */
export const i18n = {
  get language(): Language {
    return language;
  },
  set language(chosen: Language) {
    language = chosen;
    document.documentElement.lang = chosen;
    try {
      localStorage.setItem(storageKey, chosen);
    } catch {
      // Then it is chosen for this page only.
    }
  },
  get t(): Texts {
    return catalogues[language];
  },
  time: (at: string) => formats.time.format(new Date(at)),
  moment: (at: string) => formats.moment.format(new Date(at)),
  /** The time alone for what was today. */
  when: (at: string, now = new Date()) => (startOfDay(new Date(at)) === startOfDay(now) ? formats.time : formats.moment).format(new Date(at)),
  full: (at: string) => formats.full.format(new Date(at)),
  number: (value: number) => formats.number.format(value),
  day: (at: string, today = new Date()) => dayName(new Date(at), today),
};

/** “Today”, “Yesterday”, or the date, with the year when it is another. */
function dayName(date: Date, today: Date): string {
  const days = Math.round((startOfDay(date) - startOfDay(today)) / 86_400_000);
  if (days === 0 || days === -1) {
    const word = formats.relative.format(days, 'day');
    return word.charAt(0).toLocaleUpperCase(language) + word.slice(1);
  }
  return (date.getFullYear() === today.getFullYear() ? formats.day : formats.dayOfYear).format(date);
}

function startOfDay(date: Date): number {
  return Date.UTC(date.getFullYear(), date.getMonth(), date.getDate());
}
