// Canaries: which nodes of a pool go first, and whether the others may follow. They follow when all canaries
// have ended, at least one of them well, when all that ended well have looked well for the whole soak, and,
// where the policy asks, when a person has said yes. Must never let the others go because nothing was seen:
// without a canary that proves the release, or with one that stays unwell, a person decides.
//
// "Throughout" is as often as somebody looks: what comes and goes between two looks is not seen, but for a boot,
// which leaves its trace.
import { resolveAmount } from '../amount.ts';
import { formatDuration } from '../duration.ts';
import type { Pool, Release } from '../fleet.ts';
import type { NodeFacts } from '../inventory.ts';
import { msBetween, timeAfter } from '../machines/clock-math.ts';
import type { CanaryLook, Disposition, GateWish, Why } from '../plan.ts';
import { ROW_CODES } from '../row-codes.ts';
import type { RunDefinition } from '../run.ts';
import type { Board, CanarySeen, PlanNextQuestion, PoolBoard } from './board.ts';
import type { CanaryClock } from './canary-clock.ts';
import { instanceTypeOf, isReady, zoneOf } from './node-reading.ts';
import { listDifferences } from './release-of.ts';
import { own } from '../own.ts';

type Candidate = { node: NodeFacts; disposition: Disposition };

/**
 * The canaries among `ordered`, which is one pool in the order of its plan: healthy nodes, spread first over
 * zones and instance types, occupied ones before empty ones, for an empty node proves no drain.
 */
export function chooseCanaries<T extends Candidate>(
  ordered: readonly T[],
  pool: Pool,
  nodesOfPool: number,
): ReadonlySet<T> {
  const wanted = resolveCanaries(pool, nodesOfPool);
  const groups = new Map<string, { zone: string; type: string; left: T[] }>();
  for (const entry of ordered) {
    if (entry.disposition.kind !== 'upgrade' || !isReady(entry.node) || entry.node.unschedulable) continue;
    const zone = zoneOf(entry.node);
    const type = instanceTypeOf(entry.node);
    const key = `${zone}\n${type}`;
    const group = groups.get(key) ?? { zone, type, left: [] };
    groups.set(key, group);
    group.left.push(entry);
  }
  for (const group of groups.values()) {
    const isOccupied = ({ node }: T) => node.podsToMove > 0;
    const byWorth = [...group.left.filter(isOccupied), ...group.left.filter((entry) => !isOccupied(entry))];
    // The best one last, where it is taken from.
    group.left = byWorth.reverse();
  }
  const chosen = new Set<T>();
  const taken = new Map<string, number>();
  const count = (key: string) => taken.get(key) ?? 0;
  while (chosen.size < wanted) {
    const open = [...groups].filter(([, { left }]) => left.length > 0);
    // Fewest canaries in its zone and type so far, then in its zone, then of its type; then the plan's order.
    open.sort(
      ([a, x], [b, y]) =>
        count(a) - count(b) ||
        count(`zone ${x.zone}`) - count(`zone ${y.zone}`) ||
        count(`type ${x.type}`) - count(`type ${y.type}`),
    );
    const [first] = open;
    if (first === undefined) break;
    const [key, { zone, type, left }] = first;
    const entry = left.pop();
    if (entry === undefined) break;
    chosen.add(entry);
    for (const name of [key, `zone ${zone}`, `type ${type}`]) taken.set(name, count(name) + 1);
  }
  return chosen;
}

/** An amount of 0 is none. */
export function resolveCanaries({ policy }: Pool, nodesOfPool: number): number {
  const { nodes } = policy.canary;
  return nodes.kind === 'count' && nodes.count === 0 ? 0 : resolveAmount(nodes, nodesOfPool);
}

/** `canary` in a run where only one pool has a use for it, `canary/<pool>` where several have. */
export function canaryGateOf(definition: RunDefinition, pool: string): string {
  const using = definition.pools.filter(
    ({ policy }) => policy.approval.before === 'canary' || resolveCanaries({ policy } as Pool, 1) > 0,
  );
  return using.length > 1 ? `canary/${pool}` : 'canary';
}

