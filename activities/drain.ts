// Empties a node: asks the port to drain it, tells what holds it, and gives its slot back while nothing
// moves. A stalled attempt fails benignly and comes back after RETRY_MS; when there is still nothing to do
// it leaves again at once, so that a long wait holds no slot, writes no history, and yet goes on within a
// second of a PDB's allowing it. Must never evict without a grant, nor turn a worker's shutdown into an end.
import { Context } from '@temporalio/activity';
import type { DrainOutcome, DrainResume } from '../adapters/ports/kubernetes.ts';
import type { Runs } from '../adapters/ports/runs.ts';
import type { DrainProgress } from '../domain/node-state.ts';
import type { DrainResult, NodeActivities, NodeActivityInput, Withheld } from './api.ts';
import { HEARTBEAT_INTERVAL_MS, isPassing, isPast, mapped } from './attempt.ts';
import type { ActivityDeps } from './deps.ts';
import { notYet } from './failures.ts';
import { whyWithheld } from './grant.ts';

type DrainInput = NodeActivityInput & { deadline: string; force?: readonly string[] };

/** What one attempt leaves to the next, through heartbeats; about 10 KB at the most. */
type DrainDetails = {
  resume: DrainResume | null;
  progress: DrainProgress;
  grantAtMs: number;
  /** What the last attempt failed on: at the deadline it is why the node is not empty. */
  failure?: string;
  /** The pods are those that force was approved for: looked at once, before anything was forced. */
  forceLooked?: boolean;
};

/** How far a drain had come at its deadline, and what its last try could not get past. */
type Late = { progress: DrainProgress; why?: string };

/** It travels with every beat, with the node's end and with a question of force. */
const FAILURE_CHARS_MAX = 500;
/** A PDB that allows again is used within a second: this, the server's dispatch and one eviction. */
const RETRY_MS = 600;
/** A stalled drain evicts nothing; it asks this often whether its parent still wants it at all. */
const GRANT_AGE_MAX_MS = 30_000;
/** Before an eviction the grant must be of this very moment, give or take the answer's way. */
const GRANT_AGE_BEFORE_EVICTING_MS = 2_000;
/** A node's reasons are for people: a parent that cannot be told now is told by the next attempt. */
const TELL_MAX_MS = 5_000;

const NOTHING_SEEN: DrainProgress = { podsTotal: 0, podsLeft: 0, blockers: [], blockersTotal: 0 };

export function createDrainActivities(deps: ActivityDeps): Pick<NodeActivities, 'drainNode'> {
  return { drainNode: (o) => mapped(() => drainNode(deps, o)) };
}

async function drainNode(deps: ActivityDeps, o: DrainInput): Promise<DrainResult> {
  const context = Context.current();
  const before = context.info.heartbeatDetails as DrainDetails | undefined;
  const grant = createGrant(deps, o, before?.grantAtMs ?? Number.NEGATIVE_INFINITY);
  const teller = createTeller(deps.runs, o);
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), Math.max(0, msLeft(deps, o)));
  let progress = before?.progress ?? NOTHING_SEEN;
  let failure = before?.failure;
  let forceLooked = before?.forceLooked === true;
  let newestResume = before?.resume ?? null;
  const beat = (resume: DrainResume | null) => {
    newestResume = resume;
    const details: DrainDetails = {
      resume: resume === null ? null : teller.corrected(resume),
      progress,
      grantAtMs: grant.atMs(),
      ...(failure === undefined ? {} : { failure }),
      ...(forceLooked ? { forceLooked } : {}),
    };
    context.heartbeat(details);
  };
  const late = (): Late => ({ progress, ...(failure === undefined ? {} : { why: failure }) });
  // The drain beats by itself once it looks at pods; before that it may wait for a watch's first list.
  const beats = setInterval(() => beat(newestResume), HEARTBEAT_INTERVAL_MS);
  try {
    if (isPast({ now: deps.now, deadline: o.deadline })) return await timedOut(deps, o, late());
    await grant.check(GRANT_AGE_MAX_MS);
    if (o.force !== undefined && !forceLooked) {
      const outdated = await whyForceOutdated(deps, o, o.force);
      if (outdated !== undefined) return outdated;
      forceLooked = true;
      beat(newestResume);
    }
    const outcome = await deps.kubernetes.cluster(o.cluster).drain({
      ...whatToDrain(o),
      resume: before?.resume ?? null,
      signal: AbortSignal.any([context.cancellationSignal, deadline.signal]),
      beforeEvicting: () => grant.check(GRANT_AGE_BEFORE_EVICTING_MS),
      onBlockersChanged: (changed) => {
        progress = changed;
        teller.tell(changed);
      },
      onHeartbeat: (resume, newest) => {
        progress = newest;
        failure = undefined;
        beat(resume);
      },
    });
    await teller.settled();
    if (outcome.kind === 'stalled') {
      progress = outcome.progress;
      failure = undefined;
      beat(outcome.resume);
    }
    return answer(deps, outcome);
  } catch (error) {
    if (error instanceof GrantWithheld) return error.withheld;
    if (context.cancellationSignal.aborted) return cancelledOrLater(context);
    if (isPassing(error)) failure = error.message.slice(0, FAILURE_CHARS_MAX);
    const isLate = isPast({ now: deps.now, deadline: o.deadline });
    if (deadline.signal.aborted || (isLate && isPassing(error))) return await timedOut(deps, o, late());
    if (isPassing(error)) beat(newestResume);
    throw error;
  } finally {
    clearTimeout(timer);
    clearInterval(beats);
  }
}

