// The rules of a rollout, checked at every step by what the rules themselves see of the world: which node may
// be started when, and how many may be away. Shares nothing with the planner but how a pool's labels match.
import { matches } from '../../domain/planning/match-pools.ts';
import { instanceIdOf } from '../../domain/planning/node-reading.ts';
import type { NodeFacts } from '../../domain/inventory.ts';
import type { NextSteps, NodeStep, PlanRow } from '../../domain/plan.ts';
import type { Amount } from '../../domain/policy.ts';
import { ROW_CODES } from '../../domain/row-codes.ts';
import { OWNER } from '../domain/planning/sample-fleet.ts';
import { codeOf } from './rollout-state.ts';
import type { Rollout } from './rollout-state.ts';

export function checkAnswer(rollout: Rollout, shown: readonly NodeFacts[], next: NextSteps): void {
  const byName = new Map(shown.map((node) => [node.name, node]));
  const rule = (holds: boolean, text: string) => {
    if (!holds) throw new Error(`rule: ${text}`);
  };
  watchCanaries(rollout, byName);
  const started = next.steps.map((step) => step.node);
  rule(new Set(started).size === started.length, 'no node is started twice in one answer [I92]');
  const retried = new Set(rollout.retries.map((retry) => retry.node));
  for (const step of next.steps) {
    const { node: name } = step;
    const node = byName.get(name);
    rule(!rollout.atWork.has(name), `${name} is at work already [I92]`);
    const planned = rollout.rows.find((row) => row.node === name)?.uid;
    rule(node?.uid === planned && step.uid === planned, `${name} is the node that was planned [I104]`);
    if (node === undefined) continue;
    const foreign = node.unschedulable && node.annotations['refit.dev/owner'] !== OWNER;
    rule(!foreign, `${name} is not cordoned by another [I90]`);
    const instance = rollout.instances.get(instanceIdOf(node) ?? '');
    rule(instance?.state === 'running', `${name} has an instance that runs`);
    const expected = retried.has(name) ? ROW_CODES.failed : ROW_CODES.waiting;
    rule(codeOf(rollout, name) === expected, `${name} stands as ${expected}`);
    rule(
      endsInHours(rollout, step.pool, Date.parse(next.observedAt)),
      `${name} ends in its hours [I126] [I127] [I128]`,
    );
    checkDeferral(rollout, step, retried.has(name));
    if (retried.has(name)) continue;
    checkTurn(rollout, byName, next, step.pool);
    checkStage(rollout, byName, next, name);
  }
  checkAccount(rollout, next);
  for (const step of next.steps) {
    const row = rollout.rows.find((one) => one.node === step.node);
    if (row !== undefined && row.canary !== true && !retried.has(row.node)) rollout.othersBegun.add(row.pool);
  }
}

/** Left to its pods until its time, then taken by the attempt that it left with, its deferrals counted. */
function checkDeferral(rollout: Rollout, { node, attempt, drain }: NodeStep, retried: boolean): void {
  const { until = null, times = 0 } = rollout.deferred.get(node) ?? {};
  if (until !== null && rollout.minutes < until) throw new Error(`rule: ${node} is left to its pods [I156]`);
  // One that was put back comes by what the planner says: its run knows better (fleet-steps.ts).
  const expected = (rollout.attempts.get(node) ?? 1) + (retried ? 1 : 0);
  if (times > 0 && attempt !== expected)
    throw new Error(`rule: ${node} comes by attempt ${attempt}, not ${expected} [I158]`);
  if ((drain.deferrals ?? 0) !== times) throw new Error(`rule: ${node} was deferred ${times} times [I158]`);
}

/** Open in each minute from the start of a node to its expected end. Windows are daily and in UTC here. */
function endsInHours({ definition }: Rollout, pool: string, startMs: number): boolean {
  const policy = definition.pools.find(({ name }) => name === pool)?.policy;
  if (policy === undefined || (policy.windows.length === 0 && policy.exclusions.length === 0)) return true;
  const { drain, reimage, verify } = policy;
  const expectedMs =
    Math.min(drain.timeoutMs, 1_800_000) + Math.min(reimage.timeoutMs, 1_800_000) + verify.soakMs;
  const isOpen = (ms: number) => {
    const minute = Math.floor(ms / 60_000) % 1440;
    const inWindow = policy.windows.some(({ start, durationMs }) => {
      const opens = Number(start.slice(0, 2)) * 60 + Number(start.slice(3));
      return (minute - opens + 1440) % 1440 < durationMs / 60_000;
    });
    const excluded = policy.exclusions.some(
      ({ from, until }) => Date.parse(from) <= ms && ms < Date.parse(until),
    );
    return !excluded && (policy.windows.length === 0 || inWindow);
  };
  for (let ms = startMs; ms < startMs + expectedMs; ms += 60_000) if (!isOpen(ms)) return false;
  return true;
}

