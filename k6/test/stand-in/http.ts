// Stand-in for k6/http. It is not k6: what it counts are requests, never how long they took.
import { receiveMessageOnPort } from 'node:worker_threads';
import type { BlockingRequest, HttpRequest, HttpResponse } from './messages.ts';
import { sample } from './metrics.ts';
import { send } from './requests.ts';
import { hold, start } from './vu.ts';

interface Params {
  headers?: Record<string, string>;
  tags?: Record<string, string>;
  timeout?: string;
  responseCallback?: (status: number) => boolean;
}

/** k6 holds up the virtual user until the answer is there. */
export function request(method: string, url: string, body: string | null = null, params: Params = {}): HttpResponse {
  const flag = new Int32Array(new SharedArrayBuffer(4));
  start.http.postMessage({ request: requestOf(method, url, body, params), flag } satisfies BlockingRequest);
  Atomics.wait(flag, 0, 0);
  return counted(params, (receiveMessageOnPort(start.http) as { message: HttpResponse }).message);
}

export async function asyncRequest(method: string, url: string, body: string | null = null, params: Params = {}): Promise<HttpResponse> {
  const release = hold();
  try {
    return counted(params, await send(requestOf(method, url, body, params)));
  } finally {
    release();
  }
}

export function expectedStatuses(...statuses: number[]): (status: number) => boolean {
  return (status) => statuses.includes(status);
}

function requestOf(method: string, url: string, body: string | null, params: Params): HttpRequest {
  if (params.tags?.['name'] === undefined) throw new Error(`${method} ${url} has no tag "name": its address, with ids in it, would become one.`);
  return { method, url, headers: params.headers ?? {}, body };
}

function counted(params: Params, response: HttpResponse): HttpResponse {
  const isExpected = params.responseCallback ?? ((status: number) => status >= 200 && status < 400);
  const tags = { ...params.tags, status: String(response.status) };
  sample('http_reqs', 1, tags);
  sample('http_req_duration', 0, tags);
  sample('http_req_failed', isExpected(response.status) ? 0 : 1, tags);
  return response;
}

export default { request, asyncRequest, expectedStatuses };
