// What a promotion answers to `status`, `table`, `why` and `report`: its clusters, and of the one at work what
// was seen there last. Bounded. Gates and nodes of a cluster are named `<cluster>/…`.
import type { PromotionRow } from '../promotion.ts';
import type { RunReport } from '../report.ts';
import type {
  Gate,
  PageQuery,
  RunPhase,
  RunStatus,
  TablePage,
  TableRow,
  WaitingItem,
  WhyPage,
} from '../status.ts';
import { PAGE_LIMIT_DEFAULT } from '../status.ts';
import { cut } from './fleet-state.ts';
import type { RunIds } from './fleet-views.ts';
import { nextPromotionStep, soakBelow } from './promotion.ts';
import { clusterAtWork } from './promotion-state.ts';
import type { ClusterWay, PromotionState } from './promotion-state.ts';

const NO_NODES: RunStatus['counts'] = {
  total: 0,
  waiting: 0,
  active: 0,
  done: 0,
  failed: 0,
  skipped: 0,
  upToDate: 0,
  leftAlone: 0,
};
const NOTE_CHARS_MAX = 300;

export function promotionStatus(state: PromotionState, ids: RunIds): RunStatus {
  const { definition } = state;
  const atWork = clusterAtWork(state);
  const gates = (atWork?.seen?.gates ?? []).map((gate) => ownGate(gate, atWork?.cluster ?? '', ids));
  return {
    workflowId: ids.workflowId,
    fleet: definition?.fleet ?? '',
    cluster: atWork?.cluster ?? '',
    requestedBy: definition?.requestedBy ?? null,
    startedAt: state.startedAt,
    phase: promotionPhase(state),
    phaseWhy: promotionWhy(state),
    outcome: state.outcome,
    planDigest: null,
    counts: sumCounts(state),
    active: [],
    waiting: listPromotionWaiting(state),
    gates,
    ignored: state.ignored,
    events: state.events,
    reportDigest: state.reportDigest,
    promotion: { release: definition?.release ?? null, rows: state.clusters.map((way) => rowOf(state, way)) },
  };
}

/** The same question, answered here: the promotion passes it on. */
function ownGate(gate: Gate, cluster: string, { workflowId }: RunIds): Gate {
  const name = `${cluster}/${gate.name}`;
  const input = JSON.stringify({ gate: name, by: 'YOU' });
  return {
    ...gate,
    name,
    answers: [
      `refit approve ${name} -w ${workflowId}`,
      `refit reject ${name} -w ${workflowId}`,
      `temporal workflow signal -w ${workflowId} --name approve -i '${input}'`,
    ],
  };
}

export function promotionPhase(state: PromotionState): RunPhase {
  if (state.outcome !== null) return 'ended';
  if (state.aborting !== null) return 'aborting';
  if (state.paused !== null) return 'paused';
  if (state.definition === null) return 'preparing';
  return clusterAtWork(state)?.seen?.phase === 'paused' ? 'paused' : 'running';
}

function promotionWhy(state: PromotionState): string | null {
  const { aborting, paused, failed, judgeFailure } = state;
  if (aborting !== null)
    return `${aborting.kind === 'abort' ? 'aborted' : 'cancelled'} by ${aborting.by}: ${aborting.reason}`;
  if (failed !== null) return failed.why;
  if (paused !== null) return `paused by ${paused.by}: ${paused.reason}`;
  if (judgeFailure !== null) return `the records cannot be asked what has soaked: ${judgeFailure}`;
  const atWork = clusterAtWork(state);
  if (atWork !== undefined) {
    const why = atWork.seen?.phaseWhy ?? null;
    return why === null ? null : `${atWork.cluster}: ${why}`;
  }
  return whyNotNext(state)?.text ?? null;
}