function whatToDrain({ step, run, force, deadline }: DrainInput) {
  return {
    node: step.node,
    uid: step.uid,
    owner: run.owner,
    force: force ?? [],
    rules: step.drain.rules ?? [],
    startedAt: new Date(Date.parse(deadline) - step.drain.timeoutMs).toISOString(),
  };
}

/** One LIST more, and only where somebody would be asked for force. */
async function timedOut(deps: ActivityDeps, o: DrainInput, late: Late): Promise<DrainResult> {
  const { node, drain } = o.step;
  if (drain.onTimeout !== 'force') return { kind: 'timedOut', ...late };
  const force = await deps.kubernetes.cluster(o.cluster).collectForcePods({ node });
  return { kind: 'timedOut', ...late, force };
}

/**
 * Looked at before anything is forced: a yes is for the very pods that the person saw, and for no others. When
 * all of them are gone nothing is left to ask for. A later attempt finds fewer of them, by its own evictions.
 */
async function whyForceOutdated(
  deps: ActivityDeps,
  o: DrainInput,
  uids: readonly string[],
): Promise<DrainResult | undefined> {
  const approved = new Set(uids);
  const force = await deps.kubernetes.cluster(o.cluster).collectForcePods({ node: o.step.node });
  const isSame = force.total === approved.size && force.pods.every(({ uid }) => approved.has(uid));
  return isSame || force.total === 0 ? undefined : { kind: 'forceOutdated', force };
}

function answer(deps: ActivityDeps, outcome: DrainOutcome): DrainResult {
  switch (outcome.kind) {
    case 'drained':
      return { kind: 'drained', evicted: outcome.evicted, atMs: deps.now().getTime() };
    case 'unsafe':
      return outcome;
    case 'stalled':
      throw notYet({ type: 'DrainStalled', message: describe(outcome.progress), retryDelayMs: RETRY_MS });
  }
}

function describe(progress: DrainProgress): string {
  const first = progress.blockers[0];
  const held = first === undefined ? '' : `: ${first.namespace}/${first.pod}: ${first.text}`;
  return `${progress.podsLeft} of ${progress.podsTotal} pods left${held}`;
}

/** Only a cancellation that somebody asked for ends the drain; a worker that stops leaves it to another. */
function cancelledOrLater(context: Context): DrainResult {
  if (context.cancellationDetails?.cancelRequested === true) return { kind: 'cancelled' };
  throw notYet({
    type: 'DrainStalled',
    message: 'this worker stops: another one goes on with the drain',
    retryDelayMs: RETRY_MS,
  });
}

function msLeft(deps: ActivityDeps, o: DrainInput): number {
  // Longer than any timer can be set for: the drain's own deadline is looked at again in each attempt.
  return Math.min(Date.parse(o.deadline) - deps.now().getTime(), 2 ** 31 - 1);
}

class GrantWithheld extends Error {
  readonly withheld: Withheld;
  constructor(withheld: Withheld) {
    super(withheld.why);
    this.withheld = withheld;
  }
}

/** The run's word that this drain may go on, asked anew when the last answer is too old. */
function createGrant(deps: ActivityDeps, o: DrainInput, lastAtMs: number) {
  let atMs = lastAtMs;
  return {
    atMs: () => atMs,
    async check(ageMaxMs: number): Promise<void> {
      const nowMs = deps.now().getTime();
      if (nowMs - atMs < ageMaxMs) return;
      const withheld = await whyWithheld(deps.runs, o);
      // A pause lets what is draining run to its end.
      if (withheld !== undefined && withheld.grant !== 'paused') throw new GrantWithheld(withheld);
      atMs = nowMs;
    },
  };
}

/** Tells child and parent what holds the node; one report at a time, the newest one wins. */
function createTeller(runs: Runs, o: DrainInput) {
  const { childId, parentId } = o.grant;
  const { log } = Context.current();
  let pending: DrainProgress | undefined;
  let sending: Promise<void> | undefined;
  let failed = false;

  async function send(): Promise<void> {
    while (pending !== undefined) {
      const progress = pending;
      pending = undefined;
      try {
        await runs.reportProgress({ childId, parentId, node: o.step.node, progress });
        failed = false;
      } catch (error) {
        failed = true;
        log.warn('what holds the node could not be told', { node: o.step.node, error });
      }
    }
    sending = undefined;
  }

  return {
    tell(progress: DrainProgress) {
      pending = progress;
      sending ??= send();
    },
    async settled() {
      if (sending === undefined) return;
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, TELL_MAX_MS)));
      await Promise.race([sending, late]).finally(() => clearTimeout(timer));
    },
    /** What nobody has heard was not told: the next attempt tells it again. */
    corrected: (resume: DrainResume): DrainResume =>
      failed || sending !== undefined ? { ...resume, told: '' } : resume,
  };
}
