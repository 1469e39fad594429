// Stand-in for k6/metrics. It is not k6: a Trend checks that it is given a number, and throws the number away.
import type { MetricKind } from './messages.ts';
import { tell } from './vu.ts';

class Metric {
  readonly name: string;
  readonly #type: MetricKind;

  constructor(type: MetricKind, name: string) {
    this.name = name;
    this.#type = type;
    tell({ kind: 'metric', name, type });
  }

  add(value: number | boolean, tags: Record<string, string> = {}): void {
    const number = Number(value);
    if (!Number.isFinite(number)) throw new Error(`${this.name} was given ${String(value)}, which is no number.`);
    if (this.#type === 'counter' && number < 0) throw new Error(`${this.name} counts, and was given ${String(value)}.`);
    sample(this.name, this.#type === 'trend' ? 0 : number, tags);
  }
}

export function sample(name: string, value: number, tags: Record<string, string> = {}): void {
  tell({ kind: 'sample', name, value, tags });
}

export class Counter extends Metric {
  constructor(name: string) {
    super('counter', name);
  }
}

export class Gauge extends Metric {
  constructor(name: string) {
    super('gauge', name);
  }
}

export class Rate extends Metric {
  constructor(name: string) {
    super('rate', name);
  }
}

export class Trend extends Metric {
  constructor(name: string) {
    super('trend', name);
  }
}
