import { Chat } from '../chat/chat.svelte';
import { route } from '../shell/route.svelte';
import { reconnectDelayMs } from '../sync/backoff';
import { CodedError } from '../wire/errors';
import type { SignedOutReason, User, Workspace } from '../wire/protocol';
import { rest } from '../wire/rest';

export type Phase = 'starting' | 'unreachable' | 'signedOut' | 'signedIn';

/** Whether somebody is signed in here, and the chat of who is. */
class SessionState {
  phase = $state<Phase>('starting');
  workspace = $state.raw<Workspace>();
  reason = $state<SignedOutReason>();
  chat = $state.raw<Chat>();
  #failures = 0;

  async start(): Promise<void> {
    try {
      this.workspace = await rest.workspace();
      const me = await this.#me();
      if (me) await this.enter(me);
      else this.phase = 'signedOut';
      this.#failures = 0;
    } catch {
      this.phase = 'unreachable';
      setTimeout(() => void this.start(), 500 + reconnectDelayMs(Math.min(this.#failures++, 4), Math.random()));
    }
  }

  async enter(user: User): Promise<void> {
    this.reason = undefined;
    this.chat?.close();
    this.chat = await Chat.open(user, (reason) => this.leave(reason));
    this.phase = 'signedIn';
    if (route.current.page === 'join' || route.current.page === 'register') route.go('/', 'replace');
  }

  leave(reason?: SignedOutReason): void {
    this.chat?.close();
    this.chat = undefined;
    this.reason = reason;
    this.phase = 'signedOut';
    rest.workspace().then((workspace) => (this.workspace = workspace), () => undefined);
  }

  async signOut(): Promise<void> {
    // At once: when the session has ended, this page may be gone before anything else.
    await this.chat?.forgetSent();
    try {
      await rest.signOut();
    } catch (error) {
      // Already ended is what was wanted.
      if (!(error instanceof CodedError) || error.code !== 'unauthenticated') throw error;
    }
    this.leave();
    route.go('/', 'replace');
  }

  async #me(): Promise<User | undefined> {
    try {
      return (await rest.me()).user;
    } catch (error) {
      if (error instanceof CodedError && error.retryAfterMs === undefined) return undefined;
      throw error;
    }
  }
}

export const session = new SessionState();
