// How a run that is closed ended, in words and as an exit code.
import type { RunOutcome } from '../../domain/report.ts';
import { EXIT, exitCodeOfOutcome } from './exit-codes.ts';
import type { ExitCode } from './exit-codes.ts';
import type { RunEnd } from './temporal-side.ts';

export type EndSummary = { exitCode: ExitCode; outcome: RunOutcome | null; text: string };

const OUTCOMES: readonly RunOutcome[] = [
  'succeeded',
  'nothingToDo',
  'failed',
  'rolledBack',
  'aborted',
  'cancelled',
];

export function summarizeEnd(end: RunEnd): EndSummary {
  switch (end.kind) {
    case 'completed': {
      const outcome = outcomeOf(end.result);
      if (outcome === undefined) return { exitCode: EXIT.ok, outcome: null, text: 'completed' };
      return { exitCode: exitCodeOfOutcome(outcome), outcome, text: OUTCOME_TEXT[outcome] };
    }
    case 'failed':
      return failedSummary(end);
    case 'cancelled':
      return { exitCode: EXIT.endedWithFailures, outcome: 'cancelled', text: OUTCOME_TEXT.cancelled };
    case 'terminated':
      return {
        exitCode: EXIT.endedWithFailures,
        outcome: null,
        text: `terminated: ${end.reason}. Nodes at work put themselves back or finish; look at refit nodes`,
      };
    case 'timedOut':
      return { exitCode: EXIT.endedWithFailures, outcome: null, text: 'its time limit was reached' };
  }
}

const OUTCOME_TEXT: Readonly<Record<RunOutcome, string>> = {
  succeeded: 'succeeded',
  nothingToDo: 'nothing to do: every node was up to date or is left alone',
  failed: 'ended with failures',
  rolledBack: 'rolled back: refit report tells which nodes went back, and which could not',
  aborted: 'aborted',
  cancelled: 'cancelled',
};

/** These failures are answers: nothing was touched. */
const REFUSALS: readonly string[] = ['Refused', 'PlanChanged'];

/** So are these, to what was asked amiss: an input, or a fleet file, cluster or release that is not there. */
const MISTAKES: readonly string[] = ['InvalidInput', 'Invalid'];

function failedSummary(end: { type: string | null; message: string }): EndSummary {
  if (end.type !== null && REFUSALS.includes(end.type)) {
    return { exitCode: EXIT.refused, outcome: null, text: `refused, nothing was touched: ${end.message}` };
  }
  const exitCode = end.type !== null && MISTAKES.includes(end.type) ? EXIT.error : EXIT.endedWithFailures;
  return {
    exitCode,
    outcome: null,
    text: `failed${end.type === null ? '' : ` (${end.type})`}: ${end.message}`,
  };
}

function outcomeOf(result: unknown): RunOutcome | undefined {
  if (typeof result !== 'object' || result === null || !('outcome' in result)) return undefined;
  return OUTCOMES.find((outcome) => outcome === result.outcome);
}
