import type { Clock } from '../wire/clock';
import { CodedError } from '../wire/errors';
import type { Hub } from '../wire/hub';
import { limits, type Cursor, type ResumeAnswer, type RoomId } from '../wire/protocol';
import { retryDelayMs } from './backoff';
import type { RoomLog } from './room-log';

export interface ResumerParts {
  clock: Clock;
  log(room: RoomId): RoomLog | undefined;
  onAnswer(answer: ResumeAnswer): void;
  /** Rooms could not be brought up to date over this connection. */
  onFailed(): void;
}

/** Asks the log for what rooms lack: one call at a time, up to a hundred rooms in it, until none lacks anything. */
export class Resumer {
  readonly #parts: ResumerParts;
  #hub: Hub | undefined;
  #wanted = new Set<RoomId>();
  #run: Promise<void> | undefined;
  #asking: RoomId[] = [];

  constructor(parts: ResumerParts) {
    this.#parts = parts;
  }

  /** From now on over this connection. */
  attach(hub: Hub): void {
    this.#hub = hub;
  }

  /** The connection is lost: nothing is asked until the next, which asks for every room. */
  detach(): void {
    this.#hub = undefined;
    this.#wanted.clear();
    this.#release();
  }

  want(room: RoomId): void {
    if (!this.#hub) return;
    this.#wanted.add(room);
    this.#start();
  }

  /** Resolves when every wanted room is live; rejects when the connection is lost before. */
  async settle(rooms: Iterable<RoomId>): Promise<void> {
    for (const room of rooms) this.#wanted.add(room);
    this.#start();
    while (this.#run) await this.#run;
  }

  #start(): void {
    if (this.#run || this.#wanted.size === 0) return;
    const run = this.#drain().finally(() => {
      if (this.#run === run) this.#run = undefined;
      if (this.#hub) this.#start();
    });
    this.#run = run;
    const hub = this.#hub;
    run.catch(() => this.#hub === hub && this.#parts.onFailed());
  }

  async #drain(): Promise<void> {
    const hub = this.#hub;
    for (let attempts = 0; hub && this.#hub === hub && this.#wanted.size > 0; ) {
      const cursors = this.#take();
      if (cursors.length === 0) continue;
      try {
        const answer = await hub.call<{ rooms: ResumeAnswer[] }>('Resume', { rooms: cursors });
        if (this.#hub !== hub) return;
        this.#asking = [];
        attempts = 0;
        for (const room of answer.rooms) this.#parts.onAnswer(room);
      } catch (error) {
        if (this.#hub !== hub) throw error;
        this.#release();
        if (!(error instanceof CodedError) || error.retryAfterMs === undefined) throw error;
        for (const { room } of cursors) this.#wanted.add(room);
        await this.#pause(retryDelayMs(error.retryAfterMs, attempts++, this.#parts.clock));
      }
    }
  }

  #take(): Cursor[] {
    const cursors: Cursor[] = [];
    for (const room of this.#wanted) {
      if (cursors.length === limits.resumeRoomsMax) break;
      this.#wanted.delete(room);
      const log = this.#parts.log(room);
      if (!log) continue;
      log.resumeStarted();
      cursors.push({ room, epoch: log.epoch, seq: log.last });
    }
    this.#asking = cursors.map((cursor) => cursor.room);
    return cursors;
  }

  #release(): void {
    for (const room of this.#asking) this.#parts.log(room)?.resumeFailed();
    this.#asking = [];
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.#parts.clock.after(delayMs, resolve));
  }
}
