import { MessageChannel, Worker } from 'node:worker_threads';
import type { BlockingRequest, FromVu, ScenarioState, ToVu } from './messages.ts';
import { send } from './requests.ts';

/** Hears what a virtual user says besides its answers. */
export type Hear = (message: FromVu, vu: number) => void;

/** The main thread's side of one virtual user. */
export class VirtualUser {
  readonly id: number;
  readonly #worker: Worker;
  #answer: ((message: FromVu) => void) | undefined;
  #fail: ((error: Error) => void) | undefined;

  private constructor(id: number, worker: Worker, hear: Hear) {
    this.id = id;
    this.#worker = worker;
    worker.on('message', (message: FromVu) => {
      if (message.kind === 'ready' || message.kind === 'done' || message.kind === 'broken') this.#answer?.(message);
      else hear(message, id);
    });
    worker.on('error', (error) => this.#fail?.(error as Error));
    worker.on('exit', (code) => this.#fail?.(new Error(`The thread of virtual user ${id} ended with ${code}.`)));
  }

  /** Reads the script in a world of its own. */
  static async start(id: number, script: string, env: Record<string, string>, hear: Hear): Promise<{ user: VirtualUser; options: Record<string, unknown>; exported: string[] }> {
    const { port1, port2 } = new MessageChannel();
    const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData: { id, script, env, http: port2 }, transferList: [port2], stdout: false });
    port1.on('message', ({ request, flag }: BlockingRequest) => void send(request).then((response) => {
      port1.postMessage(response);
      Atomics.store(flag, 0, 1);
      Atomics.notify(flag, 0);
    }));
    port1.unref();
    const user = new VirtualUser(id, worker, hear);
    const ready = await user.#next();
    if (ready.kind !== 'ready') throw new Error(`The script cannot be read: ${ready.kind === 'broken' ? ready.error : ready.kind}`);
    return { user, options: (ready.options ?? {}) as Record<string, unknown>, exported: ready.exported };
  }

  /** @returns what the function returned, or how it failed. */
  async run(name: string, argument: unknown, scenario?: ScenarioState): Promise<{ result: unknown; error?: string }> {
    const next = this.#next();
    this.#worker.postMessage({ kind: 'run', name, argument, ...(scenario ? { scenario } : {}) } satisfies ToVu);
    const done = await next;
    return done.kind === 'done' ? done : { result: undefined, error: done.kind };
  }

  async stop(): Promise<void> {
    this.#fail = undefined;
    await this.#worker.terminate();
  }

  #next(): Promise<FromVu> {
    return new Promise((resolve, reject) => {
      this.#answer = resolve;
      this.#fail = reject;
    });
  }
}
