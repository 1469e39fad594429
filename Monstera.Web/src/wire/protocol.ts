// The shapes of docs/protocol.md, version 1. Fields that the page marks as optional are optional here.

export type RoomId = string;
export type UserId = string;
export type Seq = number;

export const errorCodes = [
  'invalid', 'too_large', 'unknown_method', 'hello_required', 'unauthenticated', 'token_expired', 'forbidden', 'not_found',
  'gone', 'conflict', 'rate_limited', 'locked_out', 'overloaded', 'unavailable', 'internal',
] as const;
export type ErrorCode = (typeof errorCodes)[number];

export interface WireError {
  code: ErrorCode;
  message: string;
  retryAfterMs?: number;
}

export type WorkspaceRole = 'owner' | 'admin' | 'member';
export type RoomRole = 'owner' | 'moderator' | 'member';
/** What others see of somebody. */
export type PresenceState = 'online' | 'idle' | 'away' | 'offline';
export type PresenceChoice = 'auto' | 'away' | 'invisible';
export type RoomKind = 'public' | 'private' | 'direct';

export interface User {
  id: UserId;
  userName: string;
  displayName: string;
  role: WorkspaceRole;
}

export interface Reaction {
  emoji: string;
  users: UserId[];
  count: number;
}

interface Envelope {
  seq: Seq;
  sender: UserId;
  at: string;
  clientId?: string;
}

export interface MessageCreated extends Envelope {
  type: 'message.created';
  text?: string;
  replyTo?: Seq;
  deleted?: boolean;
}
export interface RoomCreated extends Envelope {
  type: 'room.created';
  kind: RoomKind;
  name?: string;
  topic?: string;
}
export interface RoomUpdated extends Envelope {
  type: 'room.updated';
  name?: string;
  topic?: string;
}
export interface MemberJoined extends Envelope {
  type: 'member.joined';
  user: UserId;
  role: RoomRole;
}
export interface MemberLeft extends Envelope {
  type: 'member.left';
  user: UserId;
}
export interface MemberUpdated extends Envelope {
  type: 'member.updated';
  user: UserId;
  role: RoomRole;
}
export interface MessageEdited extends Envelope {
  type: 'message.edited';
  target: Seq;
  text?: string;
  deleted?: boolean;
}
export interface MessageDeleted extends Envelope {
  type: 'message.deleted';
  target: Seq;
}
export interface ReactionChanged extends Envelope {
  type: 'reaction.added' | 'reaction.removed';
  target: Seq;
  emoji: string;
}
export interface PinChanged extends Envelope {
  type: 'message.pinned' | 'message.unpinned';
  target: Seq;
}

/** Clients ignore types that they do not know, but count their `seq`: what arrives is only *probably* one of these. */
export type RoomEvent =
  | MessageCreated | RoomCreated | RoomUpdated | MemberJoined | MemberLeft | MemberUpdated
  | MessageEdited | MessageDeleted | ReactionChanged | PinChanged;

export interface MessageItem extends MessageCreated {
  rev: Seq;
  editedAt?: string;
  pinned?: boolean;
  reactions?: Reaction[];
}
export type SystemItem = RoomCreated | RoomUpdated | MemberJoined | MemberLeft | (PinChanged & { type: 'message.pinned' });
export type TimelineItem = MessageItem | SystemItem;

export interface Room {
  id: RoomId;
  kind: RoomKind;
  name?: string;
  topic?: string;
  epoch: number;
  head: Seq;
  members: number;
  role: RoomRole;
  readSeq: Seq;
  unread: number;
  joinedAt: string;
  with?: User;
  last?: MessageItem;
}

export interface DirectoryRoom {
  id: RoomId;
  name: string;
  topic?: string;
  members: number;
  joined: boolean;
}

export interface Member {
  user: User | UserId;
  role: RoomRole;
  joinedSeq: Seq;
}

export interface Page<T> {
  items: T[];
  next?: string;
}

/** One's rooms. Of those that are missing nothing can be told at present: their storage does not answer. */
export interface RoomList extends Page<Room> {
  missing?: RoomId[];
}

/** Incomplete when rooms may be left out because their storage does not answer. */
export interface DirectoryPage extends Page<DirectoryRoom> {
  incomplete?: boolean;
}

export interface MessagePage {
  epoch: number;
  head: Seq;
  items: TimelineItem[];
  before?: Seq;
  after?: Seq;
}

export interface Cursor {
  room: RoomId;
  epoch?: number;
  seq?: Seq;
}

export interface ResumeAnswer {
  room: RoomId;
  status?: 'complete' | 'more' | 'reset';
  epoch?: number;
  head?: Seq;
  next?: Seq;
  events?: RoomEvent[];
  error?: WireError;
}

export interface EventsFrame {
  room: RoomId;
  epoch: number;
  events?: RoomEvent[];
  head?: Seq;
  gap?: boolean;
}

export type Signal =
  | { type: 'typing'; room: RoomId; user: UserId }
  | { type: 'presence'; user: UserId; state: PresenceState }
  | { type: 'read'; room: RoomId; seq: Seq; unread: number }
  | { type: 'rooms' }
  | { type: 'choice'; choice: PresenceChoice };

export type SignedOutReason = 'session_ended' | 'token_expired' | 'account_disabled';

export interface HelloResult {
  protocol: number;
  connection: string;
  user: User;
  tenant: { id: string; key: string; name: string };
  server: { version: string; node: string };
  presence: { choice: PresenceChoice };
  time: string;
}

export interface OpenResult {
  online: UserId[];
  states: Record<UserId, PresenceState>;
}

export interface Ack {
  seq: Seq;
  at: string;
}

export interface Workspace {
  name?: string;
  setUp: boolean;
  registration: 'open' | 'invite' | 'closed';
  version: string;
}

export interface Session {
  id: string;
  createdAt: string;
  lastSeenAt: string;
  expiresAt: string;
  client?: string;
  current?: boolean;
}

export interface Invite {
  id: string;
  code: string;
  createdAt: string;
  expiresAt?: string;
  usesLeft?: number;
  createdBy: UserId;
}

export const limits = {
  textLengthMax: 10_000,
  roomNameLengthMax: 80,
  topicLengthMax: 500,
  displayNameLengthMax: 64,
  passwordLengthMin: 8,
  resumeRoomsMax: 100,
  pageItemsMax: 100,
} as const;
