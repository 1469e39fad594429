import { createContext } from 'svelte';
import type { Seq } from '../wire/protocol';

/** What a person is about to do in the room that is shown. */
export class RoomUi {
  replyTo = $state<Seq>();
  /** The own message whose text is in the composer. */
  editing = $state.raw<{ seq: Seq; text: string }>();
  deleting = $state<Seq>();
  /** The row whose actions are shown. */
  active = $state<string>();
  picking = $state.raw<{ seq: Seq; beside: DOMRect }>();
  focusComposer: () => void = () => undefined;

  /** The messages that these were about are not there any more. */
  letGo(): void {
    this.replyTo = this.editing = this.deleting = this.picking = undefined;
  }

  startReply(seq: Seq): void {
    this.editing = undefined;
    this.replyTo = seq;
    this.focusComposer();
  }

  startEdit(seq: Seq, text: string): void {
    this.replyTo = undefined;
    this.editing = { seq, text };
    this.focusComposer();
  }
}

export const [roomUi, provideRoomUi] = createContext<RoomUi>();
