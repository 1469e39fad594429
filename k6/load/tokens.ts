import crypto from 'k6/crypto';
import encoding from 'k6/encoding';
import { habits, tenant, text } from './settings.ts';

const secretBytesMin = 32;

/** The key that the server knows as `ConnectionTokens:Secret`. */
const secret = secretOf();

/** What a token says of its user. */
export interface Person {
  sub: string;
  name: string;
  rooms: string[];
}

/** A connection token as a host product would sign it: section 4 of docs/protocol.md. */
export function sign(person: Person, nowMs: number): string {
  const claims = { ...person, tenant, exp: Math.ceil((nowMs + habits.tokenMs) / 1_000) };
  const signed = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(claims)}`;
  return `${signed}.${crypto.hmac('sha256', secret, signed, 'base64rawurl')}`;
}

/**
 * The n-th user, from 0, with the rooms of that user. Rooms fill one after the other, so that few users make few rooms with the usual number of members; a user's second room
 * has other people in it than the first.
 */
export function person(n: number, prefix = 'team'): Person {
  const rooms = [];
  for (let k = 0; k < habits.roomsPerUser; k++) {
    const shift = Math.floor((k * habits.roomMembers) / habits.roomsPerUser);
    rooms.push(`${prefix}-${k}-${Math.floor((n + shift) / habits.roomMembers)}`);
  }

  return { sub: `load-${n}`, name: `Load ${n}`, rooms };
}

function encode(value: unknown): string {
  return encoding.b64encode(JSON.stringify(value), 'rawurl');
}

function secretOf(): string {
  const file = text('MONSTERA_TOKEN_SECRET_FILE', '');
  const value = file === '' ? text('MONSTERA_TOKEN_SECRET', '') : open(file).trim();
  if (value.length < secretBytesMin) {
    throw new Error('MONSTERA_TOKEN_SECRET (or MONSTERA_TOKEN_SECRET_FILE) has to be the server\'s ConnectionTokens:Secret, of at least 32 characters.');
  }

  return value;
}
