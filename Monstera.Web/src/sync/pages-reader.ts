import type { Clock } from '../wire/clock';
import { CodedError, failureCode, type FailureCode } from '../wire/errors';
import type { MessagePage, RoomId, Seq } from '../wire/protocol';
import type { Rest } from '../wire/rest';
import { reconnectDelayMs } from './backoff';
import type { RoomState } from './room-state';
import { RoomTimeline, type PageWhere } from './timeline';

const roomsCachedMax = 30;
const firstPageItems = 60;
const pageItems = 50;
const attemptsMax = 3;

export interface PagesListener {
  changed(room: RoomId): void;
  resume(room: RoomId): void;
  /** A page is of a later log than the one we know. */
  another(state: RoomState, epoch: number, head: Seq): void;
}

/** Reads pages of messages for the timelines, and keeps the timelines of the rooms that were shown last. */
export class PagesReader {
  readonly #parts: { rest: Pick<Rest, 'messages'>; clock: Clock };
  readonly #room: (room: RoomId) => RoomState | undefined;
  readonly #listener: PagesListener;
  /** In order of last use. */
  #cached = new Set<RoomId>();
  #reading = new Map<RoomId, { state: RoomState; done: Promise<void> }>();
  #failed = new Map<RoomId, FailureCode>();
  #stopped = false;

  constructor(parts: { rest: Pick<Rest, 'messages'>; clock: Clock }, room: (room: RoomId) => RoomState | undefined, listener: PagesListener) {
    this.#parts = parts;
    this.#room = room;
    this.#listener = listener;
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Why the first page of a room could not be read, if it could not. */
  failed(room: RoomId): FailureCode | undefined {
    return this.#failed.get(room);
  }

  readFirst(room: RoomId): void {
    this.#cached.delete(room);
    this.#cached.add(room);
    const state = this.#room(room);
    // A room that went and came back is another state: what is read for the one before is of no use to it.
    if (!state || state.timeline || this.#reading.get(room)?.state === state) return;
    const reading = { state, done: Promise.resolve() };
    this.#reading.set(room, reading);
    reading.done = this.#readFirst(state).finally(() => this.#reading.get(room) === reading && this.#reading.delete(room));
  }

  /** Connected again: what could not be read is tried once more. */
  online(): void {
    for (const room of [...this.#failed.keys()]) this.readFirst(room);
  }

  /** A room is no longer shown: the room that was not shown for longest is let go. */
  rested(room: RoomId): void {
    this.#cached.delete(room);
    this.#cached.add(room);
    for (const oldest of this.#cached) {
      if (this.#cached.size <= roomsCachedMax) break;
      this.#cached.delete(oldest);
      const state = this.#room(oldest);
      if (state) state.timeline = undefined;
    }
  }

  /** True when the page is in the timeline; false when it could not be read now. */
  async read(room: RoomId, where: PageWhere): Promise<boolean> {
    await this.#reading.get(room)?.done;
    for (let attempts = 0; attempts < attemptsMax && !this.#stopped; attempts++) {
      const timeline = this.#room(room)?.timeline;
      if (!timeline) return false;
      const page = await this.#page(room, where, pageItems);
      const state = this.#room(room);
      if (!page || !state || state.timeline !== timeline) return false;
      // Another epoch: the next Resume says so too, and then everything is read anew.
      if (page.epoch !== state.log.epoch) {
        this.#listener.resume(room);
        return false;
      }
      if (!timeline.add(page, where)) continue;
      this.#listener.changed(room);
      return true;
    }
    return false;
  }

  async #readFirst(state: RoomState): Promise<void> {
    this.#failed.delete(state.id);
    for (let failures = 0; !this.#stopped && this.#room(state.id) === state; ) {
      const { epoch, last } = state.log;
      state.missed = [];
      try {
        const page = await this.#parts.rest.messages(state.id, {}, firstPageItems);
        const missed = state.missed ?? [];
        if (state.log.epoch !== epoch && page.epoch !== state.log.epoch) continue;
        const behind = page.epoch !== state.log.epoch || page.head < last;
        // The page is what we have; whatever comes after its head is read from the log once more.
        if (behind) {
          if (page.epoch > state.log.epoch) this.#listener.another(state, page.epoch, page.head);
          else state.log.moveTo(page.epoch, page.head);
          this.#listener.resume(state.id);
        }
        state.timeline = new RoomTimeline(page, behind ? [] : missed.filter((event) => event.seq > page.head));
        break;
      } catch (error) {
        const retry = error instanceof CodedError ? error.retryAfterMs : 0;
        if (retry === undefined || failures >= attemptsMax) {
          if (this.#room(state.id) === state) this.#failed.set(state.id, failureCode(error));
          break;
        }
        await this.#pause(retry + reconnectDelayMs(failures++, this.#parts.clock.random()));
      } finally {
        state.missed = undefined;
      }
    }
    if (!this.#stopped) this.#listener.changed(state.id);
  }

  async #page(room: RoomId, where: PageWhere, limit: number): Promise<MessagePage | undefined> {
    try {
      return await this.#parts.rest.messages(room, where, limit);
    } catch {
      return undefined;
    }
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.#parts.clock.after(delayMs, resolve));
  }
}
