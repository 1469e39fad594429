import exec from 'k6/execution';
import { Client } from '../protocol/client.ts';
import { jitterMs, pause } from '../protocol/pause.ts';
import type { MessagePage, Page, RoomView } from '../protocol/wire.ts';
import { Findings } from './findings.ts';
import { guarded } from './guarded.ts';
import { connected, disconnects, errors, moved, reconnected, refused } from './metrics.ts';
import { ask, RequestFailed } from './rest.ts';
import { habits, hubAddress } from './settings.ts';
import { person, sign, type Person } from './tokens.ts';

const idleMs = 200;

export interface Stay {
  /** Milliseconds since 1970. Nothing is sent from then on; the session ends once all is accounted for. */
  until: number;
  /** Begins at a random time within so long. */
  arriveWithinMs?: number;
  /** When the connection is dropped on purpose, in ascending order. */
  breaks?: number[];
  /** After a drop, a random time up to this passes before the first attempt. */
  breakJitterMs?: number;
  /** Whether a connection that is refused counts as an error. */
  forgiveRefusals?: boolean;
  /** Tags of deliveries at a time. */
  tagsAt?(now: number): Record<string, string>;
}

/** One virtual user: connects, talks, reads, comes back. Cursors and what is not acknowledged are kept from one iteration to the next. */
export class Chatter {
  readonly #person: Person;
  readonly #client: Client;
  readonly #findings: Findings;
  #rooms: string[] = [];
  #count = 0;

  constructor(n: number) {
    this.#person = person(n);
    this.#findings = new Findings(this.#person.sub);
    this.#client = new Client({ url: hubAddress, callTimeoutMs: habits.callTimeoutMs, lateMs: habits.lateMs }, this.#findings);
    this.#findings.client = this.#client;
  }

  async stay(stay: Stay): Promise<void> {
    // k6 may begin one more iteration in the last moment.
    if (Date.now() >= stay.until) return await pause(idleMs);
    await pause(Math.random() * (stay.arriveWithinMs ?? 0));
    if (!(await this.#look())) return await pause(idleMs + jitterMs(1));

    let breaks = (stay.breaks ?? []).filter((at) => at > Date.now());
    let goneSince: number | undefined;
    let failures = 0;
    while (Date.now() < stay.until) {
      if (!(await this.#connect(stay, goneSince))) {
        await pause(Math.min(jitterMs(failures++), stay.until - Date.now()));
        continue;
      }

      failures = 0;
      await this.#talk(stay, breaks[0] ?? Infinity);
      goneSince = Date.now();
      if (goneSince >= stay.until) break;
      if (this.#client.isSignedOut) {
        errors.add(true, { call: 'signed-out' });
        break;
      }

      // The connection is to be left for another, or is lost.
      let waitMs = jitterMs(0);
      if (goneSince >= (breaks[0] ?? Infinity)) {
        breaks = breaks.slice(1);
        waitMs = Math.random() * (stay.breakJitterMs ?? 0);
      } else if (this.#client.reconnectAfterMs !== undefined) {
        moved.add(1);
        waitMs = this.#client.reconnectAfterMs;
      } else {
        disconnects.add(1);
        errors.add(true, { call: 'connection' });
      }

      await this.#client.close();
      await pause(Math.min(waitMs, stay.until - Date.now()));
    }

    await this.#leave();
  }

  /** What a person sees first: the list of rooms, and the newest messages of each room that is not known yet. */
  async #look(): Promise<boolean> {
    return (await this.#try(() => this.#lookAround())) !== undefined;
  }

  async #lookAround(): Promise<true> {
    const token = sign(this.#person, Date.now());
    const rooms = await ask<Page<RoomView>>({ name: 'rooms', path: '/api/rooms?limit=100', token });
    for (const { id } of rooms.items) {
      if (this.#rooms.includes(id)) continue;
      const page = await ask<MessagePage>({ name: 'history', path: `/api/rooms/${id}/messages?limit=50`, token });
      this.#client.enter(id, page.epoch, page.head);
      this.#rooms.push(id);
    }

    return true;
  }

  async #connect(stay: Stay, goneSince: number | undefined): Promise<boolean> {
    const begunAt = Date.now();
    const end = await this.#client.connect(sign(this.#person, begunAt));
    if (end) {
      refused.add(1);
      if (!stay.forgiveRefusals) errors.add(true, { call: 'connection' });
      return false;
    }

    errors.add(false, { call: 'connection' });
    connected.add(Date.now() - begunAt);
    if (goneSince !== undefined) reconnected.add(Date.now() - goneSince);
    return true;
  }

  /** Writes and reads until it is over, a break is due or the connection is gone. */
  async #talk(stay: Stay, breakAt: number): Promise<void> {
    const end = Math.min(stay.until, breakAt);
    const gone = this.#client.interrupted();
    let sendAt = Date.now() + Math.random() * habits.sendEveryMs;
    let readAt = Date.now() + Math.random() * habits.readEveryMs;
    let refreshAt = Date.now() + (habits.tokenMs * 2) / 3;
    while (Date.now() < end && this.#client.isConnected && this.#client.reconnectAfterMs === undefined) {
      await pause(Math.min(end, sendAt, readAt, refreshAt) - Date.now(), gone);
      const now = Date.now();
      this.#findings.tags = stay.tagsAt?.(now) ?? {};
      if (now >= end || !this.#client.isConnected) continue;
      if (now >= sendAt) {
        this.#post();
        sendAt = now + habits.sendEveryMs * (0.5 + Math.random());
      }

      if (now >= readAt) {
        await this.#read();
        readAt = Date.now() + habits.readEveryMs * (0.5 + Math.random());
      }

      if (now >= refreshAt) {
        await this.#client.call('Refresh', { token: sign(this.#person, now) }).catch(() => undefined);
        refreshAt = now + (habits.tokenMs * 2) / 3;
      }
    }
  }

  #post(): void {
    const room = this.#anyRoom();
    if (room === undefined) return;
    this.#client.post(room, `${this.#person.name}, message ${++this.#count}. ${'Chlorophyll '.repeat(Math.ceil(habits.textChars / 12))}`.slice(0, Math.max(8, habits.textChars)));
  }

  async #read(): Promise<void> {
    const room = this.#anyRoom();
    if (room === undefined) return;
    await this.#try(() => ask<MessagePage>({ name: 'history', path: `/api/rooms/${room}/messages?limit=50`, token: sign(this.#person, Date.now()) }));
  }

  /** A request that fails was counted as an error when it failed. */
  async #try<T>(request: () => Promise<T>): Promise<T | undefined> {
    try {
      return await request();
    } catch (error) {
      if (error instanceof RequestFailed) return undefined;
      throw error;
    }
  }

  async #leave(): Promise<void> {
    if (!this.#client.isConnected) return;
    await this.#client.settle(2 * habits.lateMs);
    for (let i = this.#client.unacknowledged; i > 0; i--) errors.add(true, { call: 'Send', code: '(unacknowledged)' });
    // An answer that fails was counted already.
    if (this.#client.isConnected) await this.#client.audit().catch(() => undefined);
    await this.#client.close();
  }

  #anyRoom(): string | undefined {
    return this.#rooms[Math.floor(Math.random() * this.#rooms.length)];
  }
}

let chatter: Chatter | undefined;

/** An iteration of a scenario in which people chat. */
export async function chat(stay: Stay): Promise<void> {
  await guarded(async () => {
    chatter ??= new Chatter(exec.vu.idInTest - 1);
    await chatter.stay(stay);
  });
}
