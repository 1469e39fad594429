/** What GET /api/growth answers. */

export type LimitKind = 'users' | 'connections' | 'sends' | 'queue' | 'processors' | 'memory' | 'disk' | 'database' | 'latency';
export type AdviceKind = 'stay' | 'nextPhase' | 'addNode' | 'addShard' | 'largerDisk' | 'previousPhase' | 'removeNode';

/** In each language of the interface. */
export interface Wording {
  en: string;
  ja: string;
}

export interface LimitReport {
  limit: LimitKind;
  value?: number;
  max: number;
  share?: number;
  perDay?: number;
  reachedOn?: string;
  earliest?: string;
  latest?: string;
}

export interface Advice {
  kind: AdviceKind;
  because?: LimitKind;
  phase: number;
  command?: string;
  steps: Wording[];
  perMonthNow: number;
  perMonthThen: number;
  currency: string;
}

export interface GrowthReport {
  at: string;
  phase: number;
  people: Wording;
  storage: 'sqlite' | 'postgres';
  backplane: 'memory' | 'redis';
  shards: number;
  nodes: number;
  lacks: ('backplane' | 'nodes')[];
  historyDays: number;
  historyDaysWanted: number;
  hasForecast: boolean;
  warnShare: number;
  limits: LimitReport[];
  first?: LimitKind;
  advice: Advice;
  nextPhase?: Advice;
}

/** How a limit is shown; from `warnShare` on it is nearly full. */
export function levelOf(share: number | undefined, warnShare: number): 'none' | 'fine' | 'near' | 'over' {
  if (share === undefined) return 'none';
  if (share >= 1) return 'over';
  return share >= warnShare ? 'near' : 'fine';
}

const shares: readonly LimitKind[] = ['queue', 'processors', 'memory', 'disk'];

/** A value of a limit as people read it; `change` for one that is added each day, which is smaller and may be negative. */
export function formatLimit(limit: LimitKind, value: number, language: string, change = false): string {
  const sign = change ? ({ signDisplay: 'exceptZero' } as const) : {};
  if (shares.includes(limit)) return new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: change ? 2 : 0, ...sign }).format(value);
  const digits = change || limit === 'sends' || limit === 'database' ? 2 : 0;
  const text = new Intl.NumberFormat(language, { maximumFractionDigits: digits, ...sign }).format(value);
  return limit === 'database' ? `${text} GiB` : limit === 'latency' ? `${text} ms` : text;
}

export function formatMoney(amount: number, currency: string, language: string, change = false): string {
  const sign = change ? ({ signDisplay: 'exceptZero' } as const) : {};
  return `${new Intl.NumberFormat(language, { maximumFractionDigits: 0, ...sign }).format(amount)} ${currency}`;
}

/** Between which days a limit is reached; nothing where that is the one day that is told anyway. */
export function rangeOf({ reachedOn, earliest, latest }: LimitReport): { earliest: string; latest: string | undefined } | undefined {
  return reachedOn === undefined || earliest === undefined || earliest === latest ? undefined : { earliest, latest };
}

/** A calendar day, which is the same in every time zone. */
export function formatDay(day: string, language: string): string {
  return new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeZone: 'UTC' }).format(new Date(`${day}T00:00:00Z`));
}
