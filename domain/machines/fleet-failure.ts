// When failures stop a run, and how: judged for each pool by its own policy, each time one of its nodes
// ends. A failure is a node that ended as failed: its drain timed out, its reimage failed, it did not
// rejoin, it was not what its release promises. What was skipped, put back, deferred or left alone is none,
// and nodes that were not Ready before the run are counted apart (fleet-apart.ts). A canary's failure is one
// too many whatever the policy allows.
// Must never count twice what a person has acknowledged by a resume.
import type { FleetCommand, FleetEvent } from './fleet-events.ts';
import { isApart } from './fleet-apart.ts';
import { closeForAbort } from './fleet-holding.ts';
import { startRollback } from './fleet-rollback.ts';
import { decisionOf, nodesWithCode, withEvent, without } from './fleet-state.ts';
import type { RunState, Scope } from './fleet-state.ts';
import type { Pool } from '../fleet.ts';
import type { NodeOutcome } from '../node-state.ts';
import { ROW_CODES } from '../row-codes.ts';
import { own } from '../own.ts';

export type Judged = { state: RunState; commands: readonly FleetCommand[] };

/** Earlier, one failure among the first few nodes would be a rate that means nothing. */
const RATED_FROM_ENDED = 20;
/** More names than these are in the table. */
const NODES_NAMED_MAX = 5;

/** Counts failures one after another: a node that is put back, deferred or left alone ends no row of them. */
export function countInRow(state: RunState, pool: string, outcome: NodeOutcome['kind']): RunState {
  if (outcome === 'done') {
    if (!Object.hasOwn(state.failuresInRow, pool)) return state;
    return { ...state, failuresInRow: without(state.failuresInRow, pool) };
  }
  if (outcome !== 'failed') return state;
  const inRow = (own(state.failuresInRow, pool) ?? 0) + 1;
  return { ...state, failuresInRow: { ...state.failuresInRow, [pool]: inRow } };
}

/** After a node of this pool has failed. */
export function judgeFailure(
  state: RunState,
  scope: Scope,
  { node, pool: poolName }: { node: string; pool: string },
  at: string,
): Judged {
  if (isApart(scope, node)) return { state, commands: [] };
  const pool = state.definition?.pools.find(({ name }) => name === poolName);
  const failures = listUnacknowledged(state, scope, poolName);
  const failuresMax = pool?.policy.failure.failuresMax ?? 0;
  const inRow = own(state.failuresInRow, poolName) ?? 0;
  const inRowMax = pool?.policy.failure.consecutiveMax ?? null;
  const row = scope.rows[scope.indexOf.get(node) ?? -1];
  // It went first so that its failure would be one too many; later on it is a node like any other.
  if (row?.canary === true && own(state.canaries, poolName)?.passed !== true) {
    return exceed(state, scope, pool, `canary ${node} of pool ${poolName} failed`, at);
  }
  if (failures.length > failuresMax) {
    const why = `${String(failures.length)} failed in pool ${poolName}, ${String(failuresMax)} allowed: ${named(failures)}`;
    return exceed(state, scope, pool, why, at);
  }
  if (inRowMax !== null && inRow >= inRowMax) {
    const why = `${String(inRow)} failed one after another in pool ${poolName}, and consecutiveMax is ${String(inRowMax)}: ${named(failures)}`;
    return exceed(state, scope, pool, why, at);
  }
  return { state, commands: [] };
}

/** What may end a node, or leave a pool with nothing more to do: after these the rates are judged. */
export function mayEndNodes(event: FleetEvent): boolean {
  switch (event.kind) {
    case 'nodeEnded':
    case 'skipNode':
    case 'reject':
      return true;
    case 'stepsOffered':
      return event.next.settled.length > 0;
    default:
      return false;
  }
}

/** The success rate of each pool that asks for one. */
export function judgeRates(state: RunState, scope: Scope, at: string): Judged {
  for (const pool of state.definition?.pools ?? []) {
    const why = whyTooFewSucceed(state, scope, pool);
    if (why !== undefined) return exceed(state, scope, pool, why, at);
  }
  return { state, commands: [] };
}

