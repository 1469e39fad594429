import { parseDuration, parseNumber, parseStages, type Stage } from './parse.ts';

// Everything is set by environment variables (`k6 run -e NAME=value`), all of them in docs/load-testing.md. What is wrong ends the run before it begins.

const usersMax = 100_000;

export function text(name: string, fallback: string): string {
  const value = __ENV[name];
  return value === undefined || value === '' ? fallback : value;
}

export function number(name: string, fallback: number, min: number, max: number): number {
  return parseNumber(name, text(name, String(fallback)), min, max);
}

/** Milliseconds. */
export function duration(name: string, fallback: string): number {
  return parseDuration(name, text(name, fallback));
}

export function stages(name: string, fallback: string): Stage[] {
  return parseStages(name, text(name, fallback), usersMax);
}

export function users(fallback: number): number {
  return Math.floor(number('LOAD_USERS', fallback, 1, usersMax));
}

/** The server's address, without a slash at its end. */
export const address = addressOf(text('MONSTERA_URL', 'http://127.0.0.1:5080'));

export const hubAddress = `${address.replace(/^http/, 'ws')}/hub`;

/** Users and rooms of load tests are of a tenant of their own: nobody else sees them. */
export const tenant = text('MONSTERA_TENANT', 'load');

/** Who is in which room, how much they say, and for how long they stay. */
export const habits = {
  /** Members of a room. */
  roomMembers: Math.floor(number('LOAD_ROOM_MEMBERS', 30, 2, 10_000)),
  roomsPerUser: Math.floor(number('LOAD_ROOMS_PER_USER', 2, 1, 20)),
  /** Between two messages of a user, on average. */
  sendEveryMs: duration('LOAD_SEND_EVERY', '20s'),
  /** Between two looks at history over REST, on average. */
  readEveryMs: duration('LOAD_READ_EVERY', '60s'),
  textChars: Math.floor(number('LOAD_TEXT_CHARS', 80, 1, 10_000)),
  tokenMs: duration('LOAD_TOKEN', '1h'),
  callTimeoutMs: duration('LOAD_CALL_TIMEOUT', '10s'),
  /** What was sent so long ago and was not pushed is lost. */
  lateMs: duration('LOAD_LATE', '5s'),
};

/** What is good enough. */
export const bounds = {
  httpP95Ms: number('LOAD_HTTP_P95_MS', 200, 1, 600_000),
  deliveryP95Ms: number('LOAD_DELIVERY_P95_MS', 200, 1, 600_000),
  errorRate: number('LOAD_ERROR_RATE', 0.001, 0.000001, 1),
};

function addressOf(url: string): string {
  if (!/^https?:\/\/[^/?#\s]+\/?$/.test(url)) throw new Error(`MONSTERA_URL is "${url}", and has to be like https://chat.example.org.`);
  return url.replace(/\/$/, '');
}
