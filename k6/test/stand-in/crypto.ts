// Stand-in for k6/crypto. It is not k6.
import { createHash, createHmac, type BinaryToTextEncoding } from 'node:crypto';

export function hmac(algorithm: string, secret: string, input: string, encoding: string): string {
  return encoded(createHmac(algorithm, secret).update(input).digest(), encoding);
}

export function sha256(input: string, encoding: string): string {
  return encoded(createHash('sha256').update(input).digest(), encoding);
}

function encoded(bytes: Buffer, encoding: string): string {
  const names: Record<string, BinaryToTextEncoding> = { hex: 'hex', base64: 'base64', base64rawurl: 'base64url' };
  const name = names[encoding];
  if (!name) throw new Error(`The stand-in has no encoding ${encoding}.`);
  return bytes.toString(name);
}

export default { hmac, sha256 };