/** Why the next cluster is not begun. */
function whyNotNext(
  state: PromotionState,
): { way: ClusterWay; text: string; until: string | null } | undefined {
  const way = state.clusters.find(({ startedAt }) => startedAt === null);
  if (way === undefined || state.outcome !== null) return undefined;
  if (way.refused !== null) return { way, text: `${way.cluster} is not begun: ${way.refused}`, until: null };
  const until = soakBelow(state, way);
  if (until === null) return undefined;
  return { way, text: `the tier below ${way.tier} soaks until ${until}`, until };
}

export function promotionWaitingOn(state: PromotionState): string {
  if (state.outcome !== null) return 'nothing';
  const atWork = clusterAtWork(state);
  const [gate] = atWork?.seen?.gates ?? [];
  if (atWork !== undefined && gate !== undefined) return `gate:${atWork.cluster}/${gate.name}`;
  if (state.paused !== null) return 'resume';
  return nextPromotionStep(state).kind === 'soak' ? 'soak' : 'nothing';
}

export function listPromotionWaiting(state: PromotionState): readonly WaitingItem[] {
  if (state.outcome !== null || state.aborting !== null) return [];
  const atWork = clusterAtWork(state);
  const { paused } = state;
  const own: WaitingItem[] = [];
  if (paused !== null) {
    const on = `paused by ${paused.by}: ${paused.reason}`;
    own.push({ subject: 'run', on, since: paused.at, until: null, freedBy: 'refit resume, or refit abort' });
  }
  const ofRun = (atWork?.seen?.waiting ?? []).map((item) => ({
    ...item,
    subject: item.subject.replace(/^(gate\/|node\/|pool\/)?/, `$1${atWork?.cluster ?? ''}/`),
  }));
  return [...own, ...ofRun, ...listClustersWaiting(state, atWork)];
}

/** One reason for each cluster that has not begun. */
function listClustersWaiting(state: PromotionState, atWork: ClusterWay | undefined): readonly WaitingItem[] {
  if (state.failed !== null) return [];
  const since = state.clusters.findLast(({ ended }) => ended !== null)?.ended?.at ?? state.startedAt;
  const next = whyNotNext(state);
  return state.clusters
    .filter(({ startedAt }) => startedAt === null)
    .map((way) => {
      const subject = `cluster/${way.cluster}`;
      if (next?.way === way && atWork === undefined) {
        const freedBy =
          next.until === null ? 'it is tried again by itself' : 'its time; it goes on by itself';
        return { subject, on: next.text, since, until: next.until, freedBy };
      }
      const before = atWork ?? next?.way;
      const on =
        before === undefined ? 'its turn' : `order: ${before.tier} ${before.cluster} comes before it`;
      return { subject, on, since, until: null, freedBy: 'the end of those before it, and their soak' };
    });
}

function rowOf(state: PromotionState, way: ClusterWay): PromotionRow {
  const { tier, cluster, childId, startedAt, ended, soak, seen } = way;
  const head = { tier, cluster, workflowId: childId };
  if (startedAt === null) {
    const next = whyNotNext(state);
    const note = next?.way === way ? next.text : '';
    return { ...head, state: 'waiting', since: null, until: next?.way === way ? next.until : null, note };
  }
  if (ended === null) {
    return { ...head, state: 'running', since: startedAt, until: null, note: runningNote(way) };
  }
  const note = cut(ended.why, NOTE_CHARS_MAX);
  switch (soak?.kind) {
    case 'soaking':
      return { ...head, state: 'soaking', since: soak.since, until: soak.until, note };
    case 'soaked':
      return { ...head, state: 'soaked', since: soak.since, until: null, note };
    case 'unproven':
      return { ...head, state: 'failed', since: ended.at, until: null, note: cut(soak.why, NOTE_CHARS_MAX) };
    case undefined:
      return { ...head, state: 'ended', since: seen?.at ?? ended.at, until: null, note };
  }
}

