import { CodedError, NoAnswerError, readWireError } from './errors';
import type { GrowthReport } from '../growth/report';
import type {
  DirectoryPage, ErrorCode, Invite, Member, MessagePage, Page, PresenceChoice, Room, RoomId, RoomList, RoomRole, Seq, Session, TimelineItem, User,
  UserId, Workspace,
} from './protocol';

type Query = Record<string, string | number | undefined>;
interface SignedIn {
  user: User;
  session: Session;
}

const codeByStatus: Record<number, ErrorCode> = {
  400: 'invalid', 401: 'unauthenticated', 403: 'forbidden', 404: 'not_found', 409: 'conflict', 410: 'gone', 413: 'too_large',
};

function failure(response: Response, answer: unknown): Error {
  const error = readWireError(answer);
  if (error) return new CodedError(error);
  // Not the server itself but something in front of it, such as a proxy.
  const code = codeByStatus[response.status];
  return code ? new CodedError({ code, message: response.statusText }) : new NoAnswerError(`HTTP ${response.status}`);
}

async function request<T>(method: string, path: string, body?: unknown, query: Query = {}): Promise<T> {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined && value !== '') parameters.set(name, String(value));
  const url = parameters.size > 0 ? `/api${path}?${parameters}` : `/api${path}`;

  let response: Response;
  let answer: unknown;
  try {
    response = await fetch(url, {
      method,
      credentials: 'same-origin',
      cache: 'no-store',
      headers: { accept: 'application/json', ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    answer = text && /json/.test(response.headers.get('content-type') ?? '') ? JSON.parse(text) : undefined;
  } catch {
    throw new NoAnswerError();
  }
  if (!response.ok) throw failure(response, answer);
  return answer as T;
}

const part = encodeURIComponent;

/** Every page of a list; bounded, so that a server gone wrong cannot keep us reading for ever. */
async function pages<P extends Page<unknown>>(path: string, query: Query = {}, pagesMax = 50): Promise<P[]> {
  const read: P[] = [];
  let after: string | undefined;
  for (let page = 0; page < pagesMax; page++) {
    const answer = await request<P>('GET', path, undefined, { limit: 100, ...query, after });
    read.push(answer);
    if (answer.next === undefined) break;
    after = answer.next;
  }
  return read;
}

async function all<T>(path: string, query: Query = {}): Promise<T[]> {
  return (await pages<Page<T>>(path, query)).flatMap((page) => page.items);
}

async function rooms(): Promise<RoomList> {
  const read = await pages<RoomList>('/rooms');
  return { items: read.flatMap((page) => page.items), missing: [...new Set(read.flatMap((page) => page.missing ?? []))] };
}

export const rest = {
  workspace: () => request<Workspace>('GET', '/workspace'),
  setUp: (body: { workspaceName: string; userName: string; displayName: string; password: string }) =>
    request<SignedIn>('POST', '/setup', body),
  register: (body: { userName: string; displayName: string; password: string; invite?: string }) =>
    request<SignedIn>('POST', '/register', body),
  signIn: (body: { userName: string; password: string }) => request<SignedIn>('POST', '/sign-in', body),
  signOut: () => request<void>('POST', '/sign-out', {}),
  me: () => request<{ user: User; session?: Session }>('GET', '/me'),
  changeMe: (body: { displayName: string }) => request<{ user: User }>('PATCH', '/me', body),
  setPresence: (choice: PresenceChoice) => request<{ choice: PresenceChoice }>('PUT', '/me/presence', { choice }),
  changePassword: (body: { current: string; next: string }) => request<void>('POST', '/me/password', body),
  sessions: () => all<Session>('/sessions'),
  endSession: (id: string) => request<void>('DELETE', `/sessions/${part(id)}`),
  invites: () => all<Invite>('/invites'),
  createInvite: (body: { expiresInSeconds?: number; uses?: number }) => request<Invite>('POST', '/invites', body),
  revokeInvite: (id: string) => request<void>('DELETE', `/invites/${part(id)}`),
  growth: () => request<GrowthReport>('GET', '/growth'),
  join: (code: string) => request<{ workspace: string }>('GET', `/join/${part(code)}`),
  searchUsers: (query: string) => request<Page<User>>('GET', '/users', undefined, { query, limit: 50 }),
  users: (ids: UserId[]) => request<Page<User>>('GET', '/users', undefined, { ids: ids.join(','), limit: 100 }),

  rooms,
  room: (room: RoomId) => request<Room>('GET', `/rooms/${part(room)}`),
  createRoom: (body: { kind: 'public' | 'private'; name: string; topic?: string; members?: UserId[]; clientId: string }) =>
    request<Room>('POST', '/rooms', body),
  directRoom: (user: UserId) => request<Room>('POST', '/rooms/direct', { user }),
  directory: (query: string, after?: string) => request<DirectoryPage>('GET', '/rooms/directory', undefined, { query, after, limit: 50 }),
  changeRoom: (room: RoomId, body: { name?: string; topic?: string }) => request<Room>('PATCH', `/rooms/${part(room)}`, body),
  joinRoom: (room: RoomId) => request<Room>('POST', `/rooms/${part(room)}/join`, {}),
  leaveRoom: (room: RoomId) => request<void>('POST', `/rooms/${part(room)}/leave`, {}),
  members: (room: RoomId) => all<Member>(`/rooms/${part(room)}/members`),
  setMember: (room: RoomId, user: UserId, role?: RoomRole) =>
    request<void>('PUT', `/rooms/${part(room)}/members/${part(user)}`, role ? { role } : {}),
  removeMember: (room: RoomId, user: UserId) => request<void>('DELETE', `/rooms/${part(room)}/members/${part(user)}`),

  messages: (room: RoomId, where: { before?: Seq; after?: Seq; around?: Seq } = {}, limit = 50) =>
    request<MessagePage>('GET', `/rooms/${part(room)}/messages`, undefined, { ...where, limit }),
  message: (room: RoomId, seq: Seq) => request<TimelineItem>('GET', `/rooms/${part(room)}/messages/${seq}`),
  pins: (room: RoomId) => all<TimelineItem>(`/rooms/${part(room)}/pins`),
};

export type Rest = typeof rest;
