// What a run answers to `status`, `table`, `plan`, `why` and `report`: cut out of its state, bounded.
import { listWaiting } from './fleet-waiting.ts';
import { listWhyNode } from './fleet-why-node.ts';
import { rulesOf, rulesOfPool, voidAt } from './approval-rules.ts';
import { formerName, rollbackText } from './fleet-back.ts';
import { abortText } from './fleet-holding.ts';
import { deferralNow } from './fleet-deferral.ts';
import { evidenceOf } from './fleet-evidence.ts';
import { phaseOf, phaseWhyOf } from './fleet-phase.ts';
import { describeYes } from './fleet-standing.ts';
import { cutProgress } from './fleet-state.ts';
import type { ActiveChild, OpenGate, RunState, Scope } from './fleet-state.ts';
import type { NodeStateName } from '../node-state.ts';
import type { PlanRow } from '../plan.ts';
import { REPORT_NOTES_MAX } from '../report.ts';
import type { RunReport } from '../report.ts';
import { ROW_CODES, countCodes } from '../row-codes.ts';
import { PAGE_LIMIT_DEFAULT, PAGE_LIMIT_MAX } from '../status.ts';
import type {
  ActiveNode,
  Gate,
  PageQuery,
  PlanPage,
  ReportAnswer,
  RunStatus,
  TablePage,
  TableRow,
  WaitingItem,
  WhyPage,
} from '../status.ts';
import type { RunDefinition } from '../run.ts';
import { own } from '../own.ts';

export type RunIds = { workflowId: string; firstExecutionRunId: string };

// A status at its worst stays under 256 KB: 100 children with 100 reasons are 80 KB, 50 ignored messages
// 70 KB, 40 gates 45 KB, 30 waiting things 28 KB, 50 events 17 KB.
const ACTIVE_TOLD_MAX = 100;
const BLOCKERS_TOLD_MAX = 100;
const GATES_TOLD_MAX = 40;
const STANDING_TOLD_MAX = 20;
/** Each of 3.5 KB at its worst; of the others the head, until their turn comes. */
const GATES_WHOLE_MAX = 10;
const GATE_HEAD_LINES = 3;
const WAITING_TOLD_MAX = 30;
/** 200 waiting things of 950 bytes. */
const WHY_PAGE_MAX = 200;
/** Of the newest failures that the status names; the table has the others. */
const NODE_NOTE_CHARS_MAX = 200;

export function statusOf(state: RunState, ids: RunIds): RunStatus {
  const { definition } = state;
  const { wentBack, ...counts } = countCodes(state.codes);
  return {
    workflowId: ids.workflowId,
    fleet: definition?.fleet ?? '',
    cluster: definition?.cluster.name ?? '',
    requestedBy: definition?.requestedBy ?? null,
    startedAt: state.startedAt,
    phase: phaseOf(state),
    phaseWhy: phaseWhyOf(state),
    outcome: state.outcome,
    planDigest: state.plan?.digest ?? null,
    counts: { total: state.codes.length, ...counts, ...countedApart(state), ...countedBack(wentBack) },
    active: cutProgress(Object.values(state.active).slice(0, ACTIVE_TOLD_MAX), BLOCKERS_TOLD_MAX).map(
      activeNodeOf,
    ),
    waiting: listWaiting(state).slice(0, WAITING_TOLD_MAX),
    gates: gatesOf(state, ids),
    ...standingOf(state),
    ignored: state.ignored,
    events: state.events,
    reportDigest: state.reportDigest,
  };
}

/** Most runs have none. */
function countedApart({ failedNotReady }: RunState): { failedNotReady?: number } {
  return failedNotReady === 0 ? {} : { failedNotReady };
}

function countedBack(wentBack: number): { wentBack?: number } {
  return wentBack === 0 ? {} : { wentBack };
}

function activeNodeOf(child: ActiveChild): ActiveNode {
  const { node, pool, childId, attempt, state, since, until, progress } = child;
  return { node, pool, childId, attempt, state, since, until, progress };
}

