import http, { type RefinedResponse } from 'k6/http';
import { errors } from './metrics.ts';
import { address } from './settings.ts';

/** How a request is called in the metrics: never by its address, which has ids in it. */
export type RequestName = 'workspace' | 'me' | 'rooms' | 'history' | 'events' | 'sign-in' | 'sign-out' | 'set-up' | 'register' | 'invite' | 'make-room' | 'join' | 'fill';

export interface Request {
  name: RequestName;
  path: string;
  token?: string;
  method?: string;
  body?: unknown;
  /** Statuses that are no error; 200 to 299 when left out. */
  expect?: number[];
}

export class RequestFailed extends Error {
  readonly status: number;

  constructor(name: string, status: number, body: string) {
    super(`${name} was answered with ${status}: ${body.slice(0, 300)}`);
    this.status = status;
  }
}

/** Asks without holding up what the same user receives meanwhile. @throws RequestFailed */
export async function ask<T>(request: Request): Promise<T> {
  return read<T>(request, await http.asyncRequest(request.method ?? 'GET', address + request.path, bodyOf(request), paramsOf(request)));
}

/** Asks and waits: for scenarios without sockets, and while a run is prepared. @throws RequestFailed */
export function askNow<T>(request: Request): T {
  return read<T>(request, http.request(request.method ?? 'GET', address + request.path, bodyOf(request), paramsOf(request)));
}

function bodyOf(request: Request): string | null {
  return request.body === undefined ? null : JSON.stringify(request.body);
}

function paramsOf(request: Request) {
  const headers: Record<string, string> = {};
  if (request.token !== undefined) headers['Authorization'] = `Bearer ${request.token}`;
  if (request.body !== undefined) headers['Content-Type'] = 'application/json';
  return {
    headers,
    tags: { name: request.name },
    timeout: '30s',
    ...(request.expect ? { responseCallback: http.expectedStatuses(...request.expect) } : {}),
  };
}

function read<T>(request: Request, response: RefinedResponse<undefined>): T {
  const isExpected = request.expect?.includes(response.status) ?? (response.status >= 200 && response.status < 300);
  errors.add(!isExpected, { call: request.name });
  const body = typeof response.body === 'string' ? response.body : '';
  if (!isExpected) throw new RequestFailed(request.name, response.status, body || response.error);
  return (body === '' ? undefined : JSON.parse(body)) as T;
}