/** Canaries first, watched for the whole soak; those that were not Ready last; both behind their gates. */
function checkStage(
  rollout: Rollout,
  byName: ReadonlyMap<string, NodeFacts>,
  next: NextSteps,
  name: string,
): void {
  const row = rollout.rows.find((one) => one.node === name);
  if (row === undefined || row.canary === true) return;
  const settled = new Set(next.settled.map((one) => one.node));
  const isOpen = (other: PlanRow) => {
    const code = codeOf(rollout, other.node);
    const retried = rollout.retries.some(({ node }) => node === other.node);
    return (code === ROW_CODES.waiting && !settled.has(other.node)) || code === ROW_CODES.active || retried;
  };
  const inPool = rollout.rows.filter(({ pool }) => pool === row.pool);
  if (row.wasNotReady === true) {
    const gate = rollout.gatesOpened.has(`notReady/${row.pool}`);
    if (!gate) throw new Error(`rule: ${name} was not Ready, and nobody has said yes [I112]`);
    const before = inPool.find(
      (other) => other.wasNotReady !== true && !rollout.deferred.has(other.node) && isOpen(other),
    );
    if (before !== undefined)
      throw new Error(`rule: ${name} was not Ready and comes after ${before.node} [I112]`);
    return;
  }
  const canaries = inPool.filter((other) => other.canary === true);
  const policy = rollout.definition.pools.find((pool) => pool.name === row.pool)?.policy;
  const gates = [...rollout.gatesOpened].filter((gate) => gate === 'canary' || gate === `canary/${row.pool}`);
  if (policy === undefined || gates.length > 0) return;
  if (policy.approval.before === 'canary') throw new Error(`rule: ${name} waits for gate canary [I114]`);
  if (canaries.length === 0 || rollout.othersBegun.has(row.pool)) return;
  if (canaries.some(isOpen)) throw new Error(`rule: ${name} waits for its canaries [I113]`);
  const proving = canaries.filter((one) => /[du]/.test(codeOf(rollout, one.node) ?? ''));
  if (proving.length === 0) throw new Error(`rule: ${name} follows no canary that ended well [I113]`);
  const ill = proving.find((one) => isUnwell(one, byName));
  if (ill !== undefined) throw new Error(`rule: canary ${ill.node} is not well [I113]`);
  const since = Math.max(
    rollout.canariesEndedAt.get(row.pool) ?? Infinity,
    rollout.unwellAt.get(row.pool) ?? 0,
  );
  if ((rollout.minutes - since) * 60_000 < policy.canary.soakMs) {
    throw new Error(`rule: ${name} waits for the soak [I113]`);
  }
}

function isUnwell(row: PlanRow, byName: ReadonlyMap<string, NodeFacts>): boolean {
  const node = byName.get(row.node);
  const shows = node?.kubeletVersion === 'v1.36.1';
  return node?.uid !== row.uid || node.ready !== 'True' || node.unschedulable || !shows;
}

/** Told by what the checker itself sees, minute by minute. */
function watchCanaries(rollout: Rollout, byName: ReadonlyMap<string, NodeFacts>): void {
  for (const { name: pool } of rollout.definition.pools) {
    const canaries = rollout.rows.filter((row) => row.pool === pool && row.canary === true);
    const open = canaries.some(
      (row) =>
        /[wa]/.test(codeOf(rollout, row.node) ?? '') || rollout.retries.some(({ node }) => node === row.node),
    );
    if (open || canaries.length === 0) {
      rollout.canariesEndedAt.delete(pool);
      continue;
    }
    if (!rollout.canariesEndedAt.has(pool)) {
      rollout.canariesEndedAt.set(pool, rollout.minutes);
      rollout.unwellAt.delete(pool);
    }
    const proving = canaries.filter((one) => /[du]/.test(codeOf(rollout, one.node) ?? ''));
    const waits = rollout.rows.some(
      (row) => row.pool === pool && row.canary !== true && codeOf(rollout, row.node) === ROW_CODES.waiting,
    );
    if (waits && proving.some((one) => isUnwell(one, byName))) rollout.unwellAt.set(pool, rollout.minutes);
  }
}