function gateOf(state: RunState, gate: OpenGate, { workflowId }: RunIds): Gate {
  const rules = rulesOf(state, gate.about);
  const input = JSON.stringify({ gate: gate.name, by: 'YOU' });
  return {
    name: gate.name,
    openedAt: gate.openedAt,
    evidence: evidenceOf(state, gate),
    answers: [
      `refit approve ${gate.name} -w ${workflowId}`,
      `refit reject ${gate.name} -w ${workflowId}`,
      `temporal workflow signal -w ${workflowId} --name approve -i '${input}'`,
    ],
    approvers: rules.approvers,
    yeses: (gate.yeses ?? []).map(({ by, at }) => ({ by, at, until: voidAt(at, rules) })),
    ...(rules.selfApproval ? {} : { notBy: state.definition?.requestedBy ?? 'whoever asked for the run' }),
  };
}

/** Those about more than one node, and those that list pods, are few, and come first. */
function gatesOf(state: RunState, ids: RunIds): readonly Gate[] {
  const ofNodes = state.gates.filter(({ about }) => about.kind === 'node');
  const others = state.gates.filter(({ about }) => about.kind !== 'node');
  return [...others, ...ofNodes]
    .slice(0, GATES_TOLD_MAX)
    .map((gate, index) =>
      listsAll(gate) ? gateOf(state, gate, ids) : cutGate(gateOf(state, gate, ids), index),
    );
}

/** Its list is the question. */
function listsAll({ about }: OpenGate): boolean {
  return about.kind === 'force' || about.kind === 'capacity';
}

function cutGate(gate: Gate, index: number): Gate {
  if (index < GATES_WHOLE_MAX) return gate;
  const { evidence, yeses = [] } = gate;
  return {
    ...gate,
    evidence: evidence.slice(0, GATE_HEAD_LINES),
    yeses: yeses.slice(0, GATE_HEAD_LINES),
  };
}

/** Most runs have none. */
function standingOf(state: RunState): Pick<RunStatus, 'standing'> {
  const live = state.standing.filter(({ left }) => left !== 0).slice(-STANDING_TOLD_MAX);
  if (live.length === 0) return {};
  const standing = live.map((yes) => ({
    by: yes.by,
    at: yes.at,
    until: voidAt(yes.at, rulesOfPool(state, yes.pool)),
    what: describeYes(yes),
    left: yes.left,
  }));
  return { standing };
}

export function tableOf(state: RunState, scope: Scope, query: PageQuery): TablePage {
  const page = pageOf(
    scope.rows,
    query,
    (row) => row.node,
    (row) => row.pool,
  );
  return { ...page, rows: page.rows.map((row) => tableRowOf(state, scope, row)) };
}

function tableRowOf(state: RunState, scope: Scope, row: PlanRow): TableRow {
  const code = state.codes[scope.indexOf.get(row.node) ?? -1];
  const child = own(state.active, row.node);
  const note = own(state.notes, row.node);
  const deferral = deferralNow(state, row.node);
  return {
    node: row.node,
    pool: row.pool,
    zone: row.zone,
    state: child?.state ?? (deferral === undefined ? shownState(code, row, note?.state) : 'deferred'),
    since: child?.since ?? deferral?.since ?? note?.at ?? null,
    ...directionOf(state, row, code),
    attempt: child?.attempt ?? own(state.attempts, row.node) ?? 1,
    note: noteText(state, row, child, code).slice(0, NODE_NOTE_CHARS_MAX),
  };
}

/** A row that goes back, or has gone, shows it. */
function directionOf(
  { rollback, active }: RunState,
  row: PlanRow,
  code: string | undefined,
): Pick<TableRow, 'from' | 'to'> {
  const waits = code === ROW_CODES.waiting || code === ROW_CODES.active;
  const isForward = own(active, row.node)?.back === undefined && own(active, row.node) !== undefined;
  const isBack = code === ROW_CODES.wentBack || (rollback !== null && waits && !isForward);
  return isBack ? { from: row.to, to: formerName(row) } : { from: row.from, to: row.to };
}

