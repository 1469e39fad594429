import { expect, test } from 'vitest';
import { errorCodes } from '../wire/protocol';
import { en } from './en';
import { ja } from './ja';
import { i18n } from './texts.svelte';

function leaves(value: object, path = ''): [string, unknown][] {
  return Object.entries(value).flatMap(([key, each]): [string, unknown][] =>
    typeof each === 'object' && each !== null ? leaves(each, `${path}${key}.`) : [[`${path}${key}`, each]]);
}

test('both languages have the same texts, and none is empty', () => {
  expect(leaves(ja).map(([key]) => key)).toEqual(leaves(en).map(([key]) => key));
  for (const [key, text] of [...leaves(en), ...leaves(ja)]) if (typeof text === 'string') expect(text, key).not.toBe('');
});

test('every error code has a meaning in both languages', () => {
  for (const code of errorCodes) for (const catalogue of [en, ja]) expect(catalogue.errors[code]).toBeTruthy();
});

test('a text with a number agrees with it', () => {
  expect(en.unreadCount(1)).toBe('1 unread message');
  expect(en.unreadCount(2)).toBe('2 unread messages');
  expect(en.restoredNotice(1, '10:02')).toBe('This room was restored from a backup. One of your messages, from 10:02, is missing here.');
  expect(en.restoredNotice(2, '10:02')).toBe('This room was restored from a backup. 2 of your messages, from 10:02 on, are missing here.');
  expect(en.roomsMissing(1)).toBe('1 room is not available right now');
  expect(en.and(['Aoi', 'Ken'], 3)).toBe('Aoi, Ken, and 3 others');
  expect(ja.and(['葵', '健'], 3)).toBe('葵、健、他 3 人');
});

test('days are told in the language of the interface', () => {
  const today = new Date(2026, 10, 21, 12);
  const at = (year: number, month: number, day: number) => new Date(year, month, day, 9).toISOString();
  i18n.language = 'ja';
  expect(i18n.day(at(2026, 10, 21), today)).toBe('今日');
  expect(i18n.day(at(2026, 10, 20), today)).toBe('昨日');
  expect(i18n.day(at(2026, 10, 3), today)).toBe('11月3日火曜日');
  expect(i18n.day(at(2025, 11, 31), today)).toBe('2025年12月31日水曜日');
  expect(document.documentElement.lang).toBe('ja');
  i18n.language = 'en';
  expect(i18n.when(at(2026, 10, 21), today)).toMatch(/^9:00\sAM$/);
  expect(i18n.when(at(2026, 10, 20), today)).toContain('Nov 20, 2026');
  expect(i18n.day(at(2026, 10, 20), today)).toBe('Yesterday');
  expect(i18n.day(at(2026, 10, 3), today)).toBe('Tuesday, November 3');
});
