// What may be started now: look at where the run stands, take retries, then fill the free slots of
// the pool whose turn it is, and say why the rest waits. Slots are refilled one by one; there are no
// batches. Must never answer a node twice, one that the run holds already, or one that somebody else
// has cordoned.
//
// Two kinds of facts, so that a tick costs no cloud call: Nodes come from a watch, seconds old;
// instances are looked at only for the nodes that are about to be started ("look" first, then ask again).
import type { NodeFacts } from '../inventory.ts';
import type { CanaryLook, GateWish, NextSteps, PlanRow, Why } from '../plan.ts';
import { newDraft, tell } from './answer.ts';
import type { Context, Looks } from './answer.ts';
import { askedFirst } from './asked-first.ts';
import { readBoard } from './board.ts';
import type { NodesSeen, PlanNextQuestion, PoolBoard } from './board.ts';
import { readCanaries } from './canary.ts';
import { whyDeferred } from './deferral.ts';
import { cordonOf, isReady } from './node-reading.ts';
import { takeBack } from './plan-back.ts';
import { settleOrKeep, takeNode } from './take-node.ts';
import { isHeldForWayBack, wishForNoWayBack } from './way-back.ts';
import { whyLowerTiers } from './tier-gate.ts';
import { whyNotThePoolsTurn } from './why-not-now.ts';
import type { PoolBefore } from './why-not-now.ts';

export type NextPlan =
  | { kind: 'steps'; next: NextSteps }
  /** Look at these nodes, add what was seen, and ask again. */
  | { kind: 'look'; nodes: readonly { node: string; instanceId: string }[] };

export function planNext(question: PlanNextQuestion, inventory: NodesSeen, looks: Looks): NextPlan {
  const board = readBoard(question, inventory);
  const draft = newDraft();
  const context: Context = { question, board, looks, draft };
  const slots = board.pools.map(({ pool, bound }) => ({ pool: pool.name, ...slotsOf(bound) }));
  const cluster = board.cluster === null ? {} : { cluster: slotsOf(board.cluster) };
  if (question.back !== undefined) takeBack(context, question.back);
  else takeForward(context);
  if (draft.toLook.length > 0) return { kind: 'look', nodes: draft.toLook };
  return {
    kind: 'steps',
    next: {
      observedAt: inventory.observedAt,
      slots,
      ...cluster,
      steps: draft.steps,
      settled: [...draft.settled].map(([node, disposition]) => ({ node, disposition })),
      waiting: [...draft.waiting.values()],
      ...(draft.gates.length > 0 ? { gates: draft.gates } : {}),
      ...(draft.canaries.length > 0 ? { canaries: draft.canaries } : {}),
      ...(draft.more ? { more: true } : {}),
    },
  };
}

function takeForward(context: Context): void {
  takeRetries(context);
  takePools(context);
  tellDeferred(context);
}

function slotsOf({ max, away }: { max: number; away: ReadonlyMap<string, unknown> }) {
  return { unavailableMax: max, unavailable: away.size, free: Math.max(0, max - away.size) };
}

/** They wait for their time alone, whichever pool's turn it is. */
function tellDeferred({ board, draft }: Context): void {
  for (const poolBoard of board.pools) {
    for (const told of whyDeferred(poolBoard.deferred)) tell(draft, poolBoard, told.why, told);
  }
}

/** A person asked for them by name: before everything else, in the order of asking. */
function takeRetries(context: Context): void {
  const { question, board } = context;
  const seen = new Set<string>();
  for (const { node: name, attempt } of question.retries) {
    const row = board.row(name);
    const poolBoard = board.pools.find(({ pool }) => pool.name === row?.pool);
    if (row === undefined || poolBoard === undefined) continue;
    if (seen.has(name) || poolBoard.atWork.has(name)) continue;
    seen.add(name);
    const node = settleOrKeep(context, row, poolBoard);
    if (node === undefined) continue;
    takeNode(context, { row, node, poolBoard, attempt, retry: true, readyWaiting: 0 });
  }
}

