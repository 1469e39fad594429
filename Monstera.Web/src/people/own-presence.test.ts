import { expect, test } from 'vitest';
import { ManualClock } from '../testing/manual-clock';
import type { PresenceChoice } from '../wire/protocol';
import { Activity, idleAfterMs } from './activity';
import { OwnPresence } from './own-presence.svelte';

function start(keep: (choice: PresenceChoice) => Promise<{ choice: PresenceChoice }> = async (choice) => ({ choice })) {
  const clock = new ManualClock();
  const told: boolean[] = [];
  let activity!: Activity;
  const own = new OwnPresence({
    clock, keep,
    tell: async (active) => told.push(active),
    watch: (time, changed) => (activity = new Activity(time, true, changed)),
  });
  return { clock, told, own, activity };
}

test('Hello tells whether the device is in use, and later only changes are told', async () => {
  const { clock, told, own, activity } = start();
  expect(own.greet()).toBe(true);
  own.setOnline(true);
  expect([told, own.state]).toEqual([[], 'online']);
  await clock.advance(idleAfterMs);
  expect([told, own.state]).toEqual([[false], 'idle']);
  activity.used();
  expect([told, own.state]).toEqual([[false, true], 'online']);
});

test('what changes without a connection is told by the next Hello, and what changes during that one, after it', async () => {
  const { told, own, activity } = start();
  own.greet();
  own.setOnline(true);
  own.setOnline(false);
  activity.setVisible(false);
  expect([told, own.state]).toEqual([[], 'offline']);
  expect(own.greet()).toBe(false);
  activity.setVisible(true);
  own.setOnline(true);
  expect(told).toEqual([true]);
});

test('a choice is shown at once, and taken back when it was refused', async () => {
  let answer!: (error: Error) => void;
  const { own } = start(() => new Promise((_, reject) => (answer = reject)));
  own.setOnline(true);
  const choosing = own.choose('invisible');
  expect(own.state).toBe('invisible');
  answer(new Error('refused'));
  await expect(choosing).rejects.toThrow('refused');
  expect([own.choice, own.state]).toEqual(['auto', 'online']);
  own.choice = 'away';
  expect(own.state).toBe('away');
});
