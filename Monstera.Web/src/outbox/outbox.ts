import { retryDelayMs } from '../sync/backoff';
import type { Clock } from '../wire/clock';
import { CodedError, failureCode, type FailureCode } from '../wire/errors';
import type { Ack, RoomId, Seq } from '../wire/protocol';
import type { SentItem } from './sent';
import type { OutboxItem, OutboxStore } from './store';
import type { TabNews, Tabs } from './tabs';

export type UnsentState = 'pending' | 'sent' | 'failed' | 'lost';
export interface Unsent extends Omit<OutboxItem, 'state'> {
  state: UnsentState;
  /** Of a sent one, whose event is still on its way. */
  seq?: Seq;
}

export interface OutboxParts {
  store: OutboxStore;
  tabs: Tabs;
  clock: Clock;
  newId(): string;
  send(argument: { room: RoomId; clientId: string; text: string; replyTo?: Seq }): Promise<Ack>;
  /** Whether the room's cursor is at or past `seq`: then what is there needs no showing here. */
  inLog(room: RoomId, seq: Seq): boolean;
  /** The epoch of the room's log; 0 while it is not known. */
  epochOf(room: RoomId): number;
  /** It is in the log for certain; its event may still be on its way. */
  acknowledged(item: OutboxItem, ack: Ack): void;
  changed(room: RoomId): void;
}

const settledMax = 1_000;

type Outcome = 'done' | 'offline';
const signedOutCodes = new Set<FailureCode>(['unauthenticated', 'token_expired', 'hello_required']);

/**
 * Messages on their way. Each is stored before it is sent and forgotten only when it is in the log; a room's messages go
 * out one after the other, and no room waits for another; what is in doubt is sent again with the same `clientId`, which the
 * server stores once. Beside them stand those that the log lost, until somebody says what is to become of them.
 */
export class Outbox {
  readonly #parts: OutboxParts;
  #unsent = new Map<string, Unsent>();
  #online = false;
  /** Rooms whose messages are going out; true when there is more than was looked for. */
  #draining = new Map<RoomId, boolean>();
  /** Rooms whose next message waits to be tried again. */
  #waiting = new Map<RoomId, () => void>();
  #lastOrder = 0;
  /**
   * Removing from the store takes a moment, in which a message that is in the log must not look unsent again. With the epoch
   * of that log: in a later one it may be missing.
   */
  #settled = new Map<string, number>();

