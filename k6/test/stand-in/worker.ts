// The thread of one virtual user of the stand-in. It is not k6.
import { parentPort } from 'node:worker_threads';
import { readFileSync } from 'node:fs';
import type { ToVu } from './messages.ts';
import { start, state, tell, untilIdle } from './vu.ts';

type Exported = Record<string, unknown>;

const world = globalThis as unknown as Record<string, unknown>;
world['__ENV'] = { ...start.env };
world['__VU'] = start.id;
world['__ITER'] = 0;
world['open'] = (path: string) => readFileSync(path, 'utf8');
world['console'] = Object.fromEntries(['log', 'warn', 'error'].map((level) => [level, (...what: unknown[]) => tell({ kind: 'log', level, text: what.map(String).join(' ') })]));

// k6 ends an iteration with an error when nobody looks at a promise that failed.
let uncaught: string | undefined;
process.on('unhandledRejection', (error) => (uncaught ??= shown(error)));
process.on('uncaughtException', (error) => (uncaught ??= shown(error)));

try {
  const script = (await import(start.script)) as Exported;
  parentPort?.on('message', (message: ToVu) => void run(script, message));
  tell({ kind: 'ready', options: plain(script['options']), exported: Object.keys(script) });
} catch (error) {
  tell({ kind: 'broken', error: shown(error) });
}

async function run(script: Exported, { name, argument, scenario }: ToVu): Promise<void> {
  uncaught = undefined;
  state.scenario = scenario;
  if (scenario) world['__ITER'] = ++state.iteration;
  let result: unknown;
  let isSettled = false;
  const called = (async () => {
    try {
      result = await (script[name] as (argument: unknown) => unknown)(argument);
    } catch (error) {
      uncaught ??= shown(error);
    }

    isSettled = true;
  })();
  await untilIdle();
  if (isSettled) await called;
  else uncaught ??= `${name} waits for something that cannot come any more.`;
  tell({ kind: 'done', result: plain(result), ...(uncaught === undefined ? {} : { error: uncaught }) });
}

/** k6 passes options and what `setup` returns on as JSON. */
function plain(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}

function shown(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
