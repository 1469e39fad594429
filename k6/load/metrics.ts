import { Counter, Rate, Trend } from 'k6/metrics';
import { bounds } from './settings.ts';

// Names of the metrics, and what they count: docs/load-testing.md has the same list.

/** From a client's `Send` to another one's socket, the sender's own copy included. */
export const delivery = new Trend('monstera_delivery', true);
/** From `Send` to its answer. */
export const acknowledged = new Trend('monstera_ack', true);
/** From the first byte of a connection until every room is live. */
export const connected = new Trend('monstera_connect', true);
/** From the loss of a connection until every room is live again. */
export const reconnected = new Trend('monstera_reconnect', true);

export const sends = new Counter('monstera_sends');
export const deliveries = new Counter('monstera_deliveries');
/** Events that were missed while away, and read from the log. */
export const resumed = new Counter('monstera_resumed');
export const gaps = new Counter('monstera_gaps');
export const duplicates = new Counter('monstera_duplicates');
export const lost = new Counter('monstera_lost');
export const resets = new Counter('monstera_resets');
/** The server said that a client fell behind; nothing is lost by it. */
export const gapsTold = new Counter('monstera_gaps_told');
/** Connections that ended although nobody wanted it. */
export const disconnects = new Counter('monstera_disconnects');
/** Connections that the server sent elsewhere because it goes out of service. */
export const moved = new Counter('monstera_moved');
/** Connections that did not come about. */
export const refused = new Counter('monstera_refused');
/** Iterations that ended with an exception: a mistake of the scripts or a server that does not speak the protocol. */
export const broken = new Counter('monstera_broken');
/** Of all calls, requests and connections. */
export const errors = new Rate('monstera_errors');

export type Thresholds = Record<string, string[]>;

/** No room may have a gap or a duplicate, and nothing may be lost, in any scenario. */
export const integrity: Thresholds = {
  monstera_gaps: ['count==0'],
  monstera_duplicates: ['count==0'],
  monstera_lost: ['count==0'],
  monstera_resets: ['count==0'],
  monstera_broken: ['count==0'],
};

export const fewErrors: Thresholds = {
  monstera_errors: [`rate<${bounds.errorRate}`],
  http_req_failed: [`rate<${bounds.errorRate}`],
};

/** Of every scenario in which people chat. A run in which nothing was delivered proves nothing. */
export const chatting: Thresholds = {
  ...integrity,
  ...fewErrors,
  http_req_duration: [`p(95)<${bounds.httpP95Ms}`],
  monstera_delivery: [`p(95)<${bounds.deliveryP95Ms}`],
  monstera_deliveries: ['count>0'],
};

export const trendStats = ['avg', 'min', 'med', 'p(90)', 'p(95)', 'p(99)', 'max'];
