import http from 'node:http';
import type { HttpRequest, HttpResponse } from './messages.ts';

const patienceMs = 30_000;

/** One request. It never throws: an error is in the answer, with status 0, as in k6. */
export function send({ method, url, headers, body }: HttpRequest): Promise<HttpResponse> {
  return new Promise((resolve) => {
    const fail = (error: Error) => resolve({ status: 0, body: '', headers: {}, error: error.message });
    const length = body === null ? {} : { 'Content-Length': Buffer.byteLength(body) };
    const request = http.request(url, { method, headers: { ...headers, ...length }, agent: false, timeout: patienceMs }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('error', fail);
      response.on('end', () => resolve({
        status: response.statusCode ?? 0,
        body: Buffer.concat(parts).toString('utf8'),
        headers: Object.fromEntries(Object.entries(response.headers).map(([name, value]) => [name, String(value)])),
        error: '',
      }));
    });
    request.on('timeout', () => request.destroy(new Error('request timeout')));
    request.on('error', fail);
    request.end(body ?? undefined);
  });
}
