// What a person should know before answering a gate, one fact a line: what would happen, to which pods, under
// which budgets; what the last nodes did; what has changed since the plan. Says only what was observed.
// Bounded: a gate tells at most twenty lines, and a run keeps the last few nodes alone.
import { msBetween } from './clock-math.ts';
import { formerName } from './fleet-back.ts';
import { changesSincePlan } from './fleet-changes.ts';
import { preflightEvidence } from './fleet-preflight.ts';
import { cut } from './fleet-state.ts';
import type { ActiveChild, OpenGate, RunState, Scope } from './fleet-state.ts';
import { formatDuration } from '../duration.ts';
import type { NodeOutcome } from '../node-state.ts';
import type { DrainImpact, NodeStep } from '../plan.ts';
import { ROW_CODES, countCodes } from '../row-codes.ts';
import { own } from '../own.ts';

const LINE_CHARS_MAX = 200;
/** Five show whether it goes well. */
const ENDED_KEPT = 5;

/** Of one node whose step is known. */
export function nodeEvidence(step: NodeStep): readonly string[] {
  const { impact } = step;
  const pods = step.podsToMove === undefined ? [] : [`pods to move: ${String(step.podsToMove)}`];
  return [
    `${step.node} (${step.pool}, ${step.zone}): ${step.from ?? 'unknown release'} → ${step.release.name}`,
    ...(step.back === undefined ? [] : ['goes back to what it ran before']),
    ...(step.noWayBack === undefined ? [] : [`no way back: ${step.noWayBack}`]),
    step.back?.how === 'uncordon'
      ? 'its reimage had not begun: its cordon is lifted, and nothing else is done'
      : `image ${step.release.imageId} by ${step.reimage.method} of ${step.instanceId}`,
    ...(impact === undefined ? pods : impactLines(impact)),
    `drained within ${String(Math.round(step.drain.timeoutMs / 60_000))} minutes or ${timeoutText(step)}`,
  ].map(fit);
}

function timeoutText({ drain }: NodeStep): string {
  const { onTimeout = 'fail', deferralsLeft: left = 0 } = drain;
  if (onTimeout === 'force') return 'asked about at gate force, if bare pods hold it; else failed';
  if (onTimeout === 'fail' || left === 0) return 'failed';
  return left === 1 ? 'deferred once; then failed' : `deferred, up to ${String(left)} times; then failed`;
}

/** Of a node that is asked for again, when no step of it is at hand. */
export function rowEvidence(state: RunState, scope: Scope, node: string): readonly string[] {
  const row = scope.rows[scope.indexOf.get(node) ?? -1];
  if (row === undefined) return [node];
  if (state.rollback !== null) {
    return [`${node} (${row.pool}, ${row.zone}): back from ${row.to} to ${formerName(row)}`].map(fit);
  }
  const release = own(state.definition?.releases, row.pool);
  const image = release === undefined ? [] : [`image ${release.imageId} for ${row.instanceId}`];
  const head = `${node} (${row.pool}, ${row.zone}): ${row.from ?? 'unknown release'} → ${row.to}`;
  return [head, ...image].map(fit);
}

export function poolEvidence(state: RunState, scope: Scope, pool: string): readonly string[] {
  const waiting = scope.rows.filter(
    (row, index) => row.pool === pool && state.codes[index] === ROW_CODES.waiting,
  );
  const release = own(state.definition?.releases, pool);
  const method = state.definition?.pools.find(({ name }) => name === pool)?.policy.reimage.method;
  const first = waiting[0] === undefined ? '' : `, first ${waiting[0].node}`;
  if (state.rollback !== null) {
    return [`${String(waiting.length)} nodes of pool ${pool} would go back to what they ran before`].map(fit);
  }
  const to = release === undefined ? [] : [`to ${release.name}: image ${release.imageId} by ${method ?? ''}`];
  return [`${String(waiting.length)} nodes of pool ${pool} would be taken${first}`, ...to].map(fit);
}

function impactLines({ pods, podsTotal, kindsLeft, pdbs, pdbsLeft, blocked }: DrainImpact): string[] {
  const kinds = pods.map((one) => `${one.namespace}: ${String(one.pods)} ${one.owner}`);
  const which = kinds.length === 0 ? '' : ` (${[...kinds, ...more(kindsLeft, 'kinds')].join(', ')})`;
  const guards = pdbs.map(
    (pdb) =>
      `${pdb.namespace}/${pdb.name} over ${String(pdb.pods)} of them, ` +
      `${pdb.never ? 'which can never allow it' : `${String(pdb.disruptionsAllowed)} disruptions allowed now`}`,
  );
  const budgets = guards.length === 0 ? 'no PDB guards them' : `guarded by PDB ${guards.join('; ')}`;
  const tail = more(pdbsLeft, 'PDBs').map((text) => `; ${text}`);
  return [
    `pods to move: ${String(podsTotal)}${which}`,
    ...(podsTotal === 0 ? [] : [`${budgets}${tail.join('')}`]),
    ...blocked.map(({ namespace, name, why }) => `would block: ${namespace}/${name}: ${why}`),
  ];
}

function more(left: number, what: string): readonly string[] {
  return left === 0 ? [] : [`and ${String(left)} more ${what}`];
}

/** What stands on the screen now: what was known when the gate was opened, and what has happened since. */
export function evidenceOf(state: RunState, gate: OpenGate): readonly string[] {
  if (gate.about.kind === 'adopt') return gate.evidence;
  const counts = countCodes(state.codes);
  const { lastEnded } = state;
  return [
    ...gate.evidence,
    ...(isOfMany(gate) && state.rollback === null ? preflightEvidence(state, gate) : []),
    `so far ${String(counts.done)} done, ${String(counts.failed)} failed, ${String(counts.waiting)} waiting`,
    ...(lastEnded.length === 0 ? [] : ['the last nodes:']),
    ...lastEnded.map(({ node, text }) => `  ${node}: ${text}`),
    ...changesSincePlan(state),
  ].map(fit);
}

/** Its nodes were not looked at one by one, as one that is asked about by its name is. */
function isOfMany({ about }: OpenGate): boolean {
  return about.kind !== 'node' && about.kind !== 'force' && about.kind !== 'capacity';
}

export function withEnded(state: RunState, child: ActiveChild, outcome: NodeOutcome, at: string): RunState {
  const { startedAt, node } = child;
  const took = startedAt === undefined ? '' : ` after ${formatDuration(msBetween(startedAt, at))}`;
  const ended = { node, text: cut(outcomeText(outcome, took), LINE_CHARS_MAX / 2) };
  return { ...state, lastEnded: [...state.lastEnded, ended].slice(-ENDED_KEPT) };
}

function outcomeText(outcome: NodeOutcome, took: string): string {
  switch (outcome.kind) {
    case 'done':
      return `done and verified${took}`;
    case 'failed':
      return `failed while ${outcome.at}${took}: ${outcome.why}`;
    default:
      return `${outcome.kind === 'putBack' ? 'put back' : outcome.kind}${took}: ${outcome.why}`;
  }
}

function fit(line: string): string {
  return cut(line, LINE_CHARS_MAX);
}
