// Soak: hours of steady chat with short-lived tokens, in which nothing may get slower from one quarter of the time to the next. docs/load-testing.md
import exec from 'k6/execution';
import type { Options } from 'k6/options';
import { chat } from './load/chatter.ts';
import { chatting, trendStats, type Thresholds } from './load/metrics.ts';
import { k6Duration } from './load/parse.ts';
import { checkServer } from './load/prepare.ts';
import { bounds, duration, users } from './load/settings.ts';
import { summarize, type SummaryData } from './load/summary.ts';

const durationMs = duration('LOAD_DURATION', '4h');
const sessionMs = duration('LOAD_SESSION', '30m');
const quarters = ['1', '2', '3', '4'];

const byQuarter: Thresholds = Object.fromEntries(quarters.map((quarter) => [`monstera_delivery{quarter:${quarter}}`, [`p(95)<${bounds.deliveryP95Ms}`]]));

export const options: Options = {
  scenarios: {
    soak: { executor: 'constant-vus', vus: users(500), duration: k6Duration(durationMs), gracefulStop: '60s' },
  },
  thresholds: { ...chatting, ...byQuarter },
  summaryTrendStats: trendStats,
};

export function setup(): void {
  checkServer();
}

export default async function (): Promise<void> {
  const beganAt = exec.scenario.startTime;
  await chat({
    until: Math.min(Date.now() + sessionMs * (0.5 + Math.random() / 2), beganAt + durationMs),
    tagsAt: (now) => ({ quarter: quarters[Math.min(3, Math.max(0, Math.floor(((now - beganAt) * 4) / durationMs)))] ?? '4' }),
  });
}

export function handleSummary(data: SummaryData): Record<string, string> {
  return summarize('soak', data);
}
