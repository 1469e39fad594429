import type { Clock } from '../wire/clock';
import { CodedError, NoAnswerError } from '../wire/errors';
import type { Hub, HubFactory, HubHandlers } from '../wire/hub';
import type { EventsFrame, Signal, SignedOutReason } from '../wire/protocol';
import { reconnectDelayMs } from './backoff';

export type ConnectionStatus =
  | { state: 'connecting'; failures: number }
  | { state: 'online' }
  | { state: 'waiting'; failures: number; retryAt: number }
  | { state: 'signedOut'; reason: SignedOutReason }
  | { state: 'stopped' };

export type SessionCheck = 'ok' | 'ended' | 'unreachable';

export interface ConnectionParts {
  connect: HubFactory;
  clock: Clock;
  /** A refused WebSocket does not say why; this asks whether we are still signed in. */
  checkSession(): Promise<SessionCheck>;
  /** Hello and all that must be right before anybody is told that we are online. */
  greet(hub: Hub): Promise<void>;
  onEvents(frame: EventsFrame): void;
  onSignals(signals: Signal[]): void;
  onStatus(status: ConnectionStatus): void;
  onLost(): void;
}

const connectTimeoutMs = 12_000;

/** Keeps one connection alive: connects, greets, and after a loss waits with full jitter and connects anew. */
export class Connection {
  status: ConnectionStatus = { state: 'stopped' };
  readonly #parts: ConnectionParts;
  #hub: Hub | undefined;
  #failures = 0;
  #cancelWait: (() => void) | undefined;
  #cancelLeave: (() => void) | undefined;

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
  }

  start(): void {
    if (this.status.state === 'stopped') void this.#connect();
  }

  stop(): void {
    this.#leave({ state: 'stopped' });
  }

  /** Does not wait out the delay: somebody pressed the button, or the network is back. */
  retryNow(): void {
    if (this.status.state === 'waiting') void this.#connect();
  }

  /** The network changed under us: what the old connection says can no longer be trusted. */
  renew(): void {
    if (this.status.state !== 'online' && this.status.state !== 'connecting') return;
    this.#abandon();
    void this.#connect();
  }

  /** This connection is of no use any more; the next is tried after the usual delay. */
  giveUp(): void {
    if (this.status.state !== 'online') return;
    this.#abandon();
    this.#wait();
  }

  async call<T>(method: string, argument: unknown): Promise<T> {
    if (!this.#hub || this.status.state !== 'online') throw new NoAnswerError();
    return this.#hub.call<T>(method, argument);
  }

  async #connect(): Promise<void> {
    this.#cancelWait?.();
    this.#setStatus({ state: 'connecting', failures: this.#failures });
    const hub: Hub = this.#parts.connect(this.#handlers(() => hub), this.#failures);
    this.#hub = hub;
    try {
      await this.#withTimeout(hub.start());
      await this.#parts.greet(hub);
      if (this.#hub !== hub) return;
      this.#failures = 0;
      this.#setStatus({ state: 'online' });
    } catch (error) {
      if (this.#hub !== hub) return;
      this.#abandon();
      await this.#afterFailure(error);
    }
  }

  #handlers(self: () => Hub): HubHandlers {
    const current = () => this.#hub !== undefined && this.#hub === self();
    return {
      events: (frame) => current() && this.#parts.onEvents(frame),
      signals: (signals) => current() && this.#parts.onSignals(signals),
      signedOut: (reason) => current() && this.#leave({ state: 'signedOut', reason }),
      reconnect: (afterMs) => {
        if (!current()) return;
        this.#cancelLeave = this.#parts.clock.after(afterMs, () => current() && this.renew());
      },
      closed: () => {
        // While connecting, the call that fails tells; here an established connection is lost.
        if (current()) this.giveUp();
      },
    };
  }

  async #afterFailure(error: unknown): Promise<void> {
    const refused = error instanceof CodedError && (error.code === 'unauthenticated' || error.code === 'token_expired');
    const attempt = this.status;
    const check = refused ? 'ended' : await this.#parts.checkSession();
    if (this.status !== attempt) return;
    if (check === 'ended') this.#leave({ state: 'signedOut', reason: 'session_ended' });
    else this.#wait();
  }

  #wait(): void {
    const { clock } = this.#parts;
    const delayMs = reconnectDelayMs(this.#failures, clock.random());
    this.#failures++;
    this.#setStatus({ state: 'waiting', failures: this.#failures, retryAt: clock.now() + delayMs });
    this.#cancelWait = clock.after(delayMs, () => void this.#connect());
  }

  #leave(status: ConnectionStatus): void {
    this.#cancelWait?.();
    this.#abandon();
    this.#setStatus(status);
  }

  #abandon(): void {
    this.#cancelLeave?.();
    const hub = this.#hub;
    this.#hub = undefined;
    // A close that fails leaves nothing to mend: the connection is given up either way.
    hub?.stop().catch(() => undefined);
    if (hub) this.#parts.onLost();
  }

  #setStatus(status: ConnectionStatus): void {
    this.status = status;
    this.#parts.onStatus(status);
  }

  #withTimeout(work: Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      const cancel = this.#parts.clock.after(connectTimeoutMs, () => reject(new NoAnswerError('The connection took too long.')));
      work.then(resolve, reject).finally(cancel);
    });
  }
}
