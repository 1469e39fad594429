import { pause } from '../protocol/pause.ts';
import { broken } from './metrics.ts';

const breathMs = 1_000;

/** k6 only logs an iteration that throws: here it fails the run. */
export async function guarded(iteration: () => Promise<void>): Promise<void> {
  try {
    await iteration();
  } catch (error) {
    broken.add(1);
    console.error(`The iteration ended: ${String(error)}`);
    // Whatever is wrong is wrong for the next one too.
    await pause(breathMs);
  }
}
