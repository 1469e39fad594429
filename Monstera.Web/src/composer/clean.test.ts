import { expect, test } from 'vitest';
import { cleanText, isSendable } from './clean';

test.each([
  ['a\r\nb\rc', 'a\nb\nc'],
  ['a\u0000b\u0007c\u0085d\te', 'abcd\te'],
  ['half \ud83d of a pair', 'half  of a pair'],
  ['whole 😀', 'whole 😀'],
  ['\n\n  indented\n\n', '  indented'],
])('%j', (text, expected) => expect(cleanText(text)).toBe(expected));

test('white space alone is nothing to send, in any width', () => {
  expect(isSendable(' \n\t\u3000')).toBe(false);
  expect(isSendable('。')).toBe(true);
});
