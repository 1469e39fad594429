import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newClientId, sentAt } from '../protocol/client-id.ts';
import { FrameBuffer, frame, frameCharsMax } from '../protocol/frames.ts';
import { OwnMessages } from '../protocol/own-messages.ts';
import { RoomCursor, type RoomWitness } from '../protocol/room-cursor.ts';
import type { ResumeAnswer, RoomEvent } from '../protocol/wire.ts';
import { parseDuration, parseNumber, parseStages } from '../load/parse.ts';

function event(seq: number): RoomEvent {
  return { seq, type: 'message.created', sender: 's', at: '', text: String(seq) };
}

function events(from: number, to: number): RoomEvent[] {
  return Array.from({ length: to - from + 1 }, (_, i) => event(from + i));
}

function complete(from: number, to: number): ResumeAnswer {
  return { room: 'r', status: 'complete', epoch: 1, head: to, next: to, events: events(from, to) };
}

/** A cursor at 10, and all that it found. */
function cursorAt10() {
  const found: string[] = [];
  const witness: RoomWitness = {
    event: (_, { seq }, __, live) => found.push(`${live ? 'live' : 'resumed'} ${seq}`),
    gap: (_, last, got) => found.push(`gap ${last} ${got}`),
    duplicate: (_, last, got) => found.push(`duplicate ${last} ${got}`),
    told: () => found.push('told'),
    reset: () => found.push('reset'),
  };
  const cursor = new RoomCursor('r', 1, 10, witness);
  cursor.resuming();
  return { cursor, found, push: (from: number, to: number) => cursor.push({ room: 'r', epoch: 1, events: events(from, to) }, 0) };
}

test('frames are found wherever a message is cut', () => {
  const text = frame({ a: '葵🌱' }) + frame({ type: 6 });
  for (let cut = 0; cut <= text.length; cut++) {
    const buffer = new FrameBuffer();
    assert.deepEqual([...buffer.push(text.slice(0, cut)), ...buffer.push(text.slice(cut))], ['{"a":"葵🌱"}', '{"type":6}'], `cut at ${cut}`);
  }
});

test('a frame without an end is not gathered for ever', () => {
  const buffer = new FrameBuffer();
  assert.deepEqual(buffer.push('x'.repeat(frameCharsMax)), []);
  assert.throws(() => buffer.push('x'));
});

