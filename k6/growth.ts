// Growth: 100 → 1,000 → 3,000, a while with all of them, and back to none. docs/load-testing.md
import exec from 'k6/execution';
import type { Options } from 'k6/options';
import { chat } from './load/chatter.ts';
import { chatting, trendStats } from './load/metrics.ts';
import { k6Duration } from './load/parse.ts';
import { checkServer } from './load/prepare.ts';
import { duration, stages } from './load/settings.ts';
import { summarize, type SummaryData } from './load/summary.ts';

const plan = stages('LOAD_STAGES', '2m:100,5m:1000,5m:3000,10m:3000,2m:0');
const sessionMs = duration('LOAD_SESSION', '60s');
const totalMs = plan.reduce((sum, stage) => sum + stage.ms, 0);

export const options: Options = {
  scenarios: {
    growth: {
      executor: 'ramping-vus',
      startVUs: 0,
      stages: plan.map(({ ms, users }) => ({ duration: k6Duration(ms), target: users })),
      // Whoever is to go ends the session first: it is over by then, and accounted for.
      gracefulRampDown: k6Duration(sessionMs + 60_000),
      gracefulStop: k6Duration(sessionMs + 60_000),
    },
  },
  thresholds: chatting,
  summaryTrendStats: trendStats,
};

export function setup(): void {
  checkServer();
}

/** A session; the next iteration comes back with its cursors, as people do who close and open the window. */
export default async function (): Promise<void> {
  await chat({ until: Math.min(Date.now() + sessionMs * (0.5 + Math.random() / 2), exec.scenario.startTime + totalMs) });
}

export function handleSummary(data: SummaryData): Record<string, string> {
  return summarize('growth', data);
}
