// What may be started now: look at where the run stands, take retries, then fill the free slots of
// the pool whose turn it is, and say why the rest waits. Slots are refilled one by one; there are no
// batches. Must never answer a node twice, one that the run holds already, or one that somebody else
// has cordoned.
//
// Two kinds of facts, so that a tick costs no cloud call: Nodes come from a watch, seconds old;
// instances are looked at only for the nodes that are about to be started ("look" first, then ask again).
import type { ImageFacts, InstanceFacts, NodeFacts } from '../inventory.ts';
import { MAX_STEPS_A_TICK, SETTLED_MAX } from '../plan.ts';
import type { Disposition, NextSteps, NodeStep, PlanRow, Why } from '../plan.ts';
import { readBoard } from './board.ts';
import type { Board, NodesSeen, PlanNextQuestion, PoolBoard } from './board.ts';
import { cutText, dispositionOf, listMismatches, whyNoInstance } from './disposition.ts';
import { cordonOf, instanceIdOf, isReady } from './node-reading.ts';
import { planStep } from './node-step.ts';
import { whyNotNow, whyNotThePoolsTurn } from './why-not-now.ts';
import type { Asked, PoolBefore, PoolSituation } from './why-not-now.ts';

/** What was seen of one node beyond its Node: `null` is an instance that is gone. */
export type Look = {
  instance: InstanceFacts | null;
  daemonSets: readonly { namespace: string; name: string }[];
};

export type Looks = {
  /** By node name. */
  seen: Readonly<Record<string, Look>>;
  images: Readonly<Record<string, ImageFacts>>;
  /** True: no further look is possible now; nodes not looked at go on waiting. */
  final: boolean;
};

export type NextPlan =
  | { kind: 'steps'; next: NextSteps }
  /** Look at these nodes, add what was seen, and ask again. */
  | { kind: 'look'; nodes: readonly { node: string; instanceId: string }[] };

/** Grows while one answer is made. */
type Draft = {
  steps: NodeStep[];
  settled: { node: string; disposition: Disposition }[];
  waiting: Map<string, { why: Why; nodes: number; example: string }>;
  toLook: { node: string; instanceId: string }[];
  more: boolean;
};

type Context = { question: PlanNextQuestion; board: Board; looks: Looks; draft: Draft };

export function planNext(question: PlanNextQuestion, inventory: NodesSeen, looks: Looks): NextPlan {
  const board = readBoard(question, inventory);
  const draft: Draft = { steps: [], settled: [], waiting: new Map(), toLook: [], more: false };
  const context: Context = { question, board, looks, draft };
  const slots = board.pools.map(readSlots);
  takeRetries(context);
  takePools(context);
  if (draft.toLook.length > 0) return { kind: 'look', nodes: draft.toLook };
  return {
    kind: 'steps',
    next: {
      observedAt: inventory.observedAt,
      slots,
      steps: draft.steps,
      settled: draft.settled,
      waiting: [...draft.waiting.values()],
      ...(draft.more ? { more: true } : {}),
    },
  };
}

function readSlots({ pool, unavailableMax, unavailable }: PoolBoard): NextSteps['slots'][number] {
  const free = Math.max(0, unavailableMax - unavailable.size);
  return { pool: pool.name, unavailableMax, unavailable: unavailable.size, free };
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
    const candidate = settleOrKeep(context, row, poolBoard);
    if (candidate === undefined) continue;
    const situation: PoolSituation = { ...situationOf(poolBoard), readyWaiting: 0 };
    takeNode(context, { row, node: candidate, poolBoard, situation, attempt, retry: true });
  }
}

function takePools(context: Context): void {
  let before: PoolBefore | null = null;
  for (const poolBoard of context.board.pools) {
    if (before === null) takePool(context, poolBoard);
    else waitForPool(context, poolBoard, before);
    const { pool, waiting, atWork } = poolBoard;
    const settled = context.draft.settled;
    const waitingLeft = waiting.filter(
      (row) => !atWork.has(row.node) && !settled.some((one) => one.node === row.node),
    ).length;
    if (before === null && (waitingLeft > 0 || atWork.size > 0)) {
      before = { pool: pool.name, waiting: waitingLeft, atWork: atWork.size };
    }
  }
}

/** Later pools are told by one line each; their nodes are looked at when their turn comes. */
function waitForPool({ draft }: Context, poolBoard: PoolBoard, before: PoolBefore): void {
  const { pool, waiting } = poolBoard;
  const [first] = waiting;
  if (first === undefined) return;
  tell(draft, poolBoard, whyNotThePoolsTurn(pool.name, before), first.node, waiting.length);
}

function takePool(context: Context, poolBoard: PoolBoard): void {
  const candidates: { row: PlanRow; node: NodeFacts }[] = [];
  for (const row of poolBoard.waiting) {
    const node = settleOrKeep(context, row, poolBoard);
    if (node !== undefined) candidates.push({ row, node });
  }
  const { owner } = context.question;
  // Those that carry our cordon already stand idle: first. The sort is stable, the plan's order holds.
  const rank = (node: NodeFacts) => (cordonOf(node, owner).kind === 'ours' ? 0 : isReady(node) ? 1 : 2);
  candidates.sort((a, b) => rank(a.node) - rank(b.node));
  let readyWaiting = candidates.filter(({ node }) => isReady(node)).length;
  for (const { row, node } of candidates) {
    const situation: PoolSituation = { ...situationOf(poolBoard), readyWaiting };
    const taken = takeNode(context, { row, node, poolBoard, situation, attempt: 1, retry: false });
    if (taken && isReady(node)) readyWaiting -= 1;
  }
}