/** What holds the nodes of a pool that are no canaries, and what the look at the canaries found. */
export type CanaryAnswer = { why?: Why; gate?: GateWish; look?: CanaryLook };

/** A canary found unwell for so long is nothing that passes by itself: a person is asked. */
const UNWELL_ASK_MS = 60_000;

export function readCanaries(
  board: Board,
  poolBoard: PoolBoard,
  question: PlanNextQuestion,
  /** Nodes of the pool that wait for this answer. */
  others: number,
): CanaryAnswer {
  const { pool, canaries } = poolBoard;
  const gate = canaryGateOf(question.definition, pool.name);
  const asks = pool.policy.approval.before === 'canary';
  const clock = own(question.canaries, pool.name);
  const opened = question.gatesOpened?.includes(gate) === true;
  const wish = (reason: string): CanaryAnswer => {
    const evidence = [
      `${reason}; ${others} other nodes of pool ${pool.name} would follow`,
      ...canaries.slice(0, CANARIES_TOLD_MAX).map((seen) => describe(seen, board, poolBoard.release, clock)),
      ...(clock === undefined ? [] : [`the last canary ended ${clock.endedAt}`]),
    ];
    const why: Why = {
      kind: 'approval',
      text: `${reason}; freed when gate ${gate} is approved`,
      freedBy: `refit approve ${gate}, or refit reject ${gate}`,
    };
    return { why, gate: { name: gate, kind: 'canary', pool: pool.name, evidence } };
  };
  if (opened || (clock?.passed === true && !asks)) return passed(poolBoard);
  if (canaries.length === 0) {
    const wants = resolveCanaries(pool, poolBoard.bound.nodes) > 0;
    return asks || wants ? wish(`pool ${pool.name} has no canary`) : passed(poolBoard);
  }
  // The yes has expired: the canaries are not watched again.
  if (clock?.passed === true) return wish(`the canaries of pool ${pool.name} have ended`);
  const open = canaries.filter((seen) => seen.open);
  if (open.length > 0) {
    return { why: { kind: 'canary', text: waitsForCanaries(pool.name, open, canaries.length) } };
  }
  return readEnded(board, poolBoard, { clock, asks, wish });
}

function passed({ pool, canaries }: PoolBoard): CanaryAnswer {
  return canaries.length === 0 ? {} : { look: { pool: pool.name, found: 'passed' } };
}

/** Evidence is read on one screen. */
const CANARIES_TOLD_MAX = 10;

function waitsForCanaries(pool: string, open: readonly CanarySeen[], canaries: number): string {
  const [first] = open;
  return (
    `${open.length} of the ${canaries} canaries of pool ${pool} have not ended (${first?.row.node ?? ''}` +
    `${open.length > 1 ? ' and others' : ''}); freed when they have, and have been watched`
  );
}

/** All canaries have ended: those that ended well are watched. */
function readEnded(
  board: Board,
  { pool, canaries, release }: PoolBoard,
  o: { clock: CanaryClock | undefined; asks: boolean; wish: (reason: string) => CanaryAnswer },
): CanaryAnswer {
  const { clock, wish } = o;
  const { soakMs } = pool.policy.canary;
  const proving = canaries.filter(({ code }) => code === ROW_CODES.done || code === ROW_CODES.upToDate);
  if (proving.length === 0) return wish(`no canary of pool ${pool.name} shows that the release is good`);
  const unwell = proving.flatMap((seen) => {
    const why = whyUnwell(board, seen, release, clock);
    return why === undefined ? [] : [`canary ${seen.row.node} ${why}`];
  });
  const boots = newBoots(board, proving, clock);
  const [first] = unwell;
  if (first !== undefined) {
    const look: CanaryLook = { pool: pool.name, found: 'unwell', ...boots };
    const since = clock?.unwellSince ?? null;
    const lastsMs = since === null ? 0 : msBetween(since, board.observedAt);
    if (since !== null && lastsMs >= UNWELL_ASK_MS) return { ...wish(`${first} since ${since}`), look };
    const soak = soakMs === 0 ? '' : `, and has then been so for ${formatDuration(soakMs)}`;
    return { look, why: { kind: 'canaryUnwell', text: `${first}; freed when it is well again${soak}` } };
  }
  const look: CanaryLook = { pool: pool.name, found: 'well', ...boots };
  const watchedSince = laterOf(clock?.endedAt ?? board.observedAt, clock?.unwellLast ?? null);
  const until = timeAfter(watchedSince, soakMs);
  if (msBetween(board.observedAt, until) > 0) {
    const text = `the canaries of pool ${pool.name} are watched for ${formatDuration(soakMs)}; freed when it is over`;
    return { look, why: { kind: 'soak', text, until, freedBy: 'the end of the soak' } };
  }
  if (o.asks) return { ...wish(`the canaries of pool ${pool.name} have ended`), look };
  return { look: { pool: pool.name, found: 'passed', ...boots } };
}

