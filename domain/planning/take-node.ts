// One candidate: may it have a slot, was its instance looked at, is it what the release needs? Becomes a
// step, a wish to look, something settled, or a reason. Must never make a step of what was not looked at.
import type { NodeFacts } from '../inventory.ts';
import { MAX_STEPS_A_TICK } from '../plan.ts';
import type { PlanRow, Why } from '../plan.ts';
import { settle, tell, tellMore } from './answer.ts';
import type { Context, Look } from './answer.ts';
import { boundsOf, holdSlot } from './board.ts';
import type { PoolBoard } from './board.ts';
import { whyTooManyDeferred } from './deferral.ts';
import { cutText, dispositionOf, listMismatches, whyNoInstance } from './disposition.ts';
import { instanceIdOf, zoneOf } from './node-reading.ts';
import { planStep } from './node-step.ts';
import { whyNotAlone } from './room.ts';
import { whyNotNow } from './why-not-now.ts';
import { own } from '../own.ts';

export type Candidate = {
  row: PlanRow;
  node: NodeFacts;
  poolBoard: PoolBoard;
  attempt: number;
  retry: boolean;
  /** Ready nodes that would be taken before this one, if it is not Ready. */
  readyWaiting: number;
};

/** The row's node when it is still to be upgraded; else the row is settled and undefined answered. */
export function settleOrKeep(context: Context, row: PlanRow, poolBoard: PoolBoard): NodeFacts | undefined {
  const { board, question } = context;
  const { release, pool } = poolBoard;
  const node = board.node(row.node);
  const why = whyNotTheNode(context, row);
  if (why !== undefined || node === undefined || release === undefined) {
    const text = `the definition of the run names no release for pool ${pool.name}`;
    settle(context, poolBoard, row, { kind: 'leftAlone', why: why ?? { kind: 'imageMismatch', text } });
    return undefined;
  }
  const { owner, definition } = question;
  const disposition = dispositionOf(node, { release, catalog: definition.catalog, owner });
  if (disposition.kind === 'upgrade') return node;
  settle(context, poolBoard, row, disposition);
  return undefined;
}

/** The node under this name is not the one that was planned, or belongs elsewhere by now. */
export function whyNotTheNode({ board }: Context, row: PlanRow): Why | undefined {
  const node = board.node(row.node);
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
export function takeNode(context: Context, candidate: Candidate): boolean {
  const { draft, looks, question, board } = context;
  const { row, node, poolBoard } = candidate;
  const { release, pool } = poolBoard;
  const zone = zoneOf(node);
  const refuse = (why: Why) => {
    tell(draft, poolBoard, why, { example: node.name, zone });
    return false;
  };
  const taken = draft.steps.length + draft.toLook.length;
  if (taken >= MAX_STEPS_A_TICK) {
    tellMore(draft, poolBoard, node.name, `at most ${MAX_STEPS_A_TICK} nodes are started by one answer`);
    return false;
  }
  const situation = {
    pool: pool.name,
    bounds: boundsOf(board, poolBoard, zone),
    readyWaiting: candidate.readyWaiting,
    occupied: question.occupied.length + taken,
  };
  const asked = { owner: question.owner, retry: candidate.retry };
  const tooMany = candidate.retry ? undefined : whyTooManyDeferred(board.deferrals, row.node);
  const why =
    poolBoard.blocked ??
    tooMany ??
    whyNotAlone(question.definition, pool.name, listAtWork(context, row.node)) ??
    whyNotNow(row, node, situation, asked);
  if (why !== undefined) return refuse(why);
  const look = own(looks.seen, node.name);
  if (look === undefined) {
    if (looks.final) {
      tellMore(draft, poolBoard, node.name, 'its instance could not be looked at for this answer');
    } else {
      draft.toLook.push({ node: node.name, instanceId: instanceIdOf(node) ?? '' });
    }
    holdSlot(board, poolBoard, node);
    return true;
  }
  poolBoard.blocked = whyNotThisImage(context, { poolBoard, node, look });
  if (poolBoard.blocked !== null) return refuse(poolBoard.blocked);
  const trouble = whyNotThisInstance(context, { node, poolBoard, look });
  if (trouble !== undefined || look.instance === null || release === undefined) {
    const gone: Why = { kind: 'instanceGone', text: 'its instance does not exist any more' };
    settle(context, poolBoard, row, { kind: 'leftAlone', why: trouble ?? gone });
    return false;
  }
  const { instance, daemonSets, impact } = look;
  const { catalog } = question.definition;
  const { attempt } = candidate;
  const deferrals = board.deferrals.get(row.node)?.times ?? 0;
  const step = planStep({
    row,
    node,
    pool,
    release,
    catalog,
    instance,
    daemonSets,
    attempt,
    deferrals,
    impact,
  });
  const { startBefore } = poolBoard;
  draft.steps.push(startBefore === null ? step : { ...step, startBefore });
  holdSlot(board, poolBoard, node);
  return true;
}

/** Whatever the run holds, with what was chosen in this very answer. */
function listAtWork({ question, draft, board }: Context, node: string) {
  const looked = draft.toLook.map((one) => ({ node: one.node, pool: board.row(one.node)?.pool ?? '' }));
  return [...question.occupied, ...draft.steps, ...looked].filter((one) => one.node !== node);
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
  { node, poolBoard, look }: { node: NodeFacts; poolBoard: PoolBoard; look: Look },
): Why | undefined {
  const { pool, release } = poolBoard;
  const instanceId = instanceIdOf(node) ?? '';
  const gone = whyNoInstance(instanceId, look.instance ?? undefined);
  if (gone !== undefined || look.instance === null || release === undefined) return gone;
  const image = looks.images[release.imageId];
  const [mismatch] = listMismatches(node, { pool, release, instanceId, instance: look.instance, image });
  if (mismatch === undefined) return undefined;
  const kind = mismatch.kind === 'instanceOwned' ? 'instanceOwned' : 'imageMismatch';
  return { kind, text: cutText(mismatch.text) };
}