function shownState(code: string | undefined, row: PlanRow, noted: string | undefined): NodeStateName {
  if (code === ROW_CODES.failed) return 'failed';
  if (code === ROW_CODES.waiting || code === ROW_CODES.active) return 'waiting';
  if (code === ROW_CODES.leftAlone && row.disposition.kind === 'leftAlone' && noted === undefined) {
    const { kind } = row.disposition.why;
    if (kind === 'cordonedByOther') return 'cordoned-by-other';
    if (kind === 'quarantined') return 'quarantined';
  }
  return 'normal';
}

function noteText(
  state: RunState,
  row: PlanRow,
  child: ActiveChild | undefined,
  code: string | undefined,
): string {
  if (child !== undefined) {
    const { progress } = child;
    if (progress === null) return '';
    const first = progress.blockers[0];
    const left = `${String(progress.podsLeft)} of ${String(progress.podsTotal)} pods left`;
    return first === undefined ? left : `${left}; ${first.namespace}/${first.pod}: ${first.text}`;
  }
  const deferral = deferralNow(state, row.node);
  if (deferral !== undefined) return deferral.text;
  const note = own(state.notes, row.node);
  if (note !== undefined) return note.why;
  if (code === ROW_CODES.active) return 'waits for approval';
  if (code === ROW_CODES.done) return `done: ${row.to}`;
  if (code === ROW_CODES.wentBack) return `went back: ${formerName(row)}`;
  if (code === ROW_CODES.waiting && state.rollback !== null) return `to go back to ${formerName(row)}`;
  if (code === ROW_CODES.upToDate) return 'up to date';
  if (code === ROW_CODES.skipped) return 'dropped before it began';
  return row.disposition.kind === 'leftAlone' ? row.disposition.why.text : '';
}

export function planOf(state: RunState, scope: Scope, query: PageQuery): PlanPage {
  const page = pageOf(
    scope.rows,
    query,
    (row) => row.node,
    (row) => row.pool,
  );
  return { summary: state.plan, ...page };
}

