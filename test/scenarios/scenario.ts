// A scenario is a text: prose after `#`, commands after `$`, and under each command what the planner
// answered. Running it writes the text again; a test holds the two equal. Reads like a story.
import type { NodeFacts } from '../../domain/inventory.ts';
import type { NextSteps } from '../../domain/plan.ts';
import { ROW_CODES } from '../../domain/row-codes.ts';
import {
  instanceOf,
  sampleDefinition,
  sampleNodes,
  samplePool,
  withUnavailableMax,
} from '../domain/planning/sample-fleet.ts';
import { change, codeOf, finish, setCode, startRollout, tick } from '../simulation/rollout.ts';
import type { Rollout } from '../simulation/rollout.ts';

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
    return story.rollout.rows.map((row) => `  ${row.node} in ${row.zone}, ${row.from} --> ${row.to}`);
  }
  const { rollout } = story;
  if (rollout === null) throw new Error('a scenario begins with: $ fleet POOL=NODES@UNAVAILABLE-MAX …');
  if (name === 'ask') return renderAnswer(rollout, tick(rollout));
  for (const node of words) happen(rollout, name, node);
  return [];
}

/** `batch=4@2` is a pool of four nodes, two of which may be away. */
function readFleet(words: readonly string[]) {
  const pools = words.map((word) => {
    const [, name = '', nodes, max] = /^(\w+)=(\d+)@(\d+)$/.exec(word) ?? [];
    return { name, nodes: Number(nodes), pool: samplePool(name, { policy: withUnavailableMax(Number(max)) }) };
  });
  const definition = sampleDefinition({ pools: pools.map((one) => one.pool) });
  const nodes: NodeFacts[] = pools.flatMap((one) => sampleNodes(one.name, one.nodes));
  return { definition, nodes };
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
    `  after: ${counts.join(', ')}`,
  ];
}
