/** Ends every frame of the SignalR JSON protocol. */
export const separator = '\x1e';

/** Longer than anything the server sends: an answer to `Resume` has about 256 KiB. */
export const frameCharsMax = 4 * 1024 * 1024;

export function frame(value: unknown): string {
  return JSON.stringify(value) + separator;
}

/** Makes frames of messages. A message may hold several frames, or a part of one. */
export class FrameBuffer {
  #rest = '';

  /** @returns the frames that are complete with this message, without their separators. */
  push(message: string): string[] {
    const frames = (this.#rest + message).split(separator);
    this.#rest = frames.pop() ?? '';
    if (this.#rest.length > frameCharsMax) throw new Error(`The server sends a frame of more than ${frameCharsMax} characters.`);
    return frames;
  }
}
