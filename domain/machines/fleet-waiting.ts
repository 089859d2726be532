// For each thing that waits: on what, since when, until when, and what would free it.
import { tally } from './approval-rules.ts';
import { deferralNow } from './fleet-deferral.ts';
import { phaseWhyOf } from './fleet-phase.ts';
import { cut, hasCode } from './fleet-state.ts';
import type { ActiveChild, OpenGate, RunState } from './fleet-state.ts';
import type { DrainBlocker } from '../node-state.ts';
import type { WaitingItem, WaitingKind } from '../status.ts';

/** 500 items of 500 characters stay under what a query may answer. */
const TEXT_CHARS_MAX = 400;

export function listWaiting(state: RunState): readonly WaitingItem[] {
  if (state.outcome !== null) return [];
  return [
    ...listForRun(state),
    ...state.gates.map((gate) => gateItem(state, gate)),
    ...Object.values(state.active).flatMap((child) => listForChild(state, child)),
    ...Object.entries(state.notes).flatMap(([node, note]) =>
      note.state === 'failed' && state.tripped !== null
        ? [
            item(
              `node/${node}`,
              note.why,
              note.at,
              null,
              `refit retry ${node}, refit skip ${node}, or abort`,
              'failed',
            ),
          ]
        : [],
    ),
    ...listForDeferred(state),
    ...listForPlan(state),
  ];
}

function item(
  subject: string,
  on: string,
  since: string,
  until: string | null,
  freedBy: string,
  kind?: WaitingKind,
): WaitingItem {
  return {
    subject,
    ...(kind === undefined ? {} : { kind }),
    on: cut(on, TEXT_CHARS_MAX),
    since,
    until,
    freedBy: cut(freedBy, TEXT_CHARS_MAX),
  };
}

function listForRun(state: RunState): readonly WaitingItem[] {
  const why = phaseWhyOf(state);
  if (why === null || state.aborting !== null) return [];
  const { paused, tripped, hold, planFailure } = state;
  if (paused !== null) return [item('run', why, paused.at, null, 'refit resume, or refit abort', 'paused')];
  if (tripped !== null) {
    return [
      item(
        'run',
        why,
        tripped.at,
        null,
        hasCode(state, 'failed')
          ? 'refit retry or refit skip of the failed nodes, then refit resume; or refit abort'
          : 'refit resume, or refit abort',
        'tripped',
      ),
    ];
  }
  if (hold.kind === 'waiting') {
    const adopting = state.gates.some(({ about }) => about.kind === 'adopt');
    const freedBy = adopting
      ? 'refit approve adopt, or refit reject adopt'
      : 'the end of that run, or refit abort of this one';
    return [item('run', why, hold.since, null, freedBy, adopting ? 'approval' : 'anotherRun')];
  }
  if (planFailure === null) return [];
  const freedBy = 'it is tried again by itself; refit pause or abort stops it';
  return [item('run', why, planFailure.since, null, freedBy, 'planning')];
}

function gateItem(state: RunState, gate: OpenGate): WaitingItem {
  const yeses = tally(state, gate);
  return item(
    `gate/${gate.name}`,
    `approval${yeses === undefined ? '' : ` (${yeses})`}: ${gate.evidence[0] ?? ''}`,
    gate.openedAt,
    null,
    `refit approve ${gate.name}, or refit reject ${gate.name}`,
    'approval',
  );
}

