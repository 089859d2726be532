// The one table from what ports throw to what Temporal is told: failure type, and whether the server
// may try again. Activities throw nothing else; they never let a vendor's error through.
import { ApplicationFailure, ApplicationFailureCategory, CancelledFailure } from '@temporalio/common';
import { PortError } from '../adapters/ports/errors.ts';
import type { PortErrorKind } from '../adapters/ports/errors.ts';

/** Failure types as they stand in histories; retry policies and people know them by these names. */
type FailureType =
  | 'Unreachable'
  | 'Throttled'
  | 'Forbidden'
  | 'NotFound'
  | 'Conflict'
  | 'Invalid'
  | 'Unsafe'
  | 'DrainStalled'
  | 'NotYet'
  | 'Unexpected';

type Rule = { type: FailureType; retryable: boolean };

/** What each refusal of the world means for the next attempt. */
const RULES: Readonly<Record<PortErrorKind, Rule>> = {
  unreachable: { type: 'Unreachable', retryable: true },
  throttled: { type: 'Throttled', retryable: true },
  // A person may grant the missing right while the step's deadline runs: the retry then goes on by itself.
  forbidden: { type: 'Forbidden', retryable: true },
  notFound: { type: 'NotFound', retryable: false },
  // The next attempt reads anew and decides again.
  conflict: { type: 'Conflict', retryable: true },
  invalid: { type: 'Invalid', retryable: false },
  unsafe: { type: 'Unsafe', retryable: false },
};

/** Maps whatever an activity caught; failures that are Temporal's already pass unchanged. */
export function toApplicationFailure(error: unknown): ApplicationFailure | CancelledFailure {
  if (error instanceof ApplicationFailure || error instanceof CancelledFailure) return error;
  if (error instanceof PortError) {
    const { type, retryable } = RULES[error.kind];
    return ApplicationFailure.create({
      message: error.message,
      type,
      nonRetryable: !retryable,
      cause: error,
    });
  }
  // A defect of ours: retried, since the next worker may carry the fix, and named as what it is.
  const message = error instanceof Error ? error.message : String(error);
  return ApplicationFailure.create({
    message,
    type: 'Unexpected',
    nonRetryable: false,
    ...(error instanceof Error ? { cause: error } : {}),
  });
}

/** Not a fault: the world is not there yet. The server tries again after `retryDelayMs`; writes no history. */
export function notYet(o: {
  type: 'DrainStalled' | 'NotYet';
  message: string;
  retryDelayMs: number;
}): ApplicationFailure {
  return ApplicationFailure.create({
    message: o.message,
    type: o.type,
    nonRetryable: false,
    category: ApplicationFailureCategory.BENIGN,
    nextRetryDelay: o.retryDelayMs,
  });
}