  constructor(parts: OutboxParts) {
    this.#parts = parts;
    parts.tabs.listen((news) => this.#onNews(news));
  }

  /** Reads what an earlier page left. */
  async restore(): Promise<void> {
    for (const item of await this.#stored()) this.#show(item);
  }

  unsentOf(room: RoomId): Unsent[] {
    return [...this.#unsent.values()].filter((item) => item.room === room).sort((a, b) => a.order - b.order);
  }

  /** Own messages that the room's log lost, in the order in which they were written. */
  lostIn(room: RoomId): Unsent[] {
    return this.unsentOf(room).filter((item) => item.state === 'lost');
  }

  get pendingCount(): number {
    return [...this.#unsent.values()].filter((item) => item.state === 'pending').length;
  }

  /** Resolves once the message is stored; it is shown at once and sent as soon as it can be. */
  async add(room: RoomId, text: string, replyTo?: Seq): Promise<string> {
    const now = this.#parts.clock.now();
    this.#lastOrder = Math.max(this.#lastOrder + 1, now * 1_000);
    const item: OutboxItem = {
      clientId: this.#parts.newId(), room, text, order: this.#lastOrder, at: new Date(now).toISOString(), state: 'pending',
      ...(replyTo === undefined ? {} : { replyTo }),
    };
    this.#show(item);
    await this.#keep(item);
    this.#drainSoon(room);
    return item.clientId;
  }

  /** Shows a message that the log lost, to be sent again or given up. */
  async offer({ clientId, room, text, at, seq, epoch, replyTo }: SentItem): Promise<void> {
    const known = this.#unsent.get(clientId);
    if (known && known.state !== 'sent') return;
    const item: OutboxItem = {
      clientId, room, text, at, state: 'lost', missingIn: epoch, order: Date.parse(at) * 1_000 + (seq % 1_000),
      ...(replyTo === undefined ? {} : { replyTo }),
    };
    if (this.#show(item)) await this.#keep(item);
  }

  /** The room's log was put back and ends here: what was there to be answered after that is no more. */
  cutReplies(room: RoomId, head: Seq): void {
    for (const item of this.unsentOf(room)) {
      if (item.state !== 'pending' || item.replyTo === undefined || item.replyTo <= head) continue;
      const { replyTo: _replyTo, ...rest } = stripped(item);
      this.#show(rest);
      void this.#keep(rest);
    }
  }

  async retry(clientId: string): Promise<void> {
    const item = this.#unsent.get(clientId);
    if (item?.state !== 'failed' && item?.state !== 'lost') return;
    const { code: _code, seq: _seq, ...rest } = item;
    const again: OutboxItem = { ...rest, state: 'pending' };
    this.#show(again);
    await this.#keep(again);
    this.#drainSoon(item.room);
  }

  /** Gives up a message that failed or was lost. */
  async discard(clientId: string): Promise<void> {
    const state = this.#unsent.get(clientId)?.state;
    if (state !== 'failed' && state !== 'lost') return;
    await this.#forget(clientId);
    this.#parts.tabs.tell({ kind: 'removed', clientId });
  }

  /** These are in the log for certain, whatever became of the calls that sent them. */
  confirm(clientIds: readonly string[]): void {
    for (const clientId of clientIds) {
      if (!this.#unsent.has(clientId)) continue;
      void this.#forget(clientId);
      this.#parts.tabs.tell({ kind: 'removed', clientId });
    }
  }

  setOnline(online: boolean): void {
    this.#online = online;
    if (online) void this.#drainAll();
  }

  /** What was refused for now need not be any more: it is tried without waiting on. */
  hurry(room: RoomId): void {
    this.#waiting.get(room)?.();
  }

  async #drainAll(): Promise<void> {
    // Another tab may have written since we looked.
    this.#takeStored(await this.#stored());
    for (const item of this.#unsent.values()) if (item.state === 'pending') this.#drainSoon(item.room);
  }

  #drainSoon(room: RoomId): void {
    if (!this.#online) return;
    if (this.#draining.has(room)) {
      this.#draining.set(room, true);
      return;
    }
    this.#draining.set(room, false);
    void this.#parts.tabs
      .exclusively(room, () => this.#drain(room))
      .catch(() => undefined)
      .finally(() => {
        const again = this.#draining.get(room);
        this.#draining.delete(room);
        if (again) this.#drainSoon(room);
      });
  }

  async #drain(room: RoomId): Promise<void> {
    // Another tab may have sent since we looked.
    const stored = (await this.#stored()).filter((item) => item.room === room);
    const known = new Set(stored.map((item) => item.clientId));
    this.#takeStored(stored);
    for (const item of this.unsentOf(room)) if (item.state === 'pending' && !known.has(item.clientId)) await this.#keep(stripped(item));
    await this.#drainRoom(room);
  }

  #takeStored(stored: readonly OutboxItem[]): void {
    for (const item of stored) if (this.#unsent.get(item.clientId)?.state !== 'sent') this.#show(item);
  }

  async #drainRoom(room: RoomId): Promise<void> {
    while (this.#online) {
      const next = this.unsentOf(room).find((item) => item.state === 'pending');
      if (!next || (await this.#sendUntilSettled(next)) === 'offline') return;
    }
  }

  /** One message until it is stored for certain, or refused for good, or the connection is lost. */
  async #sendUntilSettled(item: Unsent): Promise<Outcome> {
    const { room, clientId, text, replyTo } = item;
    for (let attempts = 1; this.#online && this.#unsent.get(clientId)?.state === 'pending'; attempts++) {
      try {
        const ack = await this.#parts.send({ room, clientId, text, ...(replyTo === undefined ? {} : { replyTo }) });
        await this.#acked(clientId, ack);
        return 'done';
      } catch (error) {
        if (!(error instanceof CodedError) || signedOutCodes.has(error.code)) return 'offline';
        if (error.retryAfterMs !== undefined) await this.#pause(room, retryDelayMs(error.retryAfterMs, attempts, this.#parts.clock));
        else if (error.code !== 'internal' || attempts > 1) {
          await this.#fail(clientId, failureCode(error));
          return 'done';
        }
      }
    }
    return this.#online ? 'done' : 'offline';
  }

  async #acked(clientId: string, ack: Ack): Promise<void> {
    const item = this.#unsent.get(clientId);
    // Its event came before its acknowledgement, and it is forgotten already.
    if (!item) return;
    const { seq } = ack;
    this.#parts.acknowledged(stripped(item), ack);
    this.#parts.tabs.tell({ kind: 'acked', clientId, seq });
    if (this.#parts.inLog(item.room, seq)) return this.#forget(clientId);
    this.#unsent.set(clientId, { ...item, state: 'sent', seq });
    this.#parts.changed(item.room);
    await this.#removeStored(clientId);
  }

  async #fail(clientId: string, code: FailureCode): Promise<void> {
    const item = this.#unsent.get(clientId);
    if (!item) return;
    const failed: OutboxItem = { ...stripped(item), state: 'failed', code };
    this.#show(failed);
    await this.#keep(failed);
  }

  #onNews(news: TabNews): void {
    if (news.kind === 'put') {
      this.#show(news.item);
      return;
    }
    const item = this.#unsent.get(news.clientId);
    if (!item) return;
    if (news.kind === 'acked' && !this.#parts.inLog(item.room, news.seq)) this.#unsent.set(news.clientId, { ...item, state: 'sent', seq: news.seq });
    else this.#settle(news.clientId);
    this.#parts.changed(item.room);
  }

  /** False when it is settled already. */
  #show(item: OutboxItem): boolean {
    if ((this.#settled.get(item.clientId) ?? -1) >= (item.missingIn ?? 0)) return false;
    this.#settled.delete(item.clientId);
    this.#lastOrder = Math.max(this.#lastOrder, item.order);
    this.#unsent.set(item.clientId, item);
    this.#parts.changed(item.room);
    return true;
  }

  async #keep(item: OutboxItem): Promise<void> {
    try {
      await this.#parts.store.put(item);
    } catch {
      // The disk is full or storage was taken away: the message still goes out, it only does not survive a reload.
    }
    if (this.#unsent.has(item.clientId)) this.#parts.tabs.tell({ kind: 'put', item });
    else await this.#removeStored(item.clientId);
  }

  async #forget(clientId: string): Promise<void> {
    const item = this.#unsent.get(clientId);
    this.#settle(clientId);
    if (item) this.#parts.changed(item.room);
    await this.#removeStored(clientId);
  }

  #settle(clientId: string): void {
    const item = this.#unsent.get(clientId);
    this.#unsent.delete(clientId);
    this.#settled.set(clientId, Math.max(item ? this.#parts.epochOf(item.room) : 0, item?.missingIn ?? 0));
    for (const oldest of this.#settled.keys()) {
      if (this.#settled.size <= settledMax) break;
      this.#settled.delete(oldest);
    }
  }

  async #removeStored(clientId: string): Promise<void> {
    try {
      await this.#parts.store.remove(clientId);
    } catch {
      // It is sent once more after a reload, and stored once.
    }
  }

  async #stored(): Promise<OutboxItem[]> {
    try {
      return (await this.#parts.store.all()).sort((a, b) => a.order - b.order);
    } catch {
      return [];
    }
  }

  async #pause(room: RoomId, delayMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const cancel = this.#parts.clock.after(delayMs, resolve);
      this.#waiting.set(room, () => {
        cancel();
        resolve();
      });
    });
    this.#waiting.delete(room);
  }
}

function stripped(item: Unsent): OutboxItem {
  const { seq: _seq, state, ...rest } = item;
  return { ...rest, state: state === 'sent' ? 'pending' : state };
}
