// A scenario is a text: prose after `#`, commands after `$`, and under each command what the planner
// answered. Running it writes the text again; a test holds the two equal. Reads like a story.
import type { NodeFacts } from '../../domain/inventory.ts';
import type { NextSteps } from '../../domain/plan.ts';
import type { Policy } from '../../domain/policy.ts';
import { ROW_CODES } from '../../domain/row-codes.ts';
import {
  instanceOf,
  sampleDefinition,
  sampleNodes,
  samplePool,
  withUnavailableMax,
} from '../domain/planning/sample-fleet.ts';
import { answerGate, change, finish, setCode, startRollout, tick } from '../simulation/rollout.ts';
import { codeOf } from '../simulation/rollout-state.ts';
import type { Rollout } from '../simulation/rollout-state.ts';

/** The same text with every answer as it is now. */
export function replayScenario(text: string): string {
  const story: { rollout: Rollout | null } = { rollout: null };
  const lines: string[] = [];
  for (const line of text.split('\n')) {
    if (line.startsWith('$ ')) lines.push(line, ...runCommand(story, line.slice(2).trim().split(/\s+/)));
    else if (line.startsWith('#') || line === '') lines.push(line);
  }
  return lines.join('\n');
}

type Story = { rollout: Rollout | null };

function runCommand(story: Story, [name = '', ...words]: string[]): readonly string[] {
  if (name === 'fleet') {
    const { definition, nodes } = readFleet(words);
    story.rollout = startRollout(definition, nodes);
    return story.rollout.rows.map((row) => {
      const turn = row.canary === true ? ', canary' : row.wasNotReady === true ? ', not Ready' : '';
      return `  ${row.node} in ${row.zone}, ${row.from} --> ${row.to}${turn}`;
    });
  }
  const { rollout } = story;
  if (rollout === null) throw new Error('a scenario begins with: $ fleet POOL=NODES@UNAVAILABLE-MAX …');
  if (name === 'ask') return renderAnswer(rollout, tick(rollout));
  if (name === 'wait') {
    // Each question is a minute later than the one before, by itself.
    rollout.minutes += Number(words[0]);
    return [];
  }
  for (const word of words) {
    const gate = rollout.gates.find((one) => one.name === word);
    if (gate !== undefined) answerGate(rollout, gate, name === 'approve');
    else happen(rollout, name, word);
  }
  return [];
}

/**
 * `batch=4@2` is a pool of four nodes, two of which may be away. For all pools: `canaries=1 soak=10` (minutes),
 * `before=canary`, `zone=1`, `window=10:00+30` (each day, UTC, so many minutes) with `takes=10` (minutes a node is
 * expected to take); for the cluster: `cluster=3`; `ill=batch-2` is not Ready from the beginning.
 */
function readFleet(words: readonly string[]) {
  const options = new Map(words.map((word) => word.split('=') as [string, string]));
  const number = (name: string) => Number(options.get(name) ?? 0);
  const pools = [...options].flatMap(([name, value]) => {
    const [, nodes, max] = /^(\d+)@(\d+)$/.exec(value) ?? [];
    if (nodes === undefined) return [];
    const base = withUnavailableMax(Number(max));
    const policy = {
      ...base,
      ...readHours(options.get('window'), number('takes') * 60_000, base),
      disruption: { ...base.disruption, unavailableMaxPerZone: number('zone') || null },
      canary: { nodes: { kind: 'count' as const, count: number('canaries') }, soakMs: number('soak') * 60_000 },
      approval: { ...base.approval, ...(options.has('before') ? { before: 'canary' as const } : {}) },
    };
    return [{ name, nodes: Number(nodes), pool: samplePool(name, { policy }) }];
  });
  const cluster = number('cluster');
  const clusterUnavailableMax = cluster === 0 ? null : { kind: 'count' as const, count: cluster };
  const definition = sampleDefinition({ pools: pools.map((one) => one.pool), clusterUnavailableMax });
  const nodes: NodeFacts[] = pools
    .flatMap((one) => sampleNodes(one.name, one.nodes))
    .map((node) => (node.name === options.get('ill') ? { ...node, ready: 'Unknown' } : node));
  return { definition, nodes };
}