function whyTooFewSucceed(state: RunState, scope: Scope, pool: Pool): string | undefined {
  const min = pool.policy.failure.successMinPercent;
  if (min === null) return undefined;
  const failures = listUnacknowledged(state, scope, pool.name);
  if (failures.length === 0) return undefined;
  const { done, open } = countOfPool(state, scope, pool.name);
  const ended = done + failures.length;
  if (ended < RATED_FROM_ENDED && open) return undefined;
  if (done * 100 >= min * ended) return undefined;
  const when = open ? '' : ' at its end';
  return (
    `${String(done)} of ${String(ended)} ended nodes of pool ${pool.name} have succeeded${when}, ` +
    `and successMin is ${String(min)}%; failed: ${named(failures)}`
  );
}

function countOfPool(state: RunState, scope: Scope, pool: string): { done: number; open: boolean } {
  let done = 0;
  let open = false;
  scope.rows.forEach((row, index) => {
    if (row.pool !== pool || row.wasNotReady === true) return;
    const code = state.codes[index];
    if (code === ROW_CODES.done) done += 1;
    if (code === ROW_CODES.waiting || code === ROW_CODES.active) open = true;
  });
  const retried = state.retries.some(({ node }) => scope.rows[scope.indexOf.get(node) ?? -1]?.pool === pool);
  return { done, open: open || retried };
}

function listUnacknowledged(state: RunState, scope: Scope, pool: string): readonly string[] {
  return nodesWithCode(state, scope, ROW_CODES.failed).filter(
    (node) =>
      scope.rows[scope.indexOf.get(node) ?? -1]?.pool === pool &&
      !isApart(scope, node) &&
      !state.acknowledged.includes(node),
  );
}

function named(nodes: readonly string[]): string {
  return nodes.slice(0, NODES_NAMED_MAX).join(', ');
}

/** What the pool's policy says to do about it. Nothing more happens to a run that is held or ending already. */
function exceed(state: RunState, scope: Scope, pool: Pool | undefined, why: string, at: string): Judged {
  const { tripped, aborting, rollback } = state;
  if (tripped !== null || aborting !== null || rollback !== null) return { state, commands: [] };
  switch (pool?.policy.failure.onExceeded) {
    case 'stop':
      return stopRun(state, scope, pool.policy.name, why, at);
    case 'rollback': {
      const by = `policy ${pool.policy.name}`;
      return startRollback(state, scope, { kind: 'policy', by, reason: why, at });
    }
    case 'pause':
    case undefined:
      return tripRun(state, why, at);
  }
}

/** The run waits for a person: nodes before their reimage go back, later ones are finished. */
export function tripRun(state: RunState, why: string, at: string): Judged {
  // One that has given its capacity up has no way back: it waits where it stands.
  const others = Object.values(state.active).filter(
    (child) => !child.retry && child.told === null && child.stranded === undefined,
  );
  const told = Object.fromEntries(
    others.map((child) => [child.node, { ...child, told: 'putBack' as const }]),
  );
  const tripped: RunState = { ...state, tripped: { at, why }, active: { ...state.active, ...told } };
  return {
    state: withEvent(tripped, at, `paused: ${why}`),
    commands: others.map(({ childId }) => ({
      kind: 'tell',
      childId,
      control: { kind: 'putBack', why: `the run is paused: ${why}` },
    })),
  };
}

/** The run ends by itself: as after an abort, save that it has failed, and that nobody said so. */
function stopRun(state: RunState, scope: Scope, policy: string, why: string, at: string): Judged {
  const by = `policy ${policy}`;
  const { state: closed, commands } = closeForAbort(state, scope, { kind: 'stopped', by, reason: why, at });
  const decision = decisionOf(at, 'stop', { by, reason: why });
  return {
    state: withEvent(closed, at, `stopped by ${by}: ${why}`),
    commands: [{ kind: 'record', decision }, ...commands],
  };
}
