// Why a yes for a plan was refused by a run that has another one: what differs between the plan that was looked
// at and the plan of the run, out of the records. Only explains; must never fail in the place of the refusal.
import { isPlanBasis, listMoves } from '../../domain/plan-moves.ts';
import { renderMoves } from '../../domain/render/moves.ts';
import type { CliContext } from './context.ts';
import type { TemporalSide } from './temporal-side.ts';

/** Empty when the message was for no plan, or for the plan that the run has. */
export async function listMovedHints(
  context: CliContext,
  temporal: TemporalSide,
  workflowId: string,
  content: object,
): Promise<readonly string[]> {
  const looked: unknown = 'planDigest' in content ? content.planDigest : undefined;
  if (typeof looked !== 'string') return [];
  const status = await temporal.query(workflowId, 'status').catch(() => undefined);
  const has = status?.planDigest ?? null;
  if (has === null || has === looked) return [];
  const read = async (digest: string): Promise<unknown> => (await context.records())?.get(digest);
  const [before, after] = await Promise.all(
    [looked, has].map((digest) => read(digest).catch(() => undefined)),
  );
  if (!isPlanBasis(before) || !isPlanBasis(after)) {
    return ['What has moved between the two plans is not known: both must stand in REFIT_RECORDS'];
  }
  const moves = renderMoves(listMoves(before, after));
  return ['From the plan that was looked at to the plan of the run:', ...moves.map((line) => `  ${line}`)];
}
