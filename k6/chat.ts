// Steady chat: a number of people who are there and talk. docs/load-testing.md
import exec from 'k6/execution';
import type { Options } from 'k6/options';
import { chat } from './load/chatter.ts';
import { chatting, trendStats } from './load/metrics.ts';
import { k6Duration } from './load/parse.ts';
import { checkServer } from './load/prepare.ts';
import { duration, users } from './load/settings.ts';
import { summarize, type SummaryData } from './load/summary.ts';

const durationMs = duration('LOAD_DURATION', '5m');

export const options: Options = {
  scenarios: {
    chat: { executor: 'constant-vus', vus: users(100), duration: k6Duration(durationMs), gracefulStop: '60s' },
  },
  thresholds: chatting,
  summaryTrendStats: trendStats,
};

export function setup(): void {
  checkServer();
}

export default async function (): Promise<void> {
  await chat({ until: exec.scenario.startTime + durationMs });
}

export function handleSummary(data: SummaryData): Record<string, string> {
  return summarize('steady chat', data);
}
