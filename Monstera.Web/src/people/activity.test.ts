import { expect, test } from 'vitest';
import { ManualClock } from '../testing/manual-clock';
import { Activity, idleAfterMs } from './activity';

function start(visible = true) {
  const clock = new ManualClock();
  const told: boolean[] = [];
  return { clock, told, activity: new Activity(clock, visible, (active) => told.push(active)) };
}

test('after five minutes in which nobody did anything it is idle, and in use again at once', async () => {
  const { clock, told, activity } = start();
  await clock.advance(idleAfterMs - 1);
  expect(told).toEqual([]);
  await clock.advance(1);
  expect(told).toEqual([false]);
  activity.used();
  activity.used();
  expect(told).toEqual([false, true]);
  await clock.advance(idleAfterMs);
  expect(told).toEqual([false, true, false]);
});

test('whoever goes on doing something is not idle, and one timer is enough for that', async () => {
  const { clock, told, activity } = start();
  for (let minute = 0; minute < 30; minute++) {
    activity.used();
    await clock.advance(60_000);
  }
  expect(told).toEqual([]);
  expect(clock.timers).toBe(1);
  await clock.advance(4 * 60_000);
  expect(told).toEqual([false]);
});

test('a page out of sight is idle at once, whatever moves over it, and back when it is seen', async () => {
  const { clock, told, activity } = start();
  activity.setVisible(false);
  activity.used();
  expect(told).toEqual([false]);
  expect(clock.timers).toBe(0);
  activity.setVisible(true);
  expect(told).toEqual([false, true]);
});

test('a page that is loaded in the background is idle until it is seen', async () => {
  const { clock, told, activity } = start(false);
  expect(activity.active).toBe(false);
  await clock.advance(idleAfterMs * 2);
  activity.setVisible(true);
  expect([told, activity.active]).toEqual([[true], true]);
  activity.stop();
  expect(clock.timers).toBe(0);
});
