const rememberedMax = 512;

interface Own {
  room: string;
  ackSeq?: number;
  eventSeq?: number;
}

/** What is wrong with a message of one's own. */
export type Fault = 'twice' | 'misplaced';

/** What a client sent, until it was both acknowledged and seen in the log, and a while longer, since it might come again. */
export class OwnMessages {
  readonly #messages = new Map<string, Own>();
  #open = 0;

  /** Messages that are not both acknowledged and seen. */
  get open(): number {
    return this.#open;
  }

  add(clientId: string, room: string): void {
    for (const [oldest, own] of this.#messages) {
      if (this.#messages.size < rememberedMax || !isDone(own)) break;
      this.#messages.delete(oldest);
    }

    this.#messages.set(clientId, { room });
    this.#open++;
  }

  /** The server refused it for good. */
  forget(clientId: string): void {
    const own = this.#messages.get(clientId);
    if (own && !isDone(own)) this.#open--;
    this.#messages.delete(clientId);
  }

  acknowledged(clientId: string, seq: number): Fault | undefined {
    const own = this.#messages.get(clientId);
    if (!own || own.ackSeq !== undefined) return undefined;
    own.ackSeq = seq;
    return this.#compare(own);
  }

  /** @param clientId of any event: those of others are not looked at. */
  seen(clientId: string | undefined, room: string, seq: number): Fault | undefined {
    const own = clientId === undefined ? undefined : this.#messages.get(clientId);
    if (!own) return undefined;
    if (own.eventSeq !== undefined) return own.eventSeq === seq && own.room === room ? undefined : 'twice';
    own.eventSeq = seq;
    return this.#compare(own);
  }

  /** Those that were acknowledged and are not in the log. They are forgotten, so that they are told of once. */
  takeMissing(): { clientId: string; room: string; ackSeq: number }[] {
    const missing = [];
    for (const [clientId, { room, ackSeq, eventSeq }] of this.#messages) {
      if (ackSeq === undefined || eventSeq !== undefined) continue;
      missing.push({ clientId, room, ackSeq });
      this.forget(clientId);
    }

    return missing;
  }

  #compare(own: Own): Fault | undefined {
    if (!isDone(own)) return undefined;
    this.#open--;
    return own.ackSeq === own.eventSeq ? undefined : 'misplaced';
  }
}

function isDone(own: Own): boolean {
  return own.ackSeq !== undefined && own.eventSeq !== undefined;
}
