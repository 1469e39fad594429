import { Losses } from '../outbox/losses';
import { Outbox } from '../outbox/outbox';
import { Sent } from '../outbox/sent';
import type { LocalStore } from '../outbox/store';
import { Engine } from '../sync/engine';
import { isMessage } from '../sync/fold';
import type { Ack, RoomId } from '../wire/protocol';
import type { FakeBrowser } from './fake-browser';
import type { FakeServer } from './fake-server';
import type { ManualClock } from './manual-clock';

let ids = 0;

/** One tab: an engine with its outbox and what it knows of losses, as the interface puts them together. */
export class Client {
  readonly engine: Engine;
  readonly outbox: Outbox;
  readonly losses: Losses;

  private constructor(server: FakeServer, clock: ManualClock, browser: FakeBrowser, sent: Sent, local: LocalStore) {
    const tabs = browser.tab();
    const epochOf = (room: RoomId) => this.engine.rooms.get(room)?.log.epoch;
    const ignore = () => undefined;
    this.outbox = new Outbox({
      store: local.outbox, tabs, clock, newId: () => `client-${++ids}`,
      send: (argument) => this.engine.call<Ack>('Send', argument),
      inLog: (room, seq) => (this.engine.rooms.get(room)?.log.last ?? 0) >= seq,
      epochOf: (room) => epochOf(room) ?? 0,
      acknowledged: (item, ack) => this.losses.acknowledged(item.room, { ...item, ...ack }),
      changed: ignore,
    });
    this.losses = new Losses({
      me: server.me, sent, outbox: this.outbox, rest: server.rest, clock, epochOf,
      exclusively: (room, work) => tabs.exclusively(`losses-${room}`, work),
    });
    this.engine = new Engine({ me: server.me, connect: server.connect, clock, rest: server.rest, checkSession: async () => 'ok', isActive: () => true }, {
      hello: ignore, timeline: ignore, signal: ignore, opened: ignore, signedOut: ignore,
      rooms: () => this.losses.roomsChanged(this.engine.rooms.size),
      status: ({ state }) => {
        this.outbox.setOnline(state === 'online');
        if (state === 'online') this.losses.lookEverywhere();
      },
      events: (room, events) => this.losses.happened(room, events),
      confirmed: (clientIds) => this.outbox.confirm(clientIds),
      back: (room) => this.outbox.hurry(room),
      restored: (room, before, mine) => void this.losses.restored(room, before, mine),
    });
  }

  static async open(server: FakeServer, clock: ManualClock, browser: FakeBrowser, local: LocalStore): Promise<Client> {
    const sent = new Sent(local.sent, clock);
    const client = new Client(server, clock, browser, sent, local);
    await Promise.all([client.outbox.restore(), sent.restore()]);
    client.engine.start();
    return client;
  }

  /** As a page that goes away. */
  close(): void {
    this.outbox.setOnline(false);
    this.losses.stop();
    this.engine.stop();
  }

  texts(room: RoomId): (string | undefined)[] {
    return this.engine.rooms.get(room)?.timeline?.window.items.map((item) => (isMessage(item) ? item.text : item.type)) ?? [];
  }

  lost(room: RoomId): string[] {
    return this.outbox.lostIn(room).map((item) => item.text);
  }
}