function situationOf({ pool, nodes, unavailableMax, unavailable }: PoolBoard) {
  return { pool: pool.name, nodes, unavailableMax, unavailable };
}

/** The row's node when it is still to be upgraded; else the row is settled and undefined answered. */
function settleOrKeep(context: Context, row: PlanRow, { release, pool }: PoolBoard): NodeFacts | undefined {
  const { board, question } = context;
  const node = board.node(row.node);
  const why = whyNotTheNode(row, node, board);
  if (why !== undefined) {
    settle(context, row, { kind: 'leftAlone', why });
    return undefined;
  }
  if (node === undefined || release === undefined || pool.name !== row.pool) return undefined;
  const { owner, definition } = question;
  const disposition = dispositionOf(node, { release, catalog: definition.catalog, owner });
  if (disposition.kind === 'upgrade') return node;
  settle(context, row, disposition);
  return undefined;
}

function whyNotTheNode(row: PlanRow, node: NodeFacts | undefined, board: Board): Why | undefined {
  if (node === undefined) return { kind: 'deleted', text: 'the node was deleted after the run was planned' };
  if (node.uid !== row.uid) {
    return {
      kind: 'deleted',
      text: `another node has this name now (UID ${node.uid}, planned was ${row.uid}); a new run would take it`,
    };
  }
  if (board.poolOf(row.node)?.name !== row.pool) {
    return { kind: 'leftPool', text: `its labels no longer put it into pool ${row.pool} alone` };
  }
  return undefined;
}

/** True when the node got a slot: as a step, or provisionally until it was looked at. */
function takeNode(
  context: Context,
  o: {
    row: PlanRow;
    node: NodeFacts;
    poolBoard: PoolBoard;
    situation: PoolSituation;
    attempt: number;
    retry: boolean;
  },
): boolean {
  const { draft, looks, question } = context;
  const { row, node, poolBoard } = o;
  if (draft.steps.length + draft.toLook.length >= MAX_STEPS_A_TICK) {
    draft.more = true;
    return false;
  }
  const asked: Asked = { owner: question.owner, retry: o.retry };
  const why = poolBoard.blocked ?? whyNotNow(node, o.situation, asked);
  if (why !== undefined) {
    tell(draft, poolBoard, why, node.name, 1);
    return false;
  }
  const instanceId = instanceIdOf(node);
  const look = looks.seen[node.name];
  const { release, pool } = poolBoard;
  if (instanceId === null || release === undefined) return false;
  if (look === undefined) {
    if (looks.final) draft.more = true;
    else draft.toLook.push({ node: node.name, instanceId });
    hold(poolBoard, node.name);
    return true;
  }
  poolBoard.blocked = whyNotThisImage(context, { poolBoard, node, look });
  if (poolBoard.blocked !== null) {
    tell(draft, poolBoard, poolBoard.blocked, node.name, 1);
    return false;
  }
  const trouble = whyNotThisInstance(context, { node, poolBoard, instanceId, look });
  if (trouble !== undefined || look.instance === null) {
    if (trouble !== undefined) settle(context, row, { kind: 'leftAlone', why: trouble });
    return false;
  }
  const { instance, daemonSets } = look;
  const { catalog } = question.definition;
  draft.steps.push(planStep({ row, node, pool, release, catalog, instance, daemonSets, attempt: o.attempt }));
  hold(poolBoard, node.name);
  return true;
}

function hold({ atWork, unavailable }: PoolBoard, node: string): void {
  atWork.add(node);
  unavailable.set(node, 'atWork');
}

/** An image that went away after the plan concerns every node: they wait for it, none is given up. */
function whyNotThisImage(
  { looks }: Context,
  { poolBoard, node, look }: { poolBoard: PoolBoard; node: NodeFacts; look: Look },
): Why | null {
  const { pool, release } = poolBoard;
  if (look.instance === null || release === undefined || pool.policy.reimage.method === 'reboot') return null;
  const image = looks.images[release.imageId];
  if (image?.state === 'available') return null;
  const state = image === undefined ? 'gone, or not shared with this account any more' : image.state;
  return {
    kind: 'imageMismatch',
    text:
      `image ${release.imageId} of release ${release.name} is ${state} (seen for ${node.name}); ` +
      'freed when it is available again',
  };
}

function whyNotThisInstance(
  { looks }: Context,
  o: { node: NodeFacts; poolBoard: PoolBoard; instanceId: string; look: Look },
): Why | undefined {
  const { node, poolBoard, instanceId, look } = o;
  const { pool, release } = poolBoard;
  const gone = whyNoInstance(instanceId, look.instance ?? undefined);
  if (gone !== undefined || look.instance === null || release === undefined) return gone;
  const image = looks.images[release.imageId];
  const [mismatch] = listMismatches(node, { pool, release, instanceId, instance: look.instance, image });
  if (mismatch === undefined) return undefined;
  const kind = mismatch.kind === 'instanceOwned' ? 'instanceOwned' : 'imageMismatch';
  return { kind, text: cutText(mismatch.text) };
}

function settle({ draft }: Context, row: PlanRow, disposition: Disposition): void {
  if (draft.settled.length < SETTLED_MAX) draft.settled.push({ node: row.node, disposition });
  else draft.more = true;
}

/** One line for each cause and pool, however many nodes wait for it; the newest text tells the most. */
function tell(draft: Draft, { pool }: PoolBoard, why: Why, example: string, nodes: number): void {
  const key = `${why.kind}\n${pool.name}`;
  const told = draft.waiting.get(key);
  draft.waiting.set(key, {
    why,
    nodes: (told?.nodes ?? 0) + nodes,
    example: told?.example ?? example,
  });
}
