// What the main thread and the virtual users, each a thread of its own, tell each other.

export type MetricKind = 'counter' | 'gauge' | 'rate' | 'trend';

export interface ScenarioState {
  name: string;
  executor: string;
  startTime: number;
  iterationInTest: number;
}

/** How a virtual user begins. */
export interface VuStart {
  id: number;
  script: string;
  env: Record<string, string>;
  http: import('node:worker_threads').MessagePort;
}

export type ToVu = { kind: 'run'; name: string; argument: unknown; scenario?: ScenarioState };

export type FromVu =
  | { kind: 'metric'; name: string; type: MetricKind }
  | { kind: 'sample'; name: string; value: number; tags: Record<string, string> }
  | { kind: 'ready'; options: unknown; exported: string[] }
  | { kind: 'done'; result: unknown; error?: string }
  | { kind: 'log'; level: string; text: string }
  | { kind: 'abort'; why: string }
  | { kind: 'broken'; error: string };

export interface HttpRequest {
  method: string;
  url: string;
  headers: Record<string, string>;
  body: string | null;
}

export interface HttpResponse {
  status: number;
  body: string;
  headers: Record<string, string>;
  error: string;
}

/** A request that a virtual user waits for: the flag becomes 1 when the answer is in the port. */
export interface BlockingRequest {
  request: HttpRequest;
  flag: Int32Array;
}