function listForChild(state: RunState, child: ActiveChild): readonly WaitingItem[] {
  const { node, stranded } = child;
  const subject = `node/${node}`;
  if (stranded !== undefined) {
    return [
      item(subject, stranded.why, stranded.at, null, `refit retry ${node}, refit skip ${node}, or abort`),
    ];
  }
  const asked = state.gates.find(({ about }) => about.kind === 'capacity' && about.node === node);
  if (asked !== undefined) {
    const on = `drained; approval of gate ${asked.name}`;
    return [
      item(subject, on, asked.openedAt, null, `refit approve ${asked.name}, or refit reject ${asked.name}`),
    ];
  }
  if (child.progress === null) {
    return [item(subject, child.state, child.since, child.until, freedByState(child), child.state)];
  }
  const { podsLeft, podsTotal, blockers, blockersTotal } = child.progress;
  if (blockers.length === 0) {
    const on = `draining: ${String(podsLeft)} of ${String(podsTotal)} pods left`;
    return [item(subject, on, child.since, child.until, 'the pods end by themselves', child.state)];
  }
  const more = blockersTotal > blockers.length ? ` (one of ${String(blockersTotal)} reasons)` : '';
  return blockers.map((blocker) =>
    item(
      subject,
      `${blockerText(blocker)}${more}`,
      blocker.since,
      child.until,
      freedByBlocker(blocker, child.node),
      blocker.kind,
    ),
  );
}

function blockerText(blocker: DrainBlocker): string {
  const pdbs = blocker.pdbs.length === 0 ? '' : ` held by PDB ${blocker.pdbs.join(' and ')}`;
  const allowed =
    blocker.disruptionsAllowed === null ? '' : ` (${String(blocker.disruptionsAllowed)} disruptions allowed)`;
  return `pod ${blocker.namespace}/${blocker.pod}${pdbs}${allowed}: ${blocker.text}`;
}

function freedByBlocker(blocker: DrainBlocker, node: string): string {
  switch (blocker.kind) {
    case 'pdb':
    case 'pdbStale':
      return `PDB ${blocker.pdbs[0] ?? ''} allowing a disruption; the drain then goes on by itself`;
    case 'pdbNever':
      return `a change of PDB ${blocker.pdbs[0] ?? ''}, which can never allow it; or refit skip ${node}`;
    case 'twoPdbs':
      return `removing the pod from all PDBs but one; or refit skip ${node}`;
    case 'bare':
    case 'daemonSetMissing':
    case 'annotation':
      return `the pod's end or a person's deleting it; or refit skip ${node}`;
    case 'rule':
      return `what the rule waits for, or its deadline; or refit skip ${node}`;
    case 'terminating':
      return 'the pod ending by itself';
    case 'conflict':
    case 'other':
      return `it is tried again by itself; or refit skip ${node}`;
  }
}

function freedByState(child: ActiveChild): string {
  switch (child.state) {
    case 'draining':
      return 'its pods moving away';
    case 'cordoned':
      return 'refit resume: it is drained, and goes on to its reimage then';
    case 'reimaging':
      return 'its new root volume, or the end of its reboot or replacement';
    case 'rejoining':
      return 'the node being Ready again';
    case 'soaking':
      return 'the end of its soak, when it stays as it is until then';
    default:
      return 'it goes on by itself';
  }
}

/** Each of them by its name: the planner tells one line for all. */
function listForDeferred(state: RunState): readonly WaitingItem[] {
  if (state.aborting !== null) return [];
  return Object.keys(state.deferred).flatMap((node) => {
    const known = deferralNow(state, node);
    if (known === undefined) return [];
    const { since, until, text, lacks } = known;
    const again =
      lacks === undefined
        ? 'it is taken up again then'
        : 'capacity for another instance: it is tried again then';
    return [
      item(
        `node/${node}`,
        text,
        since,
        until,
        `${again}; or refit skip ${node}`,
        lacks === undefined ? 'deferred' : 'noCapacity',
      ),
    ];
  });
}

function listForPlan(state: RunState): readonly WaitingItem[] {
  const { lastPlan } = state;
  if (lastPlan === null || state.aborting !== null || state.paused !== null || state.tripped !== null)
    return [];
  const others = lastPlan.waiting.filter(({ why }) => why.kind !== 'deferred' && why.kind !== 'noCapacity');
  return others.map(({ why, nodes, example, since }) =>
    item(
      `node/${example}`,
      nodes === 1 ? why.text : `${why.text} (and ${String(nodes - 1)} more wait for the same)`,
      since ?? lastPlan.at,
      why.until ?? null,
      why.freedBy ?? 'it is looked at again by itself',
      why.kind,
    ),
  );
}
