import { once } from 'node:events';
import type { VirtualUser } from './virtual-user.ts';

const tickMs = 20;

/** Options of a scenario, as far as the stand-in's executors look at them. */
export interface Scenario {
  executor: string;
  exec?: string;
  vus?: number;
  iterations?: number;
  duration?: string;
  maxDuration?: string;
  gracefulStop?: string;
  gracefulRampDown?: string;
  startVUs?: number;
  stages?: { duration: string; target: number }[];
  rate?: number;
  timeUnit?: string;
  preAllocatedVUs?: number;
}

/** What an executor is given. */
export interface Stage {
  users: VirtualUser[];
  startTime: number;
  /** One iteration; it tells of its errors itself. */
  iterate(user: VirtualUser): Promise<void>;
  drop(): void;
}

/** The users that are there from the beginning: the stand-in makes no more of them, as k6 may for an arrival rate. */
export function usersOf(scenario: Scenario): number {
  return scenario.preAllocatedVUs ?? scenario.vus ?? Math.max(scenario.startVUs ?? 0, ...(scenario.stages ?? []).map(({ target }) => target));
}

/** @returns when nothing new begins and all iterations have ended. It is the caller who loses patience. */
export async function execute(scenario: Scenario, stage: Stage): Promise<void> {
  switch (scenario.executor) {
    case 'per-vu-iterations':
      return await all(stage.users, async (user) => {
        for (let i = 0; i < (scenario.iterations ?? 1); i++) await stage.iterate(user);
      });
    case 'constant-vus': {
      const end = stage.startTime + milliseconds(scenario.duration);
      return await all(stage.users, async (user) => {
        while (Date.now() < end) await stage.iterate(user);
      });
    }
    case 'ramping-vus':
      return await ramp(scenario, stage);
    case 'constant-arrival-rate':
      return await arrive(scenario, stage);
    default:
      throw new Error(`The stand-in has no executor ${scenario.executor}.`);
  }
}

/** When k6 would cut off what still runs. */
export function patienceMs(scenario: Scenario): number {
  const stages = (scenario.stages ?? []).reduce((sum, stage) => sum + milliseconds(stage.duration), 0);
  const graceful = Math.max(milliseconds(scenario.gracefulStop ?? '30s'), scenario.stages ? milliseconds(scenario.gracefulRampDown ?? '30s') : 0);
  return stages + milliseconds(scenario.duration) + milliseconds(scenario.maxDuration) + graceful;
}

/** Between two stages the number of users goes evenly; the last who came are the first who go. */
async function ramp(scenario: Scenario, stage: Stage): Promise<void> {
  const stages = scenario.stages ?? [];
  const end = stage.startTime + stages.reduce((sum, { duration }) => sum + milliseconds(duration), 0);
  const targetAt = (now: number): number => {
    let from = scenario.startVUs ?? 0;
    let at = stage.startTime;
    for (const { duration, target } of stages) {
      const ms = milliseconds(duration);
      if (now < at + ms) return from + Math.floor(((target - from) * (now - at)) / ms);
      [from, at] = [target, at + ms];
    }

    return 0;
  };
  await all(stage.users, async (user, index) => {
    while (Date.now() < end) {
      if (index < targetAt(Date.now())) await stage.iterate(user);
      else await tick();
    }
  });
}

async function arrive(scenario: Scenario, stage: Stage): Promise<void> {
  const everyMs = milliseconds(scenario.timeUnit ?? '1s') / (scenario.rate ?? 1);
  const end = stage.startTime + milliseconds(scenario.duration);
  const free = [...stage.users];
  const running = new Set<Promise<void>>();
  for (let at = stage.startTime; at < end; ) {
    if (Date.now() < at) {
      await tick();
      continue;
    }

    at += everyMs;
    const user = free.shift();
    if (!user) {
      stage.drop();
      continue;
    }

    const iteration = stage.iterate(user).then(() => {
      free.push(user);
      running.delete(iteration);
    });
    running.add(iteration);
  }

  await Promise.all(running);
}

async function all(users: VirtualUser[], each: (user: VirtualUser, index: number) => Promise<void>): Promise<void> {
  await Promise.all(users.map(each));
}

async function tick(): Promise<void> {
  await once(AbortSignal.timeout(tickMs), 'abort');
}

export function milliseconds(duration: string | undefined): number {
  const match = /^(\d+)(ms|s|m)$/.exec(duration ?? '0ms');
  if (!match) throw new Error(`The stand-in does not understand the duration ${String(duration)}.`);
  return Number(match[1]) * ({ ms: 1, s: 1_000, m: 60_000 }[match[2] ?? ''] ?? NaN);
}
