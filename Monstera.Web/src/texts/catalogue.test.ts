import { expect, test } from 'vitest';

test('the tests run', () => expect(document.createElement('p')).toBeTruthy());
