// Signing in: password, list of rooms, a look back through the history, signing out. No sockets. docs/load-testing.md
import { check } from 'k6';
import exec from 'k6/execution';
import type { Options } from 'k6/options';
import type { MessagePage, Page, RoomView } from './protocol/wire.ts';
import { makeAccounts, passwordOf, userName, type Accounts, type Session } from './load/accounts.ts';
import { guarded } from './load/guarded.ts';
import { fewErrors, integrity, trendStats } from './load/metrics.ts';
import { k6Duration } from './load/parse.ts';
import { ask, RequestFailed } from './load/rest.ts';
import { bounds, duration, number } from './load/settings.ts';
import { summarize, type SummaryData } from './load/summary.ts';

const accounts = Math.floor(number('LOAD_ACCOUNTS', 50, 1, 10_000));
const messages = Math.floor(number('LOAD_HISTORY', 500, 1, 100_000));
const pages = Math.floor(number('LOAD_PAGES', 5, 1, 1_000));
const perSecond = number('LOAD_LOGINS_PER_SECOND', 5, 0.1, 1_000);
const signInP95Ms = number('LOAD_SIGN_IN_P95_MS', 1_000, 1, 600_000);
const durationMs = duration('LOAD_DURATION', '2m');

export const options: Options = {
  scenarios: {
    login: {
      executor: 'constant-arrival-rate',
      rate: Math.round(perSecond * 10),
      timeUnit: '10s',
      duration: k6Duration(durationMs),
      preAllocatedVUs: Math.ceil(perSecond * 2),
      maxVUs: Math.ceil(perSecond * 10),
      gracefulStop: '30s',
    },
  },
  thresholds: {
    ...fewErrors,
    monstera_broken: integrity['monstera_broken'] ?? [],
    // A password is slow to check on purpose, and is judged by itself.
    'http_req_duration{name:sign-in}': [`p(95)<${signInP95Ms}`],
    'http_req_duration{name:rooms}': [`p(95)<${bounds.httpP95Ms}`],
    'http_req_duration{name:history}': [`p(95)<${bounds.httpP95Ms}`],
    dropped_iterations: ['count==0'],
    checks: ['rate==1'],
  },
  setupTimeout: '15m',
  summaryTrendStats: trendStats,
};

export function setup(): Accounts {
  return makeAccounts(accounts, messages);
}

export default async function (prepared: Accounts): Promise<void> {
  await guarded(async () => {
    try {
      await signInAndRead(prepared);
    } catch (error) {
      // It was counted as an error when it was answered.
      if (!(error instanceof RequestFailed)) throw error;
    }
  });
}

export function handleSummary(data: SummaryData): Record<string, string> {
  return summarize('login', data);
}

async function signInAndRead({ count, room }: Accounts): Promise<void> {
  const name = userName(exec.scenario.iterationInTest % count);
  const { token } = await ask<Session>({ name: 'sign-in', path: '/api/sign-in', method: 'POST', body: { userName: name, password: passwordOf(name), token: true } });
  const rooms = await ask<Page<RoomView>>({ name: 'rooms', path: '/api/rooms', token });
  check(rooms, { 'the room is in the list': ({ items }) => items.some(({ id }) => id === room) });

  let before = '';
  for (let i = 0; i < pages; i++) {
    const page = await ask<MessagePage>({ name: 'history', path: `/api/rooms/${room}/messages?limit=50${before}`, token });
    check(page, { 'a page is in ascending order': ({ items }) => items.every((item, k) => k === 0 || item.seq > (items[k - 1]?.seq ?? 0)) });
    if (page.before === undefined) break;
    before = `&before=${page.before}`;
  }

  await ask({ name: 'sign-out', path: '/api/sign-out', method: 'POST', token });
}
