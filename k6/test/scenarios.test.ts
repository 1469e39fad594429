import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test, type TestContext } from 'node:test';
import { FaultyProxy, type Fault } from './faulty-proxy.ts';
import { Server, tokenSecret } from './server.ts';
import { exitCodes, notice, run, type Outcome } from './stand-in/run.ts';

// Tiny sizes: every path of the scripts is gone once, and nothing is measured.
const tiny = { LOAD_USERS: '3', LOAD_ROOM_MEMBERS: '4', LOAD_SEND_EVERY: '150ms', LOAD_READ_EVERY: '400ms', LOAD_DURATION: '2s' };
const integrity = ['monstera_gaps', 'monstera_duplicates', 'monstera_lost', 'monstera_resets', 'monstera_broken'];

let server: Server;
const owner = { MONSTERA_OWNER: 'owner', MONSTERA_OWNER_PASSWORD: 'correct horse battery staple' };

console.log(notice);

describe('scenarios against a server', { concurrency: 3 }, () => {
  before(async () => {
    server = await Server.start({ Monstera__Limits__SignInsPerMinutePerAddress: '0' });
  });

  after(async () => await server?.stop());

  test('smoke: whatever a client can do is answered', async (t) => {
    const outcome = await play(t, 'smoke.ts');
    assertClean(outcome);
    assert.equal(outcome.iterations, 1);
    assert.equal(count(outcome, 'monstera_resumed') >= 3, true, 'what was missed was resumed');
    assert.equal(outcome.sums('checks').samples >= 20, true, 'the checks were made');
  });

  test('steady chat: messages reach everybody, in frames that are cut anywhere', async (t) => {
    const proxy = await FaultyProxy.start(server.address, 'none');
    try {
      const outcome = await play(t, 'chat.ts', { MONSTERA_URL: proxy.address, ...tiny });
      assertClean(outcome);
      // Three people, all of them in one room and two of them in another.
      assert.equal(count(outcome, 'monstera_deliveries') > count(outcome, 'monstera_sends'), true, 'others have the messages too');
      assert.equal(outcome.sums('http_reqs').samples > 9, true, 'history was read');
    } finally {
      await proxy.stop();
    }
  });

  test('growth: users come in stages, come back with their cursors, and go', async (t) => {
    const outcome = await play(t, 'growth.ts', { ...tiny, LOAD_STAGES: '300ms:1,500ms:3,700ms:5,900ms:5,400ms:0', LOAD_SESSION: '700ms' });
    assertClean(outcome);
    assert.equal(outcome.iterations > 5, true, `${outcome.iterations} sessions of 5 users`);
    assert.equal(outcome.sums('monstera_connect').samples > 5, true, 'they came back');
  });

  test('reconnect storm: those who were away get what they missed', async (t) => {
    const outcome = await play(t, 'storm.ts', { ...tiny, LOAD_ARRIVE: '300ms', LOAD_STORMS: '2', LOAD_STORM_EVERY: '700ms', LOAD_STORM_SHARE: '0.67', LOAD_STORM_JITTER: '300ms' });
    assertClean(outcome);
    assert.equal(outcome.sums('monstera_reconnect').samples, 4, 'two of three came back from two storms');
    assert.equal(count(outcome, 'monstera_disconnects'), 0);
  });

  test('soak: tokens are renewed, and each quarter is judged', async (t) => {
    const outcome = await play(t, 'soak.ts', { ...tiny, LOAD_DURATION: '4s', LOAD_SESSION: '1200ms', LOAD_TOKEN: '900ms' });
    assertClean(outcome);
    for (const quarter of ['2', '3', '4']) assert.equal(outcome.sums(`monstera_delivery{quarter:${quarter}}`).samples > 0, true, `deliveries in quarter ${quarter}`);
    assert.equal(outcome.sums('monstera_errors{call:Refresh}').samples > 0, true, 'tokens were renewed');
  });

  test('login: accounts are made, sign in, read their rooms and the history, and sign out', async (t) => {
    const env = {
      ...owner, MONSTERA_TOKEN_SECRET: '', LOAD_ACCOUNTS: '3', LOAD_HISTORY: '120', LOAD_PAGES: '2', LOAD_LOGINS_PER_SECOND: '3', LOAD_DURATION: '1200ms',
    };
    for (const round of ['the workspace is set up', 'what is there is used again']) {
      const outcome = await play(t, 'login.ts', env);
      assertClean(outcome);
      assert.equal(outcome.sums('http_req_duration{name:sign-in}').samples >= 3, true, round);
      assert.equal(outcome.sums('http_req_duration{name:history}').samples >= 6, true, 'two pages each');
    }
  });

  test('a gap makes the run fail', async (t) => {
    const outcome = await playWith(t, 'gap');
    assertCrossed(outcome, 'monstera_gaps count==0');
    assert.deepEqual(countsOf(outcome), { monstera_gaps: 1, monstera_duplicates: 0, monstera_lost: 0, monstera_resets: 0, monstera_broken: 0 });
  });

  test('a duplicate makes the run fail', async (t) => {
    const outcome = await playWith(t, 'duplicate');
    assertCrossed(outcome, 'monstera_duplicates count==0');
    assert.equal(count(outcome, 'monstera_duplicates') > 0, true);
    assert.equal(count(outcome, 'monstera_gaps') + count(outcome, 'monstera_lost'), 0);
  });

  test('a message that is acknowledged and not in the log makes the run fail', async (t) => {
    const outcome = await playWith(t, 'swallowed', { LOAD_LATE: '1s' });
    assertCrossed(outcome, 'monstera_lost count==0');
    assert.deepEqual(countsOf(outcome), { monstera_gaps: 0, monstera_duplicates: 0, monstera_lost: 1, monstera_resets: 0, monstera_broken: 0 });
  });

  test('messages that are in the log and never pushed make the run fail', async (t) => {
    const outcome = await playWith(t, 'withheld', { LOAD_LATE: '300ms' });
    assertCrossed(outcome, 'monstera_lost count==0');
    assert.equal(count(outcome, 'monstera_gaps') + count(outcome, 'monstera_duplicates'), 0);
  });

  test('a connection that breaks is an error, and nothing is lost by it', async (t) => {
    const outcome = await playWith(t, 'cut');
    assertCrossed(outcome, 'monstera_errors rate<0.001');
    assert.deepEqual(countsOf(outcome), { monstera_gaps: 0, monstera_duplicates: 0, monstera_lost: 0, monstera_resets: 0, monstera_broken: 0 });
    assert.equal(count(outcome, 'monstera_disconnects'), 1);
    assert.equal(outcome.sums('monstera_reconnect').samples, 1);
  });

  test('who is told to have fallen behind reads on, and nothing is wrong', async (t) => {
    const outcome = await playWith(t, 'told');
    assertClean(outcome);
    assert.equal(count(outcome, 'monstera_gaps_told'), 1);
  });

  test('who is sent to another node goes there, and nothing is wrong', async (t) => {
    const outcome = await playWith(t, 'moved');
    assertClean(outcome);
    assert.equal(count(outcome, 'monstera_moved'), 1);
    assert.equal(count(outcome, 'monstera_disconnects'), 0);
  });

  test('a message that is refused for now is an error, and is sent again', async (t) => {
    const outcome = await playWith(t, 'limited');
    assertCrossed(outcome, 'monstera_errors rate<0.001');
    assert.deepEqual(countsOf(outcome), { monstera_gaps: 0, monstera_duplicates: 0, monstera_lost: 0, monstera_resets: 0, monstera_broken: 0 });
    assert.equal(outcome.sums('monstera_errors{code:rate_limited}').samples, 1);
    assert.equal(outcome.sums('monstera_errors{code:(unacknowledged)}').samples, 0);
  });

  test('a run without deliveries fails', async (t) => {
    const outcome = await play(t, 'chat.ts', { ...tiny, LOAD_SEND_EVERY: '1h', LOAD_DURATION: '300ms' });
    assertCrossed(outcome, 'monstera_deliveries count>0');
  });

  test('an iteration that throws makes the run fail', async (t) => {
    const outcome = await playWith(t, 'nonsense', { LOAD_DURATION: '300ms' });
    assertCrossed(outcome, 'monstera_broken count==0');
  });

  test('accounts that cannot be made end the run with a sentence', async (t) => {
    const outcome = await play(t, 'login.ts', { ...owner, LOAD_ACCOUNTS: '1', LOAD_DURATION: '300ms', MONSTERA_URL: 'http://127.0.0.1:9' });
    assert.equal(outcome.exitCode, exitCodes.scriptAborted);
    assert.match(outcome.aborted ?? '', /could not be made/);
  });

  test('a server that does not know the secret ends the run with a sentence', async (t) => {
    const outcome = await play(t, 'chat.ts', { ...tiny, MONSTERA_TOKEN_SECRET: 'x'.repeat(40) });
    assert.equal(outcome.exitCode, exitCodes.scriptAborted);
    assert.match(outcome.aborted ?? '', /does not take connection tokens/);
  });

  test('wrong settings end the run before it begins', async () => {
    await assert.rejects(run('chat.ts', { MONSTERA_TOKEN_SECRET: tokenSecret, LOAD_USERS: 'many' }), /LOAD_USERS is "many"/);
    await assert.rejects(run('chat.ts', { MONSTERA_TOKEN_SECRET: 'short' }), /MONSTERA_TOKEN_SECRET/);
    await assert.rejects(run('growth.ts', { MONSTERA_TOKEN_SECRET: tokenSecret, MONSTERA_URL: 'chat.example.org' }), /MONSTERA_URL/);
  });

  test('the secret may be in a file, and the summary goes into one', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'monstera-k6-'));
    try {
      writeFileSync(join(folder, 'secret'), `${tokenSecret}\n`);
      const env = { ...tiny, LOAD_DURATION: '1500ms', MONSTERA_TOKEN_SECRET: '', MONSTERA_TOKEN_SECRET_FILE: join(folder, 'secret'), LOAD_SUMMARY: 'summary.json' };
      const outcome = await play(t, 'chat.ts', env);
      const summary = JSON.parse(outcome.written['summary.json'] ?? '{}') as { scenario: string; passed: boolean; metrics: Record<string, Record<string, number | null>> };
      assert.equal(summary.scenario, 'steady chat');
      assert.equal(summary.passed, true);
      assert.equal(summary.metrics['monstera_gaps']?.['count'], 0);
      assert.equal(summary.metrics['monstera_delivery']?.['p(95)'], null, 'a stand-in knows no times');
      assert.equal(JSON.stringify(outcome).includes(readFileSync(join(folder, 'secret'), 'utf8').trim()), false, 'the secret is nowhere in the output');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

/** Each run has a tenant of its own, so that several may go on at once. */
async function play(t: TestContext, script: string, env: Record<string, string> = {}): Promise<Outcome> {
  const tenant = `t-${Math.random().toString(36).slice(2, 10)}`;
  const outcome = await run(script, { MONSTERA_URL: server.address, MONSTERA_TOKEN_SECRET: tokenSecret, MONSTERA_TENANT: tenant, ...env });
  for (const line of [...outcome.log, ...outcome.errors, ...outcome.crossed.map((one) => `crossed: ${one}`)]) t.diagnostic(line);
  assert.match(outcome.written['stdout'] ?? notice, /This is not k6/);
  assert.doesNotMatch(outcome.written['stdout'] ?? '', /\d ms\b|\/s\b/, 'no number of a stand-in looks like a measurement');
  return outcome;
}

async function playWith(t: TestContext, fault: Fault, env: Record<string, string> = {}): Promise<Outcome> {
  const proxy = await FaultyProxy.start(server.address, fault);
  try {
    const outcome = await play(t, 'chat.ts', { ...tiny, LOAD_DURATION: '2500ms', LOAD_LATE: '2s', ...env, MONSTERA_URL: proxy.address });
    assert.equal(proxy.isDone, true, 'the fault happened');
    return outcome;
  } finally {
    await proxy.stop();
  }
}

function assertClean(outcome: Outcome): void {
  assert.deepEqual(outcome.errors, []);
  assert.deepEqual(outcome.crossed, []);
  assert.deepEqual(countsOf(outcome), { monstera_gaps: 0, monstera_duplicates: 0, monstera_lost: 0, monstera_resets: 0, monstera_broken: 0 });
  assert.equal(outcome.interrupted, 0);
  assert.equal(outcome.exitCode, exitCodes.passed);
}

function assertCrossed(outcome: Outcome, threshold: string): void {
  assert.equal(outcome.exitCode, exitCodes.thresholdsCrossed);
  assert.equal(outcome.crossed.includes(threshold), true, outcome.crossed.join(', '));
  assert.match(outcome.written['stdout'] ?? '', /FAILED/);
  assert.deepEqual(outcome.errors, []);
}

function countsOf(outcome: Outcome): Record<string, number> {
  return Object.fromEntries(integrity.map((name) => [name, count(outcome, name)]));
}

function count(outcome: Outcome, name: string): number {
  return outcome.sums(name).sum;
}
