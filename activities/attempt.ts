// One attempt of an activity that waits for the world: it looks once and either answers, or fails
// benignly so that the server comes back later. Between two looks no worker slot is held and nothing
// is written into history. Must never wait inside, nor go on in silence after a cancellation.
import { Context } from '@temporalio/activity';
import { PortError } from '../adapters/ports/errors.ts';
import type { PortErrorKind } from '../adapters/ports/errors.ts';
import { pollDelayMs } from '../domain/reimage/poll-delay.ts';
import { notYet, toApplicationFailure } from './failures.ts';

/** A look that found nothing final: `why` is what is still missing. */
export type Waiting = {
  kind: 'waiting';
  why: string;
  /** The next look is no later than this, however long it has lasted already. */
  againWithinMs?: number;
};

/** A third of the shortest heartbeat timeout in use (30 s), so that one lost beat is no timeout. */
export const HEARTBEAT_INTERVAL_MS = 10_000;

/** Refusals that may pass: at the deadline they are why a step ended late, not a failure of their own. */
const PASSING: readonly PortErrorKind[] = ['unreachable', 'throttled', 'forbidden', 'conflict'];

/** Runs `work` and throws nothing but Temporal's failures. */
export async function mapped<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toApplicationFailure(error);
  }
}

/**
 * Runs one look. `beat` replaces the details that a later attempt resumes from; they are sent at once
 * and again while the look lasts.
 */
export async function look<T>(
  o: { now: () => Date; deadline: string; late: (why: string) => T },
  work: (beat: (details: unknown) => void) => Promise<T | Waiting>,
): Promise<T> {
  return mapped(async () => {
    const found = await beating(work).catch((error: unknown): Waiting => {
      if (isPassing(error) && isPast(o)) return { kind: 'waiting', why: error.message };
      throw error;
    });
    if (!isWaiting(found)) return found;
    if (isPast(o)) return o.late(found.why);
    const elapsedMs = o.now().getTime() - Context.current().info.scheduledTimestampMs;
    const retryDelayMs = Math.min(pollDelayMs(elapsedMs), found.againWithinMs ?? Infinity);
    throw notYet({ type: 'NotYet', message: found.why, retryDelayMs });
  });
}

/** For reads: a cancellation ends the wait at once, the answer is then dropped. Never around a write. */
export async function promptly<T>(read: Promise<T>): Promise<T> {
  return await Promise.race([read, Context.current().cancelled]);
}

export function isPast(o: { now: () => Date; deadline: string }): boolean {
  // A deadline that nobody can read has passed: waiting for ever is worse than asking a person.
  return !(o.now().getTime() < Date.parse(o.deadline));
}

/** Beats every HEARTBEAT_INTERVAL_MS as long as `work` lasts: a dead worker is noticed by the beats that fail to come. */
export async function beating<T>(work: (beat: (details: unknown) => void) => Promise<T>): Promise<T> {
  const context = Context.current();
  let details: unknown = context.info.heartbeatDetails;
  const beat = (newest: unknown) => {
    details = newest;
    context.heartbeat(details);
  };
  // Without details there is nothing to say yet; the first real ones must not wait behind an empty beat.
  if (details !== undefined) beat(details);
  const timer = setInterval(() => context.heartbeat(details), HEARTBEAT_INTERVAL_MS);
  try {
    return await work(beat);
  } finally {
    clearInterval(timer);
  }
}

export function isPassing(error: unknown): error is PortError {
  return error instanceof PortError && PASSING.includes(error.kind);
}

function isWaiting(found: unknown): found is Waiting {
  return typeof found === 'object' && found !== null && 'kind' in found && found.kind === 'waiting';
}