const ALL_DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

function readHours(window: string | undefined, takesMs: number, { drain, reimage }: Policy): Partial<Policy> {
  const [start, minutes] = window?.split('+') ?? [];
  if (start === undefined || minutes === undefined) return {};
  const daily = { days: ALL_DAYS, start, durationMs: Number(minutes) * 60_000, timezone: 'UTC' };
  return {
    windows: [daily],
    drain: { ...drain, timeoutMs: takesMs / 2 },
    reimage: { ...reimage, timeoutMs: takesMs / 2 },
  };
}

const HAPPENINGS: Readonly<Record<string, (rollout: Rollout, node: string) => void>> = {
  done: (rollout, node) => finish(rollout, node, 'done'),
  failed: (rollout, node) => finish(rollout, node, 'failed'),
  deferred: (rollout, node) => finish(rollout, node, 'deferred'),
  'put-back': (rollout, node) => finish(rollout, node, 'putBack'),
  skip: (rollout, node) => setCode(rollout, node, 'skipped'),
  retry: (rollout, node) => {
    rollout.retries.push({ node, attempt: (rollout.attempts.get(node) ?? 1) + 1 });
  },
  cordon: (rollout, node) => change(rollout, node, { unschedulable: true }),
  uncordon: (rollout, node) => change(rollout, node, { unschedulable: false, annotations: {} }),
  'not-ready': (rollout, node) => change(rollout, node, { ready: 'Unknown' }),
  ready: (rollout, node) => change(rollout, node, { ready: 'True' }),
  delete: (rollout, node) => {
    rollout.nodes.delete(node);
  },
  replace: (rollout, node) => change(rollout, node, { uid: `uid-${node}-new` }),
  stop: (rollout, node) => {
    const facts = rollout.nodes.get(node);
    if (facts === undefined) return;
    const instance = instanceOf(facts);
    rollout.instances.set(instance.instanceId, { ...instance, state: 'stopped' });
  },
};

function happen(rollout: Rollout, name: string, node: string): void {
  const happening = HAPPENINGS[name];
  if (happening === undefined) throw new Error(`no command ${name}; there are ${Object.keys(HAPPENINGS).join()}`);
  if (codeOf(rollout, node) === undefined) throw new Error(`no node ${node} in this scenario`);
  happening(rollout, node);
}

function renderAnswer(rollout: Rollout, next: NextSteps): readonly string[] {
  const slots = next.slots.map((slot) => `${slot.pool} ${slot.unavailable} of ${slot.unavailableMax} away`);
  const names = Object.entries(ROW_CODES).map(([name, code]) => [code, name] as const);
  const counts = names
    .map(([code, name]) => ({ name, nodes: [...rollout.codes].filter((char) => char === code).length }))
    .filter(({ nodes }) => nodes > 0)
    .map(({ name, nodes }) => `${nodes} ${name}`);
  return [
    `  before: ${slots.join(', ')}`,
    ...next.steps.map((step) => {
      const attempt = step.attempt > 1 ? ` (attempt ${step.attempt})` : '';
      return `  start ${step.node}${attempt}`;
    }),
    ...next.settled.map(({ node, disposition }) => {
      const why = disposition.kind === 'leftAlone' ? `: ${disposition.why.text}` : '';
      return `  ${node} ${disposition.kind}${why}`;
    }),
    ...next.waiting.map(({ why, nodes, example }) => `  wait ${nodes} (${why.kind}, e.g. ${example}): ${why.text}`),
    ...(next.gates ?? []).flatMap(({ name, evidence }) => [
      `  gate ${name}`,
      ...evidence.map((line) => `    ${line}`),
    ]),
    `  after: ${counts.join(', ')}`,
  ];
}
