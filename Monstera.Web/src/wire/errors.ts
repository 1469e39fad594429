import { errorCodes, type ErrorCode, type WireError } from './protocol';

/** A coded refusal by the server. `retryAfterMs` is there exactly when the same call may be made again. */
export class CodedError extends Error {
  readonly code: ErrorCode;
  readonly retryAfterMs: number | undefined;

  constructor(error: WireError) {
    super(error.message);
    this.name = 'CodedError';
    this.code = error.code;
    this.retryAfterMs = error.retryAfterMs;
  }
}

/** The call got no answer: whether it was carried out is unknown. */
export class NoAnswerError extends Error {
  constructor(message = 'The server did not answer.') {
    super(message);
    this.name = 'NoAnswerError';
  }
}

export type FailureCode = ErrorCode | 'no_answer';

export function failureCode(error: unknown): FailureCode {
  if (error instanceof CodedError) return error.code;
  if (error instanceof NoAnswerError) return 'no_answer';
  return 'internal';
}

function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && (errorCodes as readonly string[]).includes(value);
}

/** Reads `{ "error": { … } }` out of an answer of the hub or of REST; undefined when there is none. */
export function readWireError(answer: unknown): WireError | undefined {
  if (typeof answer !== 'object' || answer === null || !('error' in answer)) return undefined;
  const error = answer.error;
  if (typeof error !== 'object' || error === null) return undefined;
  const { code, message, retryAfterMs } = error as Record<string, unknown>;
  return {
    code: isErrorCode(code) ? code : 'internal',
    message: typeof message === 'string' ? message : '',
    ...(typeof retryAfterMs === 'number' && retryAfterMs >= 0 ? { retryAfterMs } : {}),
  };
}