function takePools(context: Context): void {
  if (isHeldForTiers(context)) return;
  let before: PoolBefore | null = null;
  for (const poolBoard of context.board.pools) {
    if (before === null) takePool(context, poolBoard);
    else waitForPool(context, poolBoard, before);
    before ??= whatIsBefore(context, poolBoard);
  }
}

/** Before anything else of the run is begun; one line for each pool. */
function isHeldForTiers(context: Context): boolean {
  const { question, board, draft } = context;
  const opened = question.gatesOpened ?? [];
  const held = whyLowerTiers(question.definition, opened);
  if (held === undefined) return false;
  for (const poolBoard of board.pools) {
    const [first] = poolBoard.waiting;
    if (first === undefined) continue;
    tell(draft, poolBoard, held.why, { example: first.node, nodes: poolBoard.waiting.length });
    if (draft.gates.length === 0) draft.gates.push(held.gate);
    // In the middle of its work canaries may be in their soak.
    noteLook(context, readCanaries(board, poolBoard, question, poolBoard.waiting.length).look, 0);
  }
  return true;
}

/**
 * What the next pool must wait for. Nodes that were not Ready before the run are left out: they prove
 * nothing of a release, and a person may be long in answering for them. So are deferred ones, also when their
 * time has come: a node whose pods do not leave holds nobody else.
 */
function whatIsBefore({ draft, board }: Context, { pool, waiting, atWork }: PoolBoard): PoolBefore | null {
  const counts = (row: PlanRow | undefined) =>
    row?.wasNotReady !== true && !board.deferrals.has(row?.node ?? '');
  const left = waiting.filter((row) => counts(row) && !atWork.has(row.node) && !draft.settled.has(row.node));
  const working = [...atWork].filter((node) => counts(board.row(node)));
  if (left.length === 0 && working.length === 0) return null;
  return { pool: pool.name, waiting: left.length, atWork: working.length };
}

/** Later pools are told by one line each; their nodes are looked at when their turn comes. */
function waitForPool(context: Context, poolBoard: PoolBoard, before: PoolBefore): void {
  const { pool, waiting } = poolBoard;
  const [first] = waiting;
  if (first === undefined) return;
  const why = whyNotThePoolsTurn(pool.name, before);
  tell(context.draft, poolBoard, why, { example: first.node, nodes: waiting.length });
  // A retry or a node that was put back may have made an earlier pool's turn again in the middle of a soak.
  noteLook(context, readCanaries(context.board, poolBoard, context.question, waiting.length).look, 0);
}

/** Canaries are watched until the first of the others goes: a closed window may last for days. */
function noteLook({ draft }: Context, look: CanaryLook | undefined, followed: number): void {
  if (look?.found === 'passed' && followed === 0) draft.canaries.push({ ...look, found: 'well' });
  else if (look !== undefined) draft.canaries.push(look);
}

type Candidate = { row: PlanRow; node: NodeFacts };

/** Canaries, then the others, then those that were not Ready before the run. */
function takePool(context: Context, poolBoard: PoolBoard): void {
  const canaries: Candidate[] = [];
  const others: Candidate[] = [];
  const last: Candidate[] = [];
  const noWayBack: Candidate[] = [];
  for (const row of poolBoard.waiting) {
    const node = settleOrKeep(context, row, poolBoard);
    if (node === undefined) continue;
    if (isHeldForWayBack(poolBoard.pool, row, context.question.gatesOpened ?? [])) {
      noWayBack.push({ row, node });
      continue;
    }
    (row.canary === true ? canaries : row.wasNotReady === true ? last : others).push({ row, node });
  }
  if (noWayBack.length > 0) {
    const rows = noWayBack.map(({ row }) => row);
    holdAll(context, poolBoard, noWayBack, wishForNoWayBack(poolBoard.pool, rows));
  }
  takeInTurn(context, poolBoard, canaries);
  const { why, gate, look } = readCanaries(context.board, poolBoard, context.question, others.length);
  if (others.length > 0) {
    const followed = why === undefined ? takeInTurn(context, poolBoard, others) : 0;
    if (why !== undefined) holdAll(context, poolBoard, others, { why, gate });
    noteLook(context, look, followed);
  }
  takeLast(context, poolBoard, last);
}

