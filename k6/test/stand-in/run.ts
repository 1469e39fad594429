import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { execute, patienceMs, usersOf, type Scenario } from './executors.ts';
import type { FromVu, ScenarioState } from './messages.ts';
import { Registry, type Judged, type Sums } from './registry.ts';
import { VirtualUser } from './virtual-user.ts';

export const notice = 'This is not k6. It is a stand-in on Node that runs the scripts to see that they work; it measures no time and no throughput, and prints none.';

/** Exit codes as k6 has them. */
export const exitCodes = { passed: 0, thresholdsCrossed: 99, scriptException: 107, scriptAborted: 108 };

export interface Outcome {
  exitCode: number;
  judged: Judged[];
  /** Thresholds that do not hold, as `metric expression`. */
  crossed: string[];
  sums(selector: string): Sums;
  log: string[];
  /** Errors of iterations, which k6 only logs. */
  errors: string[];
  iterations: number;
  interrupted: number;
  aborted: string | undefined;
  /** What `handleSummary` wrote: files by name, and `stdout`. */
  written: Record<string, string>;
}

interface Options {
  scenarios?: Record<string, Scenario>;
  thresholds?: Record<string, string[]>;
  summaryTrendStats?: string[];
}

const built = fileURLToPath(new URL('../..', import.meta.url));

/** Runs a script as `k6 run` would, in threads of this process. @throws Error when k6 would refuse the script */
export async function run(script: string, env: Record<string, string>): Promise<Outcome> {
  linkModules();
  const registry = new Registry();
  const outcome: Outcome = {
    exitCode: 0, judged: [], crossed: [], sums: (selector) => registry.get(selector), log: [], errors: [], iterations: 0, interrupted: 0, aborted: undefined, written: {},
  };
  const hear = (message: FromVu, vu: number): void => {
    if (message.kind === 'metric') registry.define(message.name, message.type);
    else if (message.kind === 'sample') registry.add(message.name, message.value, message.tags);
    else if (message.kind === 'log') outcome.log.push(`${vu} ${message.level}: ${message.text}`);
    else if (message.kind === 'abort') outcome.aborted ??= message.why;
  };
  const source = new URL(`../../${script.replace(/\.ts$/, '.js')}`, import.meta.url).href;
  const users: VirtualUser[] = [];
  const start = async (id: number) => {
    const started = await VirtualUser.start(id, source, env, hear);
    users.push(started.user);
    return started;
  };

  try {
    const { user: preparing, options, exported } = await start(0);
    registry.judgeBy((options as Options).thresholds ?? {});
    if (!exported.includes('default') || !exported.includes('handleSummary')) throw new Error(`${script} has no default function, or no handleSummary.`);

    const prepared = exported.includes('setup') ? await preparing.run('setup', undefined) : { result: undefined };
    if ('error' in prepared && prepared.error !== undefined) {
      outcome.errors.push(prepared.error);
      outcome.exitCode = outcome.aborted === undefined ? exitCodes.scriptException : exitCodes.scriptAborted;
      return outcome;
    }

    const scenarios = Object.entries((options as Options).scenarios ?? {});
    if (scenarios.length !== 1) throw new Error('The stand-in runs scripts with one scenario.');
    const [[name, scenario]] = scenarios as [[string, Scenario]];
    const crew = await Promise.all(Array.from({ length: usersOf(scenario) }, async (_, index) => (await start(index + 1)).user));
    await runScenario(name, scenario, crew, prepared.result, registry, outcome);
    await conclude(preparing, registry, (options as Options).summaryTrendStats ?? [], outcome);
    return outcome;
  } finally {
    await Promise.all(users.map((user) => user.stop()));
  }
}

async function runScenario(name: string, scenario: Scenario, users: VirtualUser[], prepared: unknown, registry: Registry, outcome: Outcome): Promise<void> {
  const startTime = Date.now();
  let next = 0;
  let running = 0;
  const iterate = async (user: VirtualUser): Promise<void> => {
    const state: ScenarioState = { name, executor: scenario.executor, startTime, iterationInTest: next++ };
    running++;
    const { error } = await user.run(scenario.exec ?? 'default', prepared, state);
    running--;
    outcome.iterations++;
    registry.add('iterations', 1, {});
    if (error !== undefined) outcome.errors.push(error);
  };
  const over = execute(scenario, { users, startTime, iterate, drop: () => registry.add('dropped_iterations', 1, {}) });
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<void>((resolve) => (timer = setTimeout(resolve, patienceMs(scenario))));
  await Promise.race([over, patience]);
  clearTimeout(timer);
  outcome.interrupted = running;
}

async function conclude(user: VirtualUser, registry: Registry, trendStats: string[], outcome: Outcome): Promise<void> {
  outcome.judged = registry.judge();
  outcome.crossed = outcome.judged.filter(({ ok }) => ok === false).map(({ metric, threshold }) => `${metric} ${threshold}`);
  const data = { metrics: registry.summary(outcome.judged, trendStats), state: { testRunDurationMs: NaN }, options: { summaryTrendStats: trendStats } };
  const { result, error } = await user.run('handleSummary', data);
  if (error !== undefined) outcome.errors.push(error);
  outcome.written = (result ?? {}) as Record<string, string>;
  outcome.written['stdout'] = `${notice}\n${outcome.written['stdout'] ?? ''}`;
  if (outcome.crossed.length > 0) outcome.exitCode = exitCodes.thresholdsCrossed;
}

/** Scripts say `k6/http`, and Node looks for it among the packages: it is shown this folder there. */
export function linkModules(): void {
  const packages = `${built}/node_modules`;
  if (existsSync(`${packages}/k6`)) return;
  mkdirSync(packages, { recursive: true });
  writeFileSync(`${built}/test/stand-in/package.json`, JSON.stringify({ name: 'k6', type: 'module', exports: { '.': './index.js', './*': './*.js' } }));
  symlinkSync('../test/stand-in', `${packages}/k6`, 'dir');
}
