import { expect, test } from 'vitest';
import { emojis, searchEmoji } from './emoji';

test('every emoji is one emoji, there once, with words in both languages', () => {
  expect(new Set(emojis.map((each) => each.emoji)).size).toBe(emojis.length);
  for (const { emoji, words } of emojis) {
    expect(emoji).toMatch(/^\p{RGI_Emoji}$/v);
    expect(words.some((word) => /^[a-z]/.test(word)), emoji).toBe(true);
    expect(words.some((word) => /[\u3040-\u30ff\u4e00-\u9fff]/.test(word)), emoji).toBe(true);
  }
});

test('is found by words of either language', () => {
  expect(searchEmoji('thumbs')[0]?.emoji).toBe('👍');
  expect(searchEmoji('いいね')[0]?.emoji).toBe('👍');
  expect(searchEmoji('green heart')[0]?.emoji).toBe('💚');
  expect(searchEmoji('nothing like this')).toEqual([]);
});
