// Stand-in for k6/encoding. It is not k6.
export function b64encode(input: string, encoding = 'std'): string {
  if (encoding !== 'std' && encoding !== 'rawurl') throw new Error(`The stand-in has no encoding ${encoding}.`);
  return Buffer.from(input, 'utf8').toString(encoding === 'std' ? 'base64' : 'base64url');
}

export default { b64encode };
