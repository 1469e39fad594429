// Smoke: two people do once whatever a client can do. A minute at most, before anything bigger. docs/load-testing.md
import { check } from 'k6';
import type { Options } from 'k6/options';
import { Client } from './protocol/client.ts';
import { newClientId } from './protocol/client-id.ts';
import { pause } from './protocol/pause.ts';
import type { MessagePage, Page, RoomEvent, RoomView, SendAnswer } from './protocol/wire.ts';
import { Findings } from './load/findings.ts';
import { guarded } from './load/guarded.ts';
import { connected, reconnected, chatting, trendStats } from './load/metrics.ts';
import { checkServer } from './load/prepare.ts';
import { ask } from './load/rest.ts';
import { habits, hubAddress } from './load/settings.ts';
import { summarize, type SummaryData } from './load/summary.ts';
import { person, sign, type Person } from './load/tokens.ts';

const patienceMs = 10_000;

export const options: Options = {
  scenarios: { smoke: { executor: 'per-vu-iterations', vus: 1, iterations: 1, maxDuration: '1m' } },
  thresholds: { ...chatting, checks: ['rate==1'] },
  summaryTrendStats: trendStats,
};

/** Findings that also remember, by the text, whose messages came. */
class Reader extends Findings {
  readonly texts: string[] = [];
  readonly types: string[] = [];

  override event(room: string, event: RoomEvent, receivedAt: number, live: boolean): void {
    super.event(room, event, receivedAt, live);
    this.types.push(event.type);
    if (event.text !== undefined) this.texts.push(event.text);
  }

  async has(text: string): Promise<boolean> {
    return await comesTrue(() => this.texts.includes(text));
  }
}

interface Someone {
  who: Person;
  client: Client;
  reader: Reader;
}

export function setup(): void {
  checkServer();
}

export default async function (): Promise<void> {
  await guarded(async () => {
    const aoi = someone(0);
    const ben = someone(1);
    const room = await reads(aoi);
    check(await reads(ben), { 'both are in the same room': (other) => other === room });
    await connects(aoi);
    await connects(ben);

    aoi.client.post(room, 'good morning');
    check(await ben.reader.has('good morning'), { 'a message arrives': Boolean });
    check(await aoi.reader.has('good morning'), { 'the sender sees it too': Boolean });
    await does(aoi, room);
    await comesBack(aoi, ben, room);

    for (const one of [aoi, ben]) {
      check(await one.client.settle(patienceMs), { 'all that was sent is acknowledged and seen': Boolean });
      await one.client.audit();
      await one.client.close();
    }
  });
}

export function handleSummary(data: SummaryData): Record<string, string> {
  return summarize('smoke', data);
}

function someone(n: number): Someone {
  const who = { ...person(n, 'smoke'), sub: `smoke-${n}` };
  const reader = new Reader(who.sub);
  const client = new Client({ url: hubAddress, callTimeoutMs: habits.callTimeoutMs, lateMs: habits.lateMs }, reader);
  reader.client = client;
  return { who, client, reader };
}

/** The list of rooms and the newest messages over REST. @returns the first room */
async function reads({ who, client }: Someone): Promise<string> {
  const token = sign(who, Date.now());
  const rooms = await ask<Page<RoomView>>({ name: 'rooms', path: '/api/rooms?limit=100', token });
  check(rooms, { 'the token lets one into its rooms': ({ items }) => items.length === who.rooms.length });
  for (const { id } of rooms.items) {
    const page = await ask<MessagePage>({ name: 'history', path: `/api/rooms/${id}/messages?limit=50`, token });
    client.enter(id, page.epoch, page.head);
  }

  return rooms.items.map(({ id, name }) => ({ id, name })).filter(({ name }) => name === who.rooms[0])[0]?.id ?? '';
}

async function connects({ who, client }: Someone): Promise<void> {
  const begunAt = Date.now();
  const end = await client.connect(sign(who, begunAt));
  check(end, { 'one connects and all rooms are live': () => end === undefined });
  connected.add(Date.now() - begunAt);
}

/** The calls of section 6 that an ordinary client makes. */
async function does({ who, client }: Someone, room: string): Promise<void> {
  check(client.hello, { 'Hello names the user': (hello) => hello?.user.displayName === who.name });
  check(await client.call<Page<RoomView>>('Rooms', {}), { 'Rooms lists them': ({ items }) => items.length === who.rooms.length });
  const { seq } = await client.call<SendAnswer>('Send', { room, clientId: newClientId(Date.now()), text: 'tpyo' });
  const calls: [string, Record<string, unknown>][] = [
    ['Edit', { room, seq, text: 'typo' }],
    ['React', { room, seq, emoji: '🌱' }],
    ['Pin', { room, seq }],
    ['MarkRead', { room, seq }],
    ['Typing', { room }],
    ['Open', { room }],
    ['Close', { room }],
    ['SetActivity', { active: true }],
    ['SetPresence', { choice: 'auto' }],
    ['Refresh', { token: sign(who, Date.now()) }],
    ['Delete', { room, seq }],
  ];
  for (const [method, argument] of calls) check(await client.call(method, argument), { [`${method} is answered`]: (answer) => typeof answer === 'object' });
}

/** One is away while the other writes, and has everything after coming back. */
async function comesBack(writer: Someone, reader: Someone, room: string): Promise<void> {
  const goneAt = Date.now();
  await reader.client.close();
  for (const text of ['one', 'two', 'three']) writer.client.post(room, text);
  await writer.client.close();
  writer.client.post(room, 'four');
  await connects(writer);
  check(await writer.client.settle(patienceMs), { 'messages to somebody who is away, and one that was written without a connection, are acknowledged': Boolean });
  await connects(reader);
  reconnected.add(Date.now() - goneAt);
  const missed = reader.reader.texts.filter((text) => ['one', 'two', 'three', 'four'].includes(text)).join(' ');
  check(missed, { 'what was missed comes in order': (texts) => texts === 'one two three four' });
  const changes = ['message.edited', 'reaction.added', 'message.pinned', 'message.deleted'];
  check(reader.reader.types, { 'edits, reactions and deletions came too': (types) => changes.every((type) => types.includes(type)) });
}

async function comesTrue(condition: () => boolean): Promise<boolean> {
  const until = Date.now() + patienceMs;
  while (!condition() && Date.now() < until) await pause(20);
  return condition();
}
