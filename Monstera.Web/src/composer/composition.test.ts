import { describe, expect, test } from 'vitest';
import { CompositionGuard } from './composition';

const key = (over: Partial<KeyboardEvent> = {}) => ({
  key: 'Enter', isComposing: false, keyCode: 13, shiftKey: false, ctrlKey: false, metaKey: false, altKey: false, timeStamp: 1_000, ...over,
});

describe('Enter', () => {
  test('sends, and with Shift breaks the line', () => {
    const guard = new CompositionGuard();
    expect(guard.enter(key())).toBe('send');
    expect(guard.enter(key({ ctrlKey: true }))).toBe('send');
    expect(guard.enter(key({ shiftKey: true }))).toBe('break');
    expect(guard.enter(key({ key: 'a' }))).toBe('none');
  });

  test('never sends while text is composed, however the browser tells it', () => {
    const guard = new CompositionGuard();
    expect(guard.enter(key({ isComposing: true }))).toBe('none');
    expect(guard.enter(key({ keyCode: 229 }))).toBe('none');
    guard.started();
    expect(guard.enter(key())).toBe('none');
  });

  test('of Safari, which comes right after the end of the composition, does not send; the next does', () => {
    const guard = new CompositionGuard();
    guard.started();
    guard.ended(1_000);
    expect(guard.enter(key({ timeStamp: 1_001 }))).toBe('none');
    expect(guard.enter(key({ timeStamp: 1_400 }))).toBe('send');
  });

  test('of Safari whose time stamp is a little before the end of the composition does not send either', () => {
    const guard = new CompositionGuard();
    guard.started();
    guard.ended(1_000);
    expect(guard.enter(key({ timeStamp: 995 }))).toBe('none');
  });
});
