// Which nodes of a run that is rolled back go back now: those that had failed first, then the newest. Budgets
// and windows hold as always; pools have no turns. Must never take a node that is quarantined, that somebody
// else has cordoned, or whose former image is not there to be laid: it stays as it is, with the reason.
import type { NodeFacts } from '../inventory.ts';
import { MAX_STEPS_A_TICK, OCCUPIED_MAX } from '../plan.ts';
import type { BackStep, PlanRow, Why } from '../plan.ts';
import type { Release } from '../fleet.ts';
import { settle, tell, tellMore } from './answer.ts';
import type { Context, Look } from './answer.ts';
import { boundsOf, holdSlot } from './board.ts';
import type { PoolBoard } from './board.ts';
import { whyOverBudget } from './budget.ts';
import { cutText, dispositionOf, listMismatches, whyNoInstance } from './disposition.ts';
import { cordonOf, instanceIdOf, zoneOf } from './node-reading.ts';
import { planStep } from './node-step.ts';
import { whyNotTheNode } from './take-node.ts';
import { backStepOf, releaseBack, whyNotLaid } from './way-back.ts';
import type { BackQuestion } from './way-back.ts';
import { own } from '../own.ts';

type Candidate = {
  row: PlanRow;
  poolBoard: PoolBoard;
  release: Release;
  attempt: number;
  back: BackStep;
};

export function takeBack(context: Context, question: BackQuestion): void {
  const { rows, retries } = context.question;
  const indexOf = new Map(rows.map(({ node }, index) => [node, index]));
  for (const { node, attempt } of retries) {
    const index = indexOf.get(node) ?? -1;
    // Whatever it was before, by now it has failed.
    const back = { ...backStepOf(question, index), hadFailed: true };
    takeRow(context, rows[index], { attempt, back });
  }
  for (const index of question.order) {
    const row = rows[index];
    const attempt = (own(question.attempts, row?.node ?? '') ?? 1) + 1;
    takeRow(context, row, { attempt, back: backStepOf(question, index) });
  }
}

function takeRow(
  context: Context,
  row: PlanRow | undefined,
  { attempt, back }: { attempt: number; back: BackStep },
): void {
  const { board, draft } = context;
  const poolBoard = board.pools.find(({ pool }) => pool.name === row?.pool);
  if (row === undefined || poolBoard === undefined || poolBoard.atWork.has(row.node)) return;
  const node = board.node(row.node);
  const why = whyNotTheNode(context, row);
  const release = releaseOfRow(context, row, back);
  if (why !== undefined || node === undefined || release === undefined) {
    const text = `no way back: ${row.noWayBack ?? 'what it ran before is not known'}`;
    settle(context, poolBoard, row, { kind: 'leftAlone', why: why ?? { kind: 'noWayBack', text } });
    return;
  }
  const { owner, definition } = context.question;
  const disposition = dispositionOf(node, { release, catalog: definition.catalog, owner });
  // Of one that had failed an older picture is not believed: it may be from before its cordon. Its way back is
  // gone through, and finds what is there.
  const isBack = disposition.kind === 'upToDate' && !back.hadFailed;
  if (isBack || disposition.kind === 'leftAlone') {
    settle(context, poolBoard, row, disposition);
    return;
  }
  const candidate = { row, poolBoard, release, attempt, back };
  const later = whyNotNow(context, node, candidate);
  if (later === 'nextAnswer') {
    tellMore(draft, poolBoard, node.name, `at most ${MAX_STEPS_A_TICK} nodes are started by one answer`);
  } else if (later !== undefined) {
    tell(draft, poolBoard, later, { example: node.name, zone: zoneOf(node) });
  } else takeNode(context, node, candidate);
}

function releaseOfRow({ question }: Context, row: PlanRow, { how }: BackStep): Release | undefined {
  const { catalog } = question.definition;
  if (row.former !== undefined) return releaseBack(row.former, catalog);
  // Nothing is laid: it needs a name alone.
  const nothing = { imageId: '', release: row.from };
  return how === 'uncordon' ? releaseBack(nothing, []) : undefined;
}

function whyNotNow(
  { board, question, draft }: Context,
  node: NodeFacts,
  { poolBoard, back }: Candidate,
): Why | 'nextAnswer' | undefined {
  const taken = draft.steps.length + draft.toLook.length;
  if (taken >= MAX_STEPS_A_TICK) return 'nextAnswer';
  const occupied = question.occupied.length + taken;
  if (occupied >= OCCUPIED_MAX) {
    const text = `the run holds ${occupied} nodes, which is all that it may; freed when one ends`;
    return { kind: 'slots', text };
  }
  // To lift our own cordon disturbs nobody, at any hour.
  if (back.how === 'uncordon') return undefined;
  if (poolBoard.blocked !== null) return poolBoard.blocked;
  // A failed node stays cordoned by us: to take it back takes nothing more away.
  if (back.hadFailed && cordonOf(node, question.owner).kind === 'ours') return undefined;
  return whyOverBudget(node.name, boundsOf(board, poolBoard, zoneOf(node)));
}

function takeNode(context: Context, node: NodeFacts, candidate: Candidate): void {
  const { board, draft, looks, question } = context;
  const { row, poolBoard, release, attempt, back } = candidate;
  const look = own(looks.seen, node.name);
  if (look === undefined) {
    if (looks.final) {
      tellMore(draft, poolBoard, node.name, 'its instance could not be looked at for this answer');
    } else draft.toLook.push({ node: node.name, instanceId: instanceIdOf(node) ?? '' });
    holdSlot(board, poolBoard, node);
    return;
  }
  const { instance, daemonSets, impact } = look;
  const trouble = whyNotBackEver(context, { node, look, candidate });
  if (trouble !== undefined || instance === null) {
    const gone: Why = { kind: 'instanceGone', text: 'its instance does not exist any more' };
    settle(context, poolBoard, row, { kind: 'leftAlone', why: trouble ?? gone });
    return;
  }
  const { catalog } = question.definition;
  const { pool, startBefore } = poolBoard;
  const step = planStep({ row, node, pool, release, catalog, instance, daemonSets, attempt, impact, back });
  const hasHours = startBefore !== null && back.how === 'reimage';
  draft.steps.push(hasHours ? { ...step, startBefore } : step);
  holdSlot(board, poolBoard, node);
}

/** What no waiting changes. */
function whyNotBackEver(
  { looks }: Context,
  { node, look, candidate }: { node: NodeFacts; look: Look; candidate: Candidate },
): Why | undefined {
  const { release, back } = candidate;
  const { pool } = candidate.poolBoard;
  const instanceId = instanceIdOf(node) ?? '';
  if (back.how === 'uncordon') return undefined;
  const gone = whyNoInstance(instanceId, look.instance ?? undefined);
  if (gone !== undefined || look.instance === null) return gone;
  const image = looks.images[release.imageId];
  const notLaid = whyNotLaid(image);
  if (notLaid !== undefined) {
    return { kind: 'noWayBack', text: `no way back: its former image ${release.imageId} is ${notLaid}` };
  }
  const [mismatch] = listMismatches(node, { pool, release, instanceId, instance: look.instance, image });
  if (mismatch === undefined) return undefined;
  return { kind: 'noWayBack', text: cutText(`no way back: ${mismatch.text}`) };
}
