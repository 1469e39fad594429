import { expect, test } from 'vitest';
import type { MessageItem, TimelineItem } from '../wire/protocol';
import { buildRows, rowBuilder, type Row } from './rows';

const at = (day: number, minute: number) => new Date(2026, 10, day, 10, minute).toISOString();
const message = (seq: number, sender: string, when: string, more: Partial<MessageItem> = {}): MessageItem =>
  ({ type: 'message.created', seq, rev: seq, sender, at: when, text: `m${seq}`, ...more });
const show = (rows: Row[]) => rows.map((row) => ('first' in row ? `${row.kind} ${row.key}${row.first ? ' first' : ''}` : row.kind));
const build = (items: TimelineItem[], more: Partial<Parameters<typeof buildRows>[0]> = {}) =>
  show(buildRows({ items, unsent: [], me: 'me', divider: undefined, ...more }));

test('messages of one author within five minutes stand together, and every day has its name', () => {
  expect(build([
    message(1, 'a', at(20, 0)), message(2, 'a', at(20, 4)), message(3, 'a', at(20, 30)), message(4, 'b', at(20, 31)), message(5, 'b', at(21, 0)),
  ])).toEqual(['day', 'message 1 first', 'message 2', 'message 3 first', 'message 4 first', 'day', 'message 5 first']);
});

test('a system line parts a group', () => {
  expect(build([
    message(1, 'a', at(20, 0)), { type: 'member.joined', seq: 2, sender: 'b', user: 'b', role: 'member', at: at(20, 1) }, message(3, 'a', at(20, 2)),
  ])).toEqual(['day', 'message 1 first', 'system', 'message 3 first']);
});

test('the divider stands once, before the first message of others after the marker', () => {
  expect(build([message(1, 'a', at(20, 0)), message(2, 'me', at(20, 1)), message(3, 'a', at(20, 2)), message(4, 'a', at(20, 3))], { divider: 1 }))
    .toEqual(['day', 'message 1 first', 'message 2 first', 'unread', 'message 3 first', 'message 4']);
  expect(build([message(3, 'a', at(20, 2))], { divider: 1, hasBefore: true })).toEqual(['day', 'message 3 first']);
  expect(build([message(1, 'a', at(20, 0))], { divider: 1 })).toEqual(['day', 'message 1 first']);
});

test('an own message has one key from the outbox to the log, and never stands there twice', () => {
  const unsent = [{ clientId: 'c1', room: 'r', text: 'm', order: 1, at: at(20, 1), state: 'sent' as const }];
  expect(build([message(1, 'me', at(20, 0))], { unsent })).toEqual(['day', 'message 1 first', 'unsent c1']);
  expect(build([message(1, 'me', at(20, 0)), message(2, 'me', at(20, 1), { clientId: 'c1' })], { unsent }))
    .toEqual(['day', 'message 1 first', 'message c1']);
});

test('the clientId of somebody else is not a key of ours', () => {
  expect(build([message(1, 'a', at(20, 0), { clientId: 'c1' })])).toEqual(['day', 'message 1 first']);
});

test('a row that stays the same is the same object', () => {
  const build = rowBuilder();
  const [one, two] = [message(1, 'a', at(20, 0)), message(2, 'a', at(20, 1))];
  const before = build({ items: [one, two], unsent: [], me: 'me', divider: undefined });
  const edited = { ...two, text: 'edited', rev: 3 };
  const after = build({ items: [one, edited, message(4, 'a', at(20, 2))], unsent: [], me: 'me', divider: undefined });
  expect(after.map((row, index) => row === before[index])).toEqual([true, true, false, false]);
});

test('what the log lost stands at the end under its own time, and begins no day', () => {
  const unsent = (clientId: string, state: 'lost' | 'pending', when: string) => ({ clientId, room: 'r', text: clientId, order: 1, at: when, state });
  expect(build([message(1, 'me', at(21, 0))], {
    unsent: [unsent('l1', 'lost', at(20, 0)), unsent('l2', 'lost', at(20, 1)), unsent('p', 'pending', at(21, 1)), unsent('q', 'pending', at(21, 2))],
  })).toEqual(['day', 'message 1 first', 'unsent l1 first', 'unsent l2 first', 'unsent p first', 'unsent q']);
});
