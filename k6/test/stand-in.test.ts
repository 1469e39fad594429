import assert from 'node:assert/strict';
import { test } from 'node:test';
import { patienceMs, usersOf } from './stand-in/executors.ts';
import { Registry } from './stand-in/registry.ts';

function registry(thresholds: Record<string, string[]>): Registry {
  const made = new Registry();
  made.define('gaps', 'counter');
  made.define('errors', 'rate');
  made.define('latency', 'trend');
  made.judgeBy(thresholds);
  return made;
}

test('counters and rates are judged, and one of them that is crossed is found', () => {
  const judge = registry({ gaps: ['count==0'], errors: ['rate<0.5'] });
  judge.add('errors', 0, {});
  assert.deepEqual(judge.judge().map(({ ok }) => ok), [true, true]);
  judge.add('gaps', 1, {});
  judge.add('errors', 1, {});
  assert.deepEqual(judge.judge().map(({ ok }) => ok), [false, false]);
});

test('a counter that never counted is 0, as for k6', () => {
  assert.deepEqual(registry({ gaps: ['count>0'] }).judge().map(({ ok }) => ok), [false]);
});

test('times are not judged', () => {
  const judge = registry({ latency: ['p(95)<1'], http_req_duration: ['p(95)<200'] });
  judge.add('latency', 0, {});
  assert.deepEqual(judge.judge().map(({ ok }) => ok), [undefined, undefined]);
});

test('a threshold on samples with a tag looks at those alone', () => {
  const judge = registry({ 'gaps{room:a}': ['count==0'] });
  judge.add('gaps', 1, { room: 'b' });
  assert.deepEqual(judge.judge().map(({ ok }) => ok), [true]);
  judge.add('gaps', 1, { room: 'a' });
  assert.deepEqual(judge.judge().map(({ ok }) => ok), [false]);
});

test('what k6 would refuse is refused', () => {
  assert.throws(() => registry({ nothing: ['count==0'] }), /no such metric/);
  assert.throws(() => registry({ gaps: ['p(95)<200'] }), /does not understand/);
  assert.throws(() => registry({ latency: ['p95<200'] }), /does not understand/);
  assert.throws(() => registry({ gaps: ['count=0'] }), /does not understand/);
  assert.throws(() => registry({}).define('no spaces', 'counter'), /no metric of the name/);
  assert.throws(() => registry({}).define('gaps', 'rate'), /is a counter and a rate/);
});

test('a summary has counts and no times', () => {
  const judge = registry({});
  judge.add('latency', 0, {});
  judge.add('gaps', 2, {});
  assert.deepEqual(judge.summary([], ['p(95)']), {
    latency: { type: 'trend', contains: 'default', values: { 'p(95)': NaN } },
    gaps: { type: 'counter', contains: 'default', values: { count: 2, rate: NaN } },
  });
});

test('a scenario has its users and its end', () => {
  const stages = [{ duration: '100ms', target: 2 }, { duration: '200ms', target: 5 }, { duration: '100ms', target: 0 }];
  assert.equal(usersOf({ executor: 'ramping-vus', stages }), 5);
  assert.equal(patienceMs({ executor: 'ramping-vus', stages, gracefulStop: '1s', gracefulRampDown: '2s' }), 2_400);
});
