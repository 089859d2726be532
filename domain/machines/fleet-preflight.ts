// What the drains behind a gate about many nodes would meet, as the plan found it: what they move, and what would
// block them. As old as the plan, which is said. Must never call a drain clear that nobody looked at.
import type { OpenGate, RunState } from './fleet-state.ts';
import { BLOCK_KINDS } from '../preflight.ts';
import type { PoolMoves } from '../preflight.ts';
import { renderRisk } from '../render/preflight.ts';

/** The gravest first; `refit plan` shows all. */
const BLOCKS_TOLD_MAX = 2;

export function preflightEvidence({ plan }: RunState, { about }: OpenGate): readonly string[] {
  if (plan === null) return [];
  const { preflight } = plan;
  if (preflight === undefined) return ['what the drains would meet was not looked at'];
  const pool = 'pool' in about && about.pool !== '' ? about.pool : undefined;
  const moves = (preflight.moves ?? []).filter((one) => pool === undefined || one.pool === pool);
  const blocks = preflight.risks.filter(({ kind }) => BLOCK_KINDS.includes(kind));
  const left = blocks.length - BLOCKS_TOLD_MAX;
  return [
    ...(moves.length === 0 ? [] : [movesText(moves, pool)]),
    ...(blocks.length === 0
      ? ['nothing in the whole plan would block a drain until a person deals with it']
      : []),
    ...blocks.slice(0, BLOCKS_TOLD_MAX).map((risk) => `in the whole plan: ${renderRisk(risk)}`),
    ...(left > 0 ? [`and ${String(left)} more kinds of blocks: refit plan shows them`] : []),
  ];
}

function movesText(moves: readonly PoolMoves[], pool: string | undefined): string {
  const sum = (of: (one: PoolMoves) => number) => String(moves.reduce((all, one) => all + of(one), 0));
  const whole = pool === undefined ? 'all pools' : `all of pool ${pool}`;
  return (
    `the drains of ${whole}, when planned: ${sum(({ pods }) => pods)} pods to move from ` +
    `${sum(({ nodes }) => nodes)} nodes, ${sum(({ ofJobs }) => ofJobs)} of them of Jobs, ` +
    `${sum(({ guarded }) => guarded)} under PDBs`
  );
}
