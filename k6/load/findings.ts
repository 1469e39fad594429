import { sentAt } from '../protocol/client-id.ts';
import type { Client, Witness } from '../protocol/client.ts';
import type { CallError } from '../protocol/hub.ts';
import type { RoomEvent } from '../protocol/wire.ts';
import { acknowledged, deliveries, delivery, duplicates, errors, gaps, gapsTold, lost, resets, resumed, sends } from './metrics.ts';

/** Lines that one virtual user writes about what is wrong; the metrics count all of it. */
const linesMax = 5;

/** Turns what a client finds into metrics. */
export class Findings implements Witness {
  /** Set by whoever makes both. */
  client: Client | undefined;
  /** Tags of the deliveries from now on. */
  tags: Record<string, string> = {};
  readonly #who: string;
  #lines = 0;

  constructor(who: string) {
    this.#who = who;
  }

  event(_room: string, event: RoomEvent, receivedAt: number, live: boolean): void {
    const sent = event.type === 'message.created' ? sentAt(event.clientId) : undefined;
    if (sent === undefined) return;
    if (!live && sent < (this.client?.liveSince ?? Infinity)) {
      resumed.add(1);
      return;
    }

    deliveries.add(1);
    delivery.add(Math.max(0, receivedAt - sent), this.tags);
  }

  gap(room: string, last: number, got: number): void {
    gaps.add(1, { room });
    this.#say(`room ${room}: event ${got} came after ${last}`);
  }

  duplicate(room: string, last: number, got: number): void {
    duplicates.add(1, { room });
    this.#say(`room ${room}: event ${got} came again, after ${last}`);
  }

  told(): void {
    gapsTold.add(1);
  }

  reset(room: string): void {
    resets.add(1, { room });
    this.#say(`room ${room}: the server does not know the cursor`);
  }

  lost(room: string, what: string): void {
    lost.add(1, { room });
    this.#say(`room ${room}: ${what}`);
  }

  called(target: string, tookMs: number, error?: CallError): void {
    if (target === 'Send' && !error) {
      sends.add(1);
      acknowledged.add(tookMs);
    }

    // What a connection takes with it when it ends is in doubt, and goes on; that it ended is counted where nobody wanted it to.
    if (error?.code === '(lost)' || error?.code === '(closed)') return;
    errors.add(error !== undefined, error ? { call: target, code: error.code } : { call: target });
    if (error) this.#say(`${target}: ${error.message}`);
  }

  #say(what: string): void {
    if (++this.#lines <= linesMax) console.error(`${this.#who}: ${what}`);
  }
}