export function whyOf(state: RunState, scope: Scope, query: PageQuery): WhyPage {
  const limit = Math.min(query.limit ?? PAGE_LIMIT_DEFAULT, WHY_PAGE_MAX);
  // `gate/node/ip-…` and `node/ip-…` are both about that node.
  const nodeOf = ({ subject }: WaitingItem) =>
    subject.replace(/^gate\//, '').replace(/^(node|force|capacity)\//, '');
  const poolOf = (item: WaitingItem) => {
    const row = scope.rows[scope.indexOf.get(nodeOf(item)) ?? -1];
    const gate = state.gates.find(({ name }) => `gate/${name}` === item.subject);
    if (gate !== undefined && 'pool' in gate.about) return gate.about.pool;
    return row?.pool ?? nodeOf(item).replace(/^pool\//, '');
  };
  const all = listWaiting(state);
  const { node } = query;
  const itsOwn = node === undefined || all.some((item) => nodeOf(item) === node);
  const told = itsOwn ? all : listWhyNode(state, scope, node);
  const page = pageOf(told, { ...query, limit }, nodeOf, poolOf);
  return { items: page.rows, total: page.total, next: page.next };
}

/** The page is of the report's notes; all else in it is of the whole run. */
export function reportOf(
  state: RunState,
  scope: Scope,
  ids: RunIds,
  o: { now: string; query: PageQuery },
): ReportAnswer {
  const report = reportAt(state, scope, ids, state.endedAt ?? o.now);
  if (report === null) return { report, digest: state.reportDigest, next: null };
  const query = { ...o.query, limit: o.query.limit ?? REPORT_NOTES_MAX };
  const poolOf = (node: string) => scope.rows[scope.indexOf.get(node) ?? -1]?.pool ?? '';
  const page = pageOf(
    listNotes(state, scope),
    query,
    (note) => note.node,
    (note) => poolOf(note.node),
  );
  return {
    report: { ...report, notes: page.rows, notesTotal: page.total },
    digest: state.reportDigest,
    next: page.next,
  };
}

/** The report as far as it is known at `endedAt`; null before there is a definition. */
export function reportAt(state: RunState, scope: Scope, ids: RunIds, endedAt: string): RunReport | null {
  const { definition } = state;
  if (definition === null) return null;
  const counts = countCodes(state.codes);
  const notes = listNotes(state, scope);
  return {
    ...ids,
    fleet: definition.fleet,
    cluster: definition.cluster.name,
    requestedBy: definition.requestedBy,
    startedAt: state.startedAt,
    endedAt,
    outcome: state.outcome,
    outcomeWhy: outcomeWhyOf(state),
    plan: state.plan,
    counts: {
      total: state.codes.length,
      done: counts.done,
      failed: counts.failed,
      ...countedApart(state),
      skipped: counts.skipped,
      upToDate: counts.upToDate,
      leftAlone: counts.leftAlone,
      ...countedBack(counts.wentBack),
      // A node at work when the report was asked for is not done.
      waiting: counts.waiting + counts.active,
    },
    notes: notes.slice(0, REPORT_NOTES_MAX),
    notesTotal: notes.length,
    ...scopeOf(definition),
  };
}

function scopeOf({ tier, nodes, pools, releases, releaseDigests }: RunDefinition): Pick<RunReport, 'scope'> {
  if (releaseDigests === undefined) return {};
  const ofPools = pools.map(({ name }) => ({
    name,
    release: own(releases, name)?.name ?? '',
    releaseDigest: own(releaseDigests, name) ?? '',
  }));
  return { scope: { tier, nodesNamed: nodes !== null, pools: ofPools } };
}

function outcomeWhyOf({ aborting, rollback }: RunState): string | null {
  if (aborting !== null) return abortText(aborting);
  return rollback === null ? null : rollbackText(rollback);
}

function listNotes(state: RunState, scope: Scope): { node: string; state: string; why: string }[] {
  return scope.rows.flatMap((row, index) => {
    const note = own(state.notes, row.node);
    if (note !== undefined) return [{ node: row.node, state: note.state, why: note.why }];
    const code = state.codes[index];
    if (code === ROW_CODES.wentBack)
      return [{ node: row.node, state: 'wentBack', why: `went back to ${formerName(row)}` }];
    if (code === ROW_CODES.skipped)
      return [{ node: row.node, state: 'skipped', why: 'dropped before it began' }];
    if (code !== ROW_CODES.leftAlone || row.disposition.kind !== 'leftAlone') return [];
    return [{ node: row.node, state: 'leftAlone', why: row.disposition.why.text }];
  });
}

function pageOf<T>(
  all: readonly T[],
  query: PageQuery,
  nodeOf: (item: T) => string,
  poolOf: (item: T) => string,
): { rows: readonly T[]; total: number; next: string | null } {
  const chosen = all.filter(
    (item) =>
      (query.pool === undefined || poolOf(item) === query.pool) &&
      (query.node === undefined || nodeOf(item) === query.node),
  );
  const after = chosen.findLastIndex((item) => nodeOf(item) === query.after);
  const start = query.after === undefined ? 0 : after + 1;
  let end = Math.min(chosen.length, start + Math.min(query.limit ?? PAGE_LIMIT_DEFAULT, PAGE_LIMIT_MAX));
  // All that is told of one node stands on one page, since the next page begins after a node.
  while (end < chosen.length && nodeOf(chosen[end] as T) === nodeOf(chosen[end - 1] as T)) end += 1;
  const rows = chosen.slice(start, end);
  const last = rows.at(-1);
  return {
    rows,
    total: chosen.length,
    next: end < chosen.length && last !== undefined ? nodeOf(last) : null,
  };
}
