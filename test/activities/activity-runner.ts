// Runs an activity in Temporal's mock environment and tells how it ended: its answer, or the failure
// that the server would be told.
import { ApplicationFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { START } from '../fakes/node-input.ts';

export type Ending<T> =
  | { kind: 'answered'; answer: T; beats: unknown[] }
  | { kind: 'failed'; failure: ApplicationFailure; beats: unknown[] };

export type Attempt = { heartbeatDetails?: unknown; attempt?: number };

export function mockEnvironment(o: Attempt = {}): { environment: MockActivityEnvironment; beats: unknown[] } {
  const info = {
    heartbeatDetails: o.heartbeatDetails,
    attempt: o.attempt ?? 1,
    scheduledTimestampMs: Date.parse(START),
  };
  // A failing activity is what many tests are about; the SDK's warnings of it would bury real ones.
  const environment = new MockActivityEnvironment(info, { logger: new DefaultLogger('ERROR') });
  const beats: unknown[] = [];
  environment.on('heartbeat', (details: unknown) => beats.push(details));
  return { environment, beats };
}

export async function runActivity<I, T>(
  activity: (input: I) => Promise<T>,
  input: I,
  o: Attempt = {},
): Promise<Ending<T>> {
  const { environment, beats } = mockEnvironment(o);
  try {
    return { kind: 'answered', answer: await environment.run(activity, input), beats };
  } catch (error) {
    if (error instanceof ApplicationFailure) return { kind: 'failed', failure: error, beats };
    throw error;
  }
}

/** The answer; throws when there was none. */
export async function answerOf<I, T>(
  activity: (input: I) => Promise<T>,
  input: I,
  o: Attempt = {},
): Promise<T> {
  const ending = await runActivity(activity, input, o);
  if (ending.kind === 'failed') throw ending.failure;
  return ending.answer;
}