function runningNote({ seen }: ClusterWay): string {
  if (seen === null) return 'begun';
  const { counts, gates, phase, phaseWhy } = seen;
  const asked = gates.length === 0 ? '' : `, asks at ${gates.map(({ name }) => name).join(', ')}`;
  const why = phaseWhy === null ? '' : `, ${phaseWhy}`;
  const done = `${String(counts.done)} of ${String(counts.total - counts.upToDate - counts.leftAlone)} nodes done`;
  return cut(`${phase}, ${done}${asked}${why}`, NOTE_CHARS_MAX);
}

function sumCounts(state: PromotionState): RunStatus['counts'] {
  const all = state.clusters.map(({ ended, seen }) => ended?.counts ?? seen?.counts ?? NO_NODES);
  return all.reduce(
    (sum, one) => ({
      total: sum.total + one.total,
      waiting: sum.waiting + one.waiting,
      active: sum.active + one.active,
      done: sum.done + one.done,
      failed: sum.failed + one.failed,
      skipped: sum.skipped + one.skipped,
      upToDate: sum.upToDate + one.upToDate,
      leftAlone: sum.leftAlone + one.leftAlone,
    }),
    NO_NODES,
  );
}

const SHOWN: Readonly<Record<PromotionRow['state'], TableRow['state']>> = {
  waiting: 'waiting',
  running: 'waiting',
  ended: 'normal',
  soaking: 'soaking',
  soaked: 'normal',
  failed: 'failed',
};

/** One row a cluster: whose nodes are meant is asked of its own run. */
export function promotionTable(state: PromotionState, query: PageQuery): TablePage {
  const rows = state.clusters
    .map((way) => rowOf(state, way))
    .filter(({ cluster, tier }) => (query.node ?? cluster) === cluster && (query.pool ?? tier) === tier)
    .map((row): TableRow => ({
      node: row.cluster,
      pool: row.tier,
      zone: '',
      state: SHOWN[row.state],
      since: row.since,
      from: null,
      to: state.definition?.release ?? '',
      attempt: 1,
      note: `${row.state}: ${row.note}`,
    }));
  return pageFrom(rows, query, ({ node }) => node);
}

export function promotionWhyPage(state: PromotionState, query: PageQuery): WhyPage {
  const { node } = query;
  const isOf = ({ subject }: WaitingItem) =>
    node === undefined || subject.endsWith(`/${node}`) || subject.startsWith(`cluster/${node}`);
  const { rows, total, next } = pageFrom(
    listPromotionWaiting(state).filter(isOf),
    query,
    (item) => item.subject,
  );
  return { items: rows, total, next };
}

function pageFrom<T>(all: readonly T[], query: PageQuery, nameOf: (one: T) => string) {
  const start = query.after === undefined ? 0 : all.findLastIndex((one) => nameOf(one) === query.after) + 1;
  const rows = all.slice(start, start + (query.limit ?? PAGE_LIMIT_DEFAULT));
  const last = rows.at(-1);
  const isAll = start + rows.length >= all.length;
  return { rows, total: all.length, next: isAll || last === undefined ? null : nameOf(last) };
}

/** Null before it is known what is promoted. */
export function promotionReport(state: PromotionState, ids: RunIds, endedAt: string): RunReport | null {
  const { definition, clusters } = state;
  if (definition === null) return null;
  const rows = clusters.map((way) => rowOf(state, way));
  const counts = sumCounts(state);
  return {
    ...ids,
    fleet: definition.fleet,
    cluster: clusters.map(({ cluster }) => cluster).join(', '),
    requestedBy: definition.requestedBy,
    startedAt: state.startedAt,
    endedAt,
    outcome: state.outcome,
    outcomeWhy: promotionWhyEnded(state),
    plan: null,
    counts: { ...counts, waiting: counts.waiting + counts.active },
    notes: [],
    notesTotal: 0,
    promotion: { release: definition.release, releaseDigest: definition.releaseDigest, rows },
  };
}

function promotionWhyEnded({ aborting, failed }: PromotionState): string | null {
  if (aborting !== null)
    return `${aborting.kind === 'abort' ? 'aborted' : 'cancelled'} by ${aborting.by}: ${aborting.reason}`;
  return failed?.why ?? null;
}
