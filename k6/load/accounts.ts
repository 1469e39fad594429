import crypto from 'k6/crypto';
import exec from 'k6/execution';
import { sleep } from 'k6';
import { newClientId } from '../protocol/client-id.ts';
import type { MessagePage, Page, RoomView, SendAnswer } from '../protocol/wire.ts';
import { askNow, type Request, RequestFailed } from './rest.ts';
import { text } from './settings.ts';

const usesOfInviteMax = 1_000;
const roomName = 'Load: history';
const triesMax = 20;

const owner = text('MONSTERA_OWNER', 'load-owner');
const ownerPassword = text('MONSTERA_OWNER_PASSWORD', '');

/** What a prepared run needs to know. Without secrets: k6 writes it into its summary. */
export interface Accounts {
  count: number;
  room: string;
}

export interface Session {
  token: string;
}

export function userName(n: number): string {
  return `load-${n}`;
}

/** Accounts of the load have passwords that only who knows the owner's can know. */
export function passwordOf(name: string): string {
  return crypto.sha256(`${ownerPassword}/${name}`, 'hex').slice(0, 32);
}

/**
 * Sees to it over REST that there are so many accounts, all of them in one room with so many messages. What an earlier run made is used again.
 * A workspace that nobody has set up yet is set up, with the owner of the settings.
 */
export function makeAccounts(count: number, messages: number): Accounts {
  if (ownerPassword === '') exec.test.abort('MONSTERA_OWNER_PASSWORD has to be set: accounts are made with an invitation, and only owners and admins invite.');
  try {
    const token = signInOwner();
    const room = makeRoom(token);
    const invites = Math.ceil(count / usesOfInviteMax);
    for (let i = 0; i < invites; i++) {
      const from = i * usesOfInviteMax;
      const uses = Math.min(count - from, usesOfInviteMax);
      const { code } = patiently<{ code: string }>({ name: 'invite', path: '/api/invites', method: 'POST', token, body: { uses, expiresInSeconds: 3_600 } });
      for (let n = from; n < from + uses; n++) enter(n, code, room);
    }

    fill(token, room, messages);
    return { count, room };
  } catch (error) {
    exec.test.abort(`The accounts for the run could not be made: ${String(error)}`);
    throw error;
  }
}

function signInOwner(): string {
  const { setUp } = askNow<{ setUp: boolean }>({ name: 'workspace', path: '/api/workspace' });
  const credentials = { userName: owner, password: ownerPassword, token: true };
  const request: Request = setUp
    ? { name: 'sign-in', path: '/api/sign-in', method: 'POST', body: credentials }
    : { name: 'set-up', path: '/api/setup', method: 'POST', body: { ...credentials, workspaceName: 'Load', displayName: 'Owner of the load' } };
  return patiently<Session>(request).token;
}

function makeRoom(token: string): string {
  let after = '';
  do {
    const page = patiently<Page<RoomView>>({ name: 'rooms', path: `/api/rooms?limit=100${after}`, token });
    const found = page.items.filter(({ name }) => name === roomName)[0];
    if (found) return found.id;
    after = page.next === undefined ? '' : `&after=${encodeURIComponent(page.next)}`;
  } while (after !== '');

  return patiently<RoomView>({ name: 'make-room', path: '/api/rooms', method: 'POST', token, body: { kind: 'public', name: roomName } }).id;
}

/** An account that is there already is in the room too: it joined when it was made. */
function enter(n: number, invite: string, room: string): void {
  const name = userName(n);
  const body = { userName: name, displayName: `Load ${n}`, password: passwordOf(name), invite, token: true };
  const session = patiently<Partial<Session>>({ name: 'register', path: '/api/register', method: 'POST', body, expect: [201, 409] });
  if (session.token === undefined) return;
  patiently({ name: 'join', path: `/api/rooms/${room}/join`, method: 'POST', token: session.token });
}

function fill(token: string, room: string, messages: number): void {
  const { head } = patiently<MessagePage>({ name: 'history', path: `/api/rooms/${room}/messages?limit=1`, token });
  for (let n = head; n < messages; n++) {
    const body = { clientId: newClientId(Date.now()), text: `Message ${n} of the history that is read.` };
    patiently<SendAnswer>({ name: 'fill', path: `/api/rooms/${room}/messages`, method: 'POST', token, body });
  }
}

/** While a run is prepared, a limit only means that it takes longer: 429 is no error then. */
function patiently<T>(request: Request): T {
  for (let tries = 1; ; tries++) {
    const answer = askNow<T & { error?: { retryAfterMs?: number; code: string } }>({ ...request, expect: [...(request.expect ?? [200, 201, 204]), 429] });
    if (answer?.error?.code !== 'rate_limited') return answer;
    if (tries === triesMax) throw new RequestFailed(request.name, 429, 'limited for too long');
    sleep((answer.error.retryAfterMs ?? 1_000) / 1_000);
  }
}
