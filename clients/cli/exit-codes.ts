// What scripts may rely on when a command ends. Never reuse a number for another meaning.
import type { RunOutcome } from '../../domain/report.ts';

export const EXIT = {
  /** Done, or nothing to do. */
  ok: 0,
  error: 1,
  /** `nodes --check`, `plan --detailed-exitcode`: there is something to change. */
  changes: 2,
  /** Refused by policy or preflight; nothing was touched. */
  refused: 3,
  /** The run ended, but not with every node done. */
  endedWithFailures: 4,
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export const EXIT_CODE_HELP = `
Exit codes:
  0    done, or nothing to do
  1    error
  2    changes found (plan --detailed-exitcode, nodes --check)
  3    refused by policy or preflight; nothing was touched
  4    the run ended with failures, or was rolled back, aborted or cancelled
  130  interrupted; the run goes on`;

export function exitCodeOfOutcome(outcome: RunOutcome): ExitCode {
  switch (outcome) {
    case 'succeeded':
    case 'nothingToDo':
      return EXIT.ok;
    case 'failed':
    case 'rolledBack':
    case 'aborted':
    case 'cancelled':
      return EXIT.endedWithFailures;
  }
}
