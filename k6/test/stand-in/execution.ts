// Stand-in for k6/execution. It is not k6.
import type { ScenarioState } from './messages.ts';
import { start, state, tell } from './vu.ts';

export const scenario: ScenarioState = Object.defineProperties({} as ScenarioState, Object.fromEntries(
  (['name', 'executor', 'startTime', 'iterationInTest'] as const).map((key) => [key, { get: () => ofScenario()[key], enumerable: true }])));

export const vu = {
  idInTest: start.id,
  idInInstance: start.id,
  get iterationInInstance(): number {
    return state.iteration;
  },
};

export const test = {
  abort(why = ''): never {
    tell({ kind: 'abort', why });
    throw new Error(`Aborted: ${why}`);
  },
};

function ofScenario(): ScenarioState {
  if (!state.scenario) throw new Error('k6 knows the scenario only while an iteration runs.');
  return state.scenario;
}

export default { scenario, vu, test };
