import type { MetricKind } from './messages.ts';

/** Sums of a metric, or of the samples of it that have certain tags. There is nothing about time in it. */
export interface Sums {
  type: MetricKind;
  samples: number;
  sum: number;
}

export interface Judged {
  metric: string;
  threshold: string;
  /** Undefined: it is about time, which a stand-in does not measure. */
  ok: boolean | undefined;
}

interface Expression {
  method: string;
  operator: string;
  value: number;
}

const builtIn: Record<string, MetricKind> = {
  http_reqs: 'counter',
  http_req_duration: 'trend',
  http_req_failed: 'rate',
  ws_sessions: 'counter',
  checks: 'rate',
  iterations: 'counter',
  dropped_iterations: 'counter',
};

const methods: Record<MetricKind, RegExp> = {
  counter: /^(count|rate)$/,
  gauge: /^value$/,
  rate: /^rate$/,
  trend: /^(avg|min|max|med|p\((\d+(\.\d+)?)\))$/,
};

/** The metrics of a run, and the thresholds on them: k6's grammar and k6's judgement, but for times. */
export class Registry {
  readonly #types = new Map<string, MetricKind>(Object.entries(builtIn));
  readonly #sums = new Map<string, Sums>();
  readonly #byTag = new Map<string, Sums>();
  readonly #selectors = new Map<string, { name: string; tags: [string, string][] }>();
  #thresholds: Record<string, string[]> = {};

  define(name: string, type: MetricKind): void {
    if (!/^[a-zA-Z_][a-zA-Z0-9_]{0,127}$/.test(name)) throw new Error(`k6 takes no metric of the name "${name}".`);
    const known = this.#types.get(name);
    if (known !== undefined && known !== type) throw new Error(`The metric ${name} is a ${known} and a ${type}.`);
    this.#types.set(name, type);
  }

  /** After the script was read. @throws Error when k6 would refuse them */
  judgeBy(thresholds: Record<string, string[]>): void {
    this.#thresholds = thresholds;
    for (const [selector, expressions] of Object.entries(thresholds)) {
      const match = /^(\w+)(?:\{(.*)\})?$/.exec(selector);
      const type = this.#types.get(match?.[1] ?? '');
      if (!match || !type) throw new Error(`A threshold is on ${selector}, and there is no such metric.`);
      for (const expression of expressions) parse(expression, type);
      if (match[2] === undefined) continue;
      const tags = match[2].split(',').map((tag) => tag.split(':').map((part) => part.trim()) as [string, string]);
      this.#selectors.set(selector, { name: match[1] ?? '', tags });
    }
  }

  add(name: string, value: number, tags: Record<string, string>): void {
    const type = this.#types.get(name);
    if (!type) throw new Error(`There is no metric ${name}.`);
    addTo(this.#sums, name, type, value);
    for (const [key, text] of Object.entries(tags)) addTo(this.#byTag, `${name}{${key}:${text}}`, type, value);
    for (const [selector, { name: of, tags: wanted }] of this.#selectors) {
      if (of === name && wanted.every(([key, text]) => tags[key] === text)) addTo(this.#sums, selector, type, value);
    }
  }

  /** @param selector a metric, or `metric{tag:value}` */
  get(selector: string): Sums {
    return this.#sums.get(selector) ?? this.#byTag.get(selector) ?? { type: this.#types.get(selector.split('{')[0] ?? '') ?? 'counter', samples: 0, sum: 0 };
  }

  judge(): Judged[] {
    return Object.entries(this.#thresholds).flatMap(([metric, expressions]) => expressions.map((threshold) => ({ metric, threshold, ok: holds(this.get(metric), threshold) })));
  }

  /** What `handleSummary` is given: where k6 has a time or a rate over time, there is no number. */
  summary(judged: Judged[], trendStats: string[]): Record<string, unknown> {
    const names = new Set([...this.#sums.keys(), ...Object.keys(this.#thresholds)]);
    return Object.fromEntries([...names].map((name) => {
      const sums = this.get(name);
      const thresholds = Object.fromEntries(judged.filter(({ metric }) => metric === name).map(({ threshold, ok }) => [threshold, { ok: ok !== false }]));
      return [name, { type: sums.type, contains: 'default', values: valuesOf(sums, trendStats), ...(Object.keys(thresholds).length > 0 ? { thresholds } : {}) }];
    }));
  }
}

function addTo(all: Map<string, Sums>, selector: string, type: MetricKind, value: number): void {
  const sums = all.get(selector) ?? { type, samples: 0, sum: 0 };
  sums.samples++;
  sums.sum = type === 'gauge' ? value : sums.sum + value;
  all.set(selector, sums);
}

function parse(text: string, type: MetricKind): Expression {
  const match = /^\s*([a-z]+(?:\([\d.]+\))?)\s*(<=|<|>=|>|===|==|!=)\s*(\d+(?:\.\d+)?(?:e-?\d+)?)\s*$/.exec(text);
  if (!match || !methods[type].test(match[1] ?? '')) throw new Error(`k6 does not understand the threshold "${text}" on a ${type}.`);
  return { method: match[1] ?? '', operator: match[2] ?? '', value: Number(match[3]) };
}

function holds(sums: Sums, text: string): boolean | undefined {
  const { method, operator, value } = parse(text, sums.type);
  if (sums.type === 'trend' || (sums.type === 'counter' && method === 'rate')) return undefined;
  if (sums.type === 'rate' && sums.samples === 0) return true;
  const left = sums.type === 'rate' ? sums.sum / sums.samples : sums.sum;
  switch (operator) {
    case '<': return left < value;
    case '<=': return left <= value;
    case '>': return left > value;
    case '>=': return left >= value;
    case '!=': return left !== value;
    default: return left === value;
  }
}

function valuesOf({ type, samples, sum }: Sums, trendStats: string[]): Record<string, number> {
  switch (type) {
    case 'counter': return { count: sum, rate: NaN };
    case 'gauge': return { value: sum };
    case 'rate': return { rate: samples === 0 ? 0 : sum / samples, passes: sum, fails: samples - sum };
    case 'trend': return Object.fromEntries(trendStats.map((stat) => [stat, NaN]));
  }
}