/** Of more canaries than these no boots are remembered: a run carries them wherever it goes. */
const BOOTS_MAX = 50;

/** What stands now, where it is not what is remembered: by the node of the plan. */
function newBoots(
  board: Board,
  proving: readonly CanarySeen[],
  clock: CanaryClock | undefined,
): Pick<CanaryLook, 'boots'> {
  const found = proving.slice(0, BOOTS_MAX).flatMap(({ row }) => {
    const bootId = (board.node(row.node) ?? board.replacementOf(row.node))?.bootId ?? '';
    return bootId === '' ? [] : [[row.node, bootId] as const];
  });
  const isNews = found.some(([name, bootId]) => own(clock?.boots, name) !== bootId);
  return isNews ? { boots: { ...clock?.boots, ...Object.fromEntries(found) } } : {};
}

function whyUnwell(
  board: Board,
  { row, code }: CanarySeen,
  release: Release | undefined,
  clock: CanaryClock | undefined,
): string | undefined {
  const planned = board.node(row.node);
  const node = planned ?? board.replacementOf(row.node);
  if (node === undefined) return 'is gone';
  if (planned !== undefined && planned.uid !== row.uid) return 'was replaced by another node of its name';
  if (!isReady(node)) return 'is not Ready';
  if (node.unschedulable) return 'is cordoned';
  const [difference] = release === undefined ? [] : listDifferences(node, release);
  if (difference !== undefined) return `does not show its release: ${difference}`;
  const { gpusAllocatable: gpus = 0 } = row;
  if (node.gpusAllocatable < gpus) return `has ${node.gpusAllocatable} GPUs allocatable, ${gpus} before`;
  // One that was up to date was not verified by this run: what was amiss there before proves nothing.
  const [daemonSet] = code === ROW_CODES.done ? board.notReadyOn(node.name) : [];
  if (daemonSet !== undefined) return `has a pod of DaemonSet ${daemonSet} that is not Ready`;
  const boot = own(clock?.boots, row.node);
  return boot === undefined || boot === node.bootId ? undefined : 'has booted once more';
}

const ENDED_WORDS: Readonly<Record<string, string>> = {
  [ROW_CODES.done]: 'done',
  [ROW_CODES.failed]: 'failed',
  [ROW_CODES.skipped]: 'skipped',
  [ROW_CODES.upToDate]: 'was up to date',
  [ROW_CODES.leftAlone]: 'left alone',
};

function describe(
  seen: CanarySeen,
  board: Board,
  release: Release | undefined,
  clock: CanaryClock | undefined,
): string {
  const { row, code } = seen;
  const where = [row.zone, row.instanceType].filter((word) => word !== '').join(', ');
  const proves = code === ROW_CODES.done || code === ROW_CODES.upToDate;
  const now = proves
    ? `, ${whyUnwell(board, seen, release, clock) ?? `is Ready and shows ${row.to}`} now`
    : '';
  return `canary ${row.node} (${where}): ${ENDED_WORDS[code] ?? 'has not ended'}${now}`;
}

function laterOf(a: string, b: string | null): string {
  return b !== null && msBetween(a, b) > 0 ? b : a;
}
