// What has moved between the plan that somebody demanded and the plan as it is, in lines: the failure of a
// run, and what `refit plan` and `refit approve` say.
import type { PlanMove } from '../plan-moves.ts';
import { printable } from './printable.ts';

export function renderPlanChanged(demanded: string, found: string, moved: readonly PlanMove[]): string {
  return [
    `the plan is ${found} now, the start was for ${demanded}: ` +
      'look at the new plan (refit plan), then start with its digest or without any',
    ...renderMoves(moved),
  ].join('\n');
}

/** `release: image of release 2026.11: ami-1 --> ami-2` */
export function renderMoves(moved: readonly PlanMove[]): readonly string[] {
  return moved.map(({ part, text }) => `${part}: ${printable(text, TEXT_CHARS_MAX)}`);
}

/** Longer than a move may be. */
const TEXT_CHARS_MAX = 400;