test('a client id is a UUID of version 7 and says when it was made', () => {
  const now = Date.parse('2026-11-21T10:02:03.456Z');
  assert.match(newClientId(now), /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(sentAt(newClientId(now)), now);
  assert.equal(sentAt('9d2a1c00-0000-4000-8000-000000000000'), undefined);
  assert.equal(sentAt(undefined), undefined);
});

test('events in their turn are taken, those of a resume and those that are pushed', () => {
  const { cursor, found, push } = cursorAt10();
  assert.equal(cursor.resumed(complete(11, 12), 0), 'nothing');
  push(13, 14);
  assert.deepEqual(found, ['resumed 11', 'resumed 12', 'live 13', 'live 14']);
  assert.deepEqual(cursor.position, { room: 'r', epoch: 1, seq: 14 });
});

test('what overtakes the answer of a resume waits, and may overlap it', () => {
  const { cursor, found, push } = cursorAt10();
  push(12, 13);
  assert.deepEqual(found, []);
  cursor.resumed(complete(11, 12), 0);
  assert.deepEqual(found, ['resumed 11', 'resumed 12', 'live 13']);
});

test('a gap is told, nothing beyond it is taken, and the log is asked', () => {
  const { cursor, found, push } = cursorAt10();
  cursor.resumed(complete(11, 11), 0);
  assert.equal(push(13, 13), 'resume');
  assert.equal(push(14, 14), 'nothing');
  cursor.resumed(complete(12, 14), 0);
  assert.deepEqual(found, ['resumed 11', 'gap 11 13', 'resumed 12', 'resumed 13', 'resumed 14']);
});

test('a gap within what overtook the answer is found too', () => {
  const { cursor, found, push } = cursorAt10();
  push(13, 13);
  assert.equal(cursor.resumed(complete(11, 11), 0), 'resume');
  assert.deepEqual(found, ['resumed 11', 'gap 11 13']);
});

test('an event that comes again is told and left out', () => {
  const { cursor, found, push } = cursorAt10();
  cursor.resumed(complete(11, 11), 0);
  push(12, 12);
  push(12, 13);
  assert.deepEqual(found, ['resumed 11', 'live 12', 'duplicate 12 12', 'live 13']);
});

test('a resume that skips events, or claims more than it brings, has a gap', () => {
  const skipping = cursorAt10();
  skipping.cursor.resumed(complete(12, 12), 0);
  assert.deepEqual(skipping.found, ['gap 10 12', 'resumed 12']);

  const short = cursorAt10();
  short.cursor.resumed({ ...complete(11, 11), next: 13, head: 13 }, 0);
  assert.deepEqual(short.found, ['resumed 11', 'gap 11 14']);
});

test('who is told of a gap asks the log, and nobody counts it as a gap', () => {
  const { cursor, found } = cursorAt10();
  cursor.resumed(complete(11, 11), 0);
  assert.equal(cursor.push({ room: 'r', epoch: 1, head: 900, gap: true }, 0), 'resume');
  assert.deepEqual(found, ['resumed 11', 'told']);
});

test('a log that is another one is told, and followed from its end', () => {
  const { cursor, found, push } = cursorAt10();
  assert.equal(cursor.resumed({ room: 'r', status: 'reset', epoch: 2, head: 4 }, 0), 'resume');
  assert.deepEqual(cursor.position, { room: 'r' });
  cursor.resuming();
  assert.equal(cursor.resumed({ room: 'r', status: 'complete', epoch: 2, head: 4, next: 4, events: [] }, 0), 'nothing');
  cursor.push({ room: 'r', epoch: 2, events: [event(5)] }, 0);
  push(11, 11);
  assert.deepEqual(found, ['reset', 'live 5']);
});

test('a room that cannot be read now is asked for later, and one that is gone is forgotten', () => {
  const error = { code: 'unavailable', message: '', retryAfterMs: 10 };
  assert.equal(cursorAt10().cursor.resumed({ room: 'r', error }, 0), 'later');
  assert.equal(cursorAt10().cursor.resumed({ room: 'r', error: { code: 'not_found', message: '' } }, 0), 'forget');
});

test('own messages are accounted for in either order', () => {
  const own = new OwnMessages();
  for (const id of ['a', 'b', 'c']) own.add(id, 'r');
  assert.equal(own.acknowledged('a', 5), undefined);
  assert.equal(own.seen('a', 'r', 5), undefined);
  assert.equal(own.seen('b', 'r', 6), undefined);
  assert.equal(own.acknowledged('b', 6), undefined);
  assert.equal(own.open, 1);
  assert.deepEqual(own.takeMissing(), []);
});

test('an acknowledged message that is not in the log, stands elsewhere or twice is found', () => {
  const own = new OwnMessages();
  for (const id of ['missing', 'elsewhere', 'twice']) own.add(id, 'r');
  own.acknowledged('missing', 5);
  own.acknowledged('elsewhere', 6);
  assert.equal(own.seen('elsewhere', 'r', 7), 'misplaced');
  own.acknowledged('twice', 8);
  own.seen('twice', 'r', 8);
  assert.equal(own.seen('twice', 'r', 9), 'twice');
  assert.deepEqual(own.takeMissing(), [{ clientId: 'missing', room: 'r', ackSeq: 5 }]);
  assert.deepEqual(own.takeMissing(), []);
  assert.equal(own.open, 0);
});

test('own messages that are done are forgotten in the end', () => {
  const own = new OwnMessages();
  for (let i = 0; i < 2_000; i++) {
    own.add(`m${i}`, 'r');
    own.acknowledged(`m${i}`, i);
    own.seen(`m${i}`, 'r', i);
  }

  assert.equal(own.seen('m0', 'r', 9), undefined);
  assert.equal(own.seen('m1999', 'r', 9), 'twice');
});

test('settings are read, and wrong ones are named', () => {
  assert.equal(parseDuration('D', '1h30m'), 5_400_000);
  assert.equal(parseDuration('D', '500ms'), 500);
  assert.throws(() => parseDuration('LOAD_DURATION', '5 minutes'), /LOAD_DURATION is "5 minutes"/);
  assert.throws(() => parseDuration('D', ''), /no duration/);
  assert.deepEqual(parseStages('S', '2m:100,30s:0', 1_000), [{ ms: 120_000, users: 100 }, { ms: 30_000, users: 0 }]);
  assert.throws(() => parseStages('LOAD_STAGES', '2m:1001', 1_000), /LOAD_STAGES/);
  assert.throws(() => parseNumber('LOAD_USERS', 'many', 1, 10), /LOAD_USERS is "many"/);
});
