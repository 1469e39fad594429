// Reconnect storm: most of the people lose their connection at the same moment and come back, while the others go on writing. docs/load-testing.md
import exec from 'k6/execution';
import type { Options } from 'k6/options';
import { chat } from './load/chatter.ts';
import { chatting, trendStats } from './load/metrics.ts';
import { k6Duration } from './load/parse.ts';
import { checkServer } from './load/prepare.ts';
import { duration, number, users } from './load/settings.ts';
import { summarize, type SummaryData } from './load/summary.ts';

const usersCount = users(1_000);
const arriveMs = duration('LOAD_ARRIVE', '30s');
const storms = Math.floor(number('LOAD_STORMS', 3, 1, 1_000));
const stormEveryMs = duration('LOAD_STORM_EVERY', '30s');
const share = number('LOAD_STORM_SHARE', 0.8, 0.01, 1);
const jitterMs = duration('LOAD_STORM_JITTER', '500ms');
const totalMs = arriveMs + (storms + 1) * stormEveryMs;

export const options: Options = {
  scenarios: {
    storm: { executor: 'per-vu-iterations', vus: usersCount, iterations: 1, maxDuration: k6Duration(totalMs + 60_000), gracefulStop: '60s' },
  },
  thresholds: {
    ...chatting,
    monstera_reconnect: [`p(95)<${number('LOAD_RECONNECT_P95_MS', 5_000, 1, 600_000)}`],
  },
  summaryTrendStats: trendStats,
};

export function setup(): void {
  checkServer();
}

export default async function (): Promise<void> {
  const beganAt = exec.scenario.startTime;
  const isHit = exec.vu.idInTest <= Math.max(1, Math.floor(usersCount * share));
  const breaks = isHit ? Array.from({ length: storms }, (_, k) => beganAt + arriveMs + (k + 1) * stormEveryMs) : [];
  await chat({
    until: beganAt + totalMs,
    arriveWithinMs: arriveMs,
    breaks,
    breakJitterMs: jitterMs,
    // In a storm the server may tell some to come a little later: what counts is when they are back.
    forgiveRefusals: true,
  });
}

export function handleSummary(data: SummaryData): Record<string, string> {
  return summarize('reconnect storm', data);
}