/** Order: nothing of an earlier pool waits, and no Ready node waits behind one that is not. */
function checkTurn(
  rollout: Rollout,
  byName: ReadonlyMap<string, NodeFacts>,
  next: NextSteps,
  pool: string,
): void {
  const settled = new Set(next.settled.map((one) => one.node));
  const started = new Set(next.steps.map((step) => step.node));
  const pools = rollout.definition.pools.map((one) => one.name);
  const earlier = pools.slice(0, pools.indexOf(pool));
  const waits = (row: PlanRow) => codeOf(rollout, row.node) === ROW_CODES.waiting && !settled.has(row.node);
  for (const row of rollout.rows) {
    const open = waits(row) || codeOf(rollout, row.node) === ROW_CODES.active;
    if (row.wasNotReady === true || rollout.deferred.has(row.node)) continue;
    if (earlier.includes(row.pool) && open) throw new Error(`rule: pool ${pool} waits for ${row.node} [I97]`);
  }
  const isLeft = ({ node }: PlanRow) => (rollout.deferred.get(node)?.until ?? 0) > rollout.minutes;
  const inPool = rollout.rows.filter(
    (row) =>
      row.pool === pool && waits(row) && row.wasNotReady !== true && row.canary !== true && !isLeft(row),
  );
  const isReady = (row: PlanRow) => byName.get(row.node)?.ready === 'True';
  const unreadyStarted = inPool.some((row) => started.has(row.node) && !isReady(row));
  const readyWaits = inPool.some((row) => !started.has(row.node) && isReady(row));
  // One that carries our own cordon stands idle already and goes first, Ready or not.
  const ours = inPool.some((row) => byName.get(row.node)?.annotations['refit.dev/owner'] === OWNER);
  if (unreadyStarted && readyWaits && !ours)
    throw new Error('rule: a node that is not Ready comes last [I98]');
}

/** Every waiting row is started, settled, or told why not. */
function checkAccount(rollout: Rollout, next: NextSteps): void {
  const waiting = [...rollout.codes].filter((code) => code === ROW_CODES.waiting).length;
  const asked = waiting + rollout.retries.filter((retry) => !rollout.atWork.has(retry.node)).length;
  const told = next.waiting.reduce((sum, one) => sum + one.nodes, 0);
  const answered = next.steps.length + next.settled.length + told;
  if (answered !== asked) throw new Error(`rule: ${asked} nodes wait, ${answered} are answered for [I101]`);
  const mute = next.waiting.find(
    ({ why }) => !/begins when|taken when|freed when|opens when|goes on 20/.test(why.text),
  );
  if (mute !== undefined) throw new Error(`rule: a reason says what frees it [I101]: ${mute.why.text}`);
}

/** What is away after this answer exceeds no bound by anything that was started now. */
export function checkOwnShare(rollout: Rollout, shown: readonly NodeFacts[], next: NextSteps): void {
  const { definition, rows, nodes } = rollout;
  const fresh = next.steps.filter((step) => step.attempt === 1);
  const ours = [...nodes.values()].filter((node) => node.annotations['refit.dev/owner'] === OWNER);
  const zoneOfName = (name: string) => rows.find((row) => row.node === name)?.zone ?? '';
  const check = (
    bound: { max: number; what: string; id: string },
    has: (name: string, pool: string | undefined) => boolean,
  ) => {
    const poolOf = (node: NodeFacts) => definition.pools.find((pool) => matches(node, pool))?.name;
    const atWork = [...rollout.atWork].filter(([name, { pool }]) => has(name, pool)).map(([name]) => name);
    const own = new Set([
      ...ours.filter((node) => has(node.name, poolOf(node))).map(({ name }) => name),
      ...atWork,
    ]);
    const away = shown.filter((node) => node.unschedulable || node.ready !== 'True');
    const all = new Set([
      ...away.filter((node) => has(node.name, poolOf(node))).map(({ name }) => name),
      ...atWork,
    ]);
    for (const [size, whose] of [
      [own.size, 'by us'],
      [all.size, 'in all'],
    ] as const) {
      if (size > bound.max)
        throw new Error(`rule: ${size} of ${bound.what} away ${whose}, ${bound.max} allowed [${bound.id}]`);
    }
  };
  for (const { pool: name, node } of fresh) {
    const pool = definition.pools.find((one) => one.name === name);
    const inPool = shown.filter((one) => pool !== undefined && matches(one, pool)).length;
    if (pool === undefined) continue;
    const { unavailableMax, unavailableMaxPerZone } = pool.policy.disruption;
    check(
      { max: amountOf(unavailableMax, inPool), what: `pool ${name}`, id: 'I91' },
      (_, its) => its === name,
    );
    const zone = zoneOfName(node);
    if (unavailableMaxPerZone !== null) {
      const inZone = shown.filter((one) => matches(one, pool) && zoneOfName(one.name) === zone).length;
      const max =
        typeof unavailableMaxPerZone === 'number'
          ? unavailableMaxPerZone
          : amountOf(unavailableMaxPerZone, inZone);
      check(
        { max, what: `pool ${name} in ${zone}`, id: 'I110' },
        (one, its) => its === name && zoneOfName(one) === zone,
      );
    }
  }
  const { clusterUnavailableMax } = definition;
  if (clusterUnavailableMax !== null && fresh.length > 0) {
    check(
      { max: amountOf(clusterUnavailableMax, shown.length), what: 'the cluster', id: 'I111' },
      () => true,
    );
  }
}

/** Written down once more, so that the planner's own reading is not what judges it. */
function amountOf(amount: Amount, nodes: number): number {
  return amount.kind === 'count' ? amount.count : Math.max(1, Math.floor((nodes * amount.percent) / 100));
}
