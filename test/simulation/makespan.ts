// How long a rollout takes when each node takes as long as it was told to: the very planner, asked whenever
// something may have changed, over simulated time in which nobody has to be waited for.
import { keepCanaryClocks, noteCanaryLooks } from '../../domain/machines/fleet-canary.ts';
import { newRunState, newScope } from '../../domain/machines/fleet-state.ts';
import type { RunState } from '../../domain/machines/fleet-state.ts';
import { planNext } from '../../domain/planning/plan-next.ts';
import { planRun } from '../../domain/planning/plan-run.ts';
import type { Look } from '../../domain/planning/answer.ts';
import type { NodeFacts } from '../../domain/inventory.ts';
import type { NextSteps } from '../../domain/plan.ts';
import { ROW_CODES, withCode } from '../../domain/row-codes.ts';
import type { RunDefinition } from '../../domain/run.ts';
import {
  OBSERVED_AT,
  OWNER,
  firstQuestion,
  instanceOf,
  sampleImages,
  sampleInventory,
} from '../domain/planning/sample-fleet.ts';

/** Of nodes that begin and end, and of windows that open: far fewer than this. */
const EVENTS_MAX = 20_000;

type Clockwork = {
  definition: RunDefinition;
  nodes: Map<string, NodeFacts>;
  state: RunState;
  scope: ReturnType<typeof newScope>;
  endsMs: Map<string, { pool: string; atMs: number; tookMs: number }>;
  times: Record<string, readonly number[]>;
  gatesOpened: Set<string>;
};

/** Milliseconds from the observation to the end of the last node; undefined: it stands before all have ended. */
export function makespanOf(
  definition: RunDefinition,
  nodes: readonly NodeFacts[],
  tookMs: (node: string) => number,
): number | undefined {
  const startMs = Date.parse(OBSERVED_AT);
  const plan = planRun(definition, sampleInventory(nodes), OWNER);
  if (plan.kind === 'refused') throw new Error(JSON.stringify(plan.refusals));
  const { draft, rows } = plan;
  const work: Clockwork = {
    definition,
    nodes: new Map(nodes.map((node) => [node.name, node])),
    state: {
      ...newRunState(OBSERVED_AT),
      plan: { ...draft, digest: 'sha256:plan', pages: [] },
      codes: firstQuestion(definition, rows).codes,
    },
    scope: newScope(rows),
    endsMs: new Map(),
    times: {},
    gatesOpened: new Set(),
  };
  let nowMs = startMs;
  let lastMs = startMs;
  for (let event = 0; event < EVENTS_MAX; event += 1) {
    const next = ask(work, nowMs);
    for (const { node, pool } of next.steps) {
      setCode(work, node, ROW_CODES.active);
      const took = tookMs(node);
      work.endsMs.set(node, { pool, atMs: nowMs + took, tookMs: took });
    }
    // Nobody has to be waited for: a gate is answered the moment it is wished.
    const wished = (next.gates ?? []).map(({ name }) => name).filter((name) => !work.gatesOpened.has(name));
    for (const name of wished) work.gatesOpened.add(name);
    if (next.more === true || wished.length > 0) continue;
    const [first] = [...work.endsMs].sort(([, a], [, b]) => a.atMs - b.atMs);
    const opens = next.waiting.flatMap(({ why }) => (why.until === undefined ? [] : [Date.parse(why.until)]));
    const times = [...(first === undefined ? [] : [first[1].atMs]), ...opens].filter((ms) => ms > nowMs);
    if (times.length === 0) {
      return /[wa]/.test(work.state.codes) ? undefined : lastMs - startMs;
    }
    nowMs = Math.min(...times);
    for (const [node, { atMs }] of [...work.endsMs]) {
      if (atMs > nowMs) continue;
      end(work, node);
      lastMs = atMs;
    }
  }
  throw new Error('it does not end');
}

function end(work: Clockwork, name: string): void {
  const ended = work.endsMs.get(name);
  const node = work.nodes.get(name);
  if (ended === undefined || node === undefined) return;
  work.endsMs.delete(name);
  setCode(work, name, ROW_CODES.done);
  const seconds = Math.max(1, Math.round(ended.tookMs / 1000));
  work.times[ended.pool] = [...(work.times[ended.pool] ?? []), seconds].slice(-20);
  const kubeletVersion = work.definition.releases[ended.pool]?.expects.kubeletVersion ?? '';
  work.nodes.set(name, { ...node, kubeletVersion, ready: 'True' });
}

function setCode(work: Clockwork, node: string, code: string): void {
  const index = work.scope.indexOf.get(node) ?? -1;
  work.state = { ...work.state, codes: withCode(work.state.codes, index, code as never) };
}

function ask(work: Clockwork, nowMs: number): NextSteps {
  const observedAt = new Date(nowMs).toISOString();
  work.state = keepCanaryClocks(work.state, work.scope, observedAt);
  const seen: Record<string, Look> = {};
  const nodes = [...work.nodes.values()];
  const question = {
    definition: work.definition,
    owner: OWNER,
    rows: work.scope.rows,
    codes: work.state.codes,
    occupied: [...work.endsMs].map(([node, { pool }]) => ({ node, pool })),
    retries: [],
    canaries: work.state.canaries,
    nodeTimes: work.times,
    gatesOpened: [...work.gatesOpened],
  };
  for (let round = 0; ; round += 1) {
    const looks = { seen, images: sampleImages(), final: round === 8 };
    const plan = planNext(question, { observedAt, nodes }, looks);
    if (plan.kind === 'steps') {
      work.state = noteCanaryLooks(work.state, plan.next.canaries ?? [], observedAt);
      return plan.next;
    }
    for (const { node } of plan.nodes) {
      const facts = work.nodes.get(node);
      seen[node] = { instance: facts === undefined ? null : instanceOf(facts), daemonSets: [] };
    }
  }
}