/**
 * Those that a person asked for, then those that carry our cordon already and stand idle. The sort is stable,
 * the plan's order holds. Answers how many were taken.
 */
function takeInTurn(context: Context, poolBoard: PoolBoard, candidates: Candidate[]): number {
  const { owner } = context.question;
  const rank = (node: NodeFacts) => (cordonOf(node, owner).kind === 'ours' ? 0 : isReady(node) ? 1 : 2);
  const byRank = [...candidates].sort((a, b) => rank(a.node) - rank(b.node));
  const inTurn = askedFirst(byRank, ({ row }) => row.node, context.question.next ?? []);
  let readyWaiting = inTurn.filter(({ node }) => isReady(node)).length;
  let started = 0;
  for (const { row, node } of inTurn) {
    const attempt = context.board.deferrals.get(row.node)?.attempt ?? 1;
    const taken = takeNode(context, { row, node, poolBoard, attempt, retry: false, readyWaiting });
    if (!taken) continue;
    started += 1;
    if (isReady(node)) readyWaiting -= 1;
  }
  return started;
}

/** When nothing else of the pool waits or is at work, and a person has said yes. */
function takeLast(context: Context, poolBoard: PoolBoard, last: Candidate[]): void {
  if (last.length === 0) return;
  const { pool } = poolBoard;
  const name = `notReady/${pool.name}`;
  const before = whatIsBefore(context, poolBoard);
  const deferred = poolBoard.deferred.some(({ row }) => row.wasNotReady !== true);
  if (before !== null || deferred) {
    const text =
      `not Ready before the run: taken last, behind gate ${name}, which opens when nothing else of pool ` +
      `${pool.name} waits or is at work; to go on without one: refit skip NODE`;
    holdAll(context, poolBoard, last, { why: { kind: 'notReadyBefore', text } });
    return;
  }
  if (context.question.gatesOpened?.includes(name) === true) {
    takeInTurn(context, poolBoard, last);
    return;
  }
  const why: Why = {
    kind: 'approval',
    text: `not Ready before the run; freed when gate ${name} is approved`,
    freedBy: `refit approve ${name}, or refit reject ${name}`,
  };
  const gate: GateWish = { name, kind: 'notReady', pool: pool.name, evidence: tellOfLast(pool.name, last) };
  holdAll(context, poolBoard, last, { why, gate });
}

/** Of 100 pools each with such a gate, five names each still travel in one payload. */
const LAST_TOLD_MAX = 5;

function tellOfLast(pool: string, last: readonly Candidate[]): readonly string[] {
  const left = last.length - LAST_TOLD_MAX;
  return [
    `${last.length} nodes of pool ${pool} were not Ready before the run; all others have ended`,
    ...last
      .slice(0, LAST_TOLD_MAX)
      .map(
        ({ node }) =>
          `${node.name}: Ready is ${node.ready}, last heartbeat ${node.readyHeartbeatAt || 'never'}`,
      ),
    ...(left > 0 ? [`and ${left} more`] : []),
    'a drain of a node without its kubelet may last until its timeout; their failures are counted apart',
    'approve: they are taken, as far as the budget allows; reject: they are skipped',
  ];
}

function holdAll(
  { draft }: Context,
  poolBoard: PoolBoard,
  held: readonly Candidate[],
  { why, gate }: { why: Why; gate?: GateWish | undefined },
): void {
  const [first] = held;
  if (first === undefined) return;
  tell(draft, poolBoard, why, { example: first.node.name, nodes: held.length });
  if (gate !== undefined) draft.gates.push(gate);
}
