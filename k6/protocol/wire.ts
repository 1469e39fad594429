// Shapes of docs/protocol.md, as far as a load test reads them.

export interface CodedError {
  code: string;
  message: string;
  retryAfterMs?: number;
}

/** The envelope of section 8; only messages have text. */
export interface RoomEvent {
  seq: number;
  type: string;
  sender: string;
  at: string;
  clientId?: string;
  text?: string;
  target?: number;
}

/** A room and how far its log is known. */
export interface Position {
  room: string;
  epoch?: number;
  seq?: number;
}

/** The argument of `Events`. */
export interface EventsPush {
  room: string;
  epoch: number;
  events?: RoomEvent[];
  head?: number;
  gap?: boolean;
}

/** One room's answer of `Resume`. */
export interface ResumeAnswer {
  room: string;
  status?: 'complete' | 'more' | 'reset';
  epoch?: number;
  head?: number;
  next?: number;
  events?: RoomEvent[];
  error?: CodedError;
}

export interface HelloAnswer {
  protocol: number;
  connection: string;
  user: { id: string; userName: string; displayName: string; role: string };
  server: { version: string; node: string };
  expiresAt?: string;
}

export interface SendAnswer {
  seq: number;
  at: string;
}

export interface RoomView {
  id: string;
  kind: string;
  name?: string;
  epoch: number;
  head: number;
}

export interface Page<T> {
  items: T[];
  next?: string;
}

export interface MessagePage {
  epoch: number;
  head: number;
  items: RoomEvent[];
  before?: number;
  after?: number;
}
