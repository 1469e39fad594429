/** Where ids get their time and chance from. */
export interface IdSource {
  /** Milliseconds since 1970. */
  now(): number;
  /** Fills the array with unpredictable bytes. */
  fill(bytes: Uint8Array<ArrayBuffer>): void;
}

const systemSource: IdSource = {
  now: () => Date.now(),
  // Unlike `crypto.randomUUID`, which wants a secure context, this is there over plain HTTP in a local network too.
  fill: (bytes) => crypto.getRandomValues(bytes),
};

const COUNTER_BITS = 12;
const COUNTER_END = 1 << COUNTER_BITS;

/**
 * Makes UUIDs of version 7 (RFC 9562): milliseconds, a counter of 12 bits, 62 random bits. Those of one time lie together in the
 * server's indexes. In text order each is after the one before, within a millisecond too, and when the clock is set back.
 */
export function idMaker(source: IdSource): () => string {
  let time = 0;
  let counter = 0;
  const bytes = new Uint8Array(16);

  return () => {
    source.fill(bytes);
    const now = source.now();
    if (now > time) {
      time = now;
      // Half of the range is left to count in.
      counter = (((bytes[6] ?? 0) << 8) | (bytes[7] ?? 0)) & (COUNTER_END / 2 - 1);
    } else if (++counter === COUNTER_END) {
      // More than the counter holds: borrowed from the next millisecond.
      time++;
      counter = 0;
    }

    new DataView(bytes.buffer).setUint16(0, Math.floor(time / 2 ** 32));
    new DataView(bytes.buffer).setUint32(2, time % 2 ** 32);
    bytes[6] = 0x70 | (counter >> 8);
    bytes[7] = counter & 0xff;
    bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
    const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  };
}

export const newId = idMaker(systemSource);
