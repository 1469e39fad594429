import exec from 'k6/execution';
import { askNow } from './rest.ts';
import { address } from './settings.ts';
import { person, sign } from './tokens.ts';

/** Before a scenario in which people chat: one sentence about what is missing is better than thousands of errors. */
export function checkServer(): void {
  try {
    askNow<{ version: string }>({ name: 'workspace', path: '/api/workspace' });
  } catch (error) {
    exec.test.abort(`No Monstera server answers at ${address}: ${String(error)}`);
  }

  try {
    askNow({ name: 'me', path: '/api/me', token: sign(person(0), Date.now()) });
  } catch (error) {
    exec.test.abort(`The server does not take connection tokens signed with MONSTERA_TOKEN_SECRET: ${String(error)}`);
  }
}
