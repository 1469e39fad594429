import { expect, test } from 'vitest';
import { matchScore } from './match';

test('a start is better than a word, a word than a part, a part than letters in order', () => {
  const scores = ['design', 'web design', 'redesign', 'deep sign', 'other'].map((name) => matchScore('design', name));
  expect(scores).toEqual([4, 3, 2, 1, 0]);
});

test('width and case do not matter', () => {
  expect(matchScore('DESIGN', 'design')).toBe(4);
  expect(matchScore('カタカナ', 'カタカナ')).toBe(4);
});
