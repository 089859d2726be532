// The planner as it is, over the nodes of the fake world: for tests of what planner and run do together.
import { createHash } from 'node:crypto';
import type { PlanNextInput } from '../../activities/api.ts';
import type { NodeFacts } from '../../domain/inventory.ts';
import { planNext } from '../../domain/planning/plan-next.ts';
import { planRun } from '../../domain/planning/plan-run.ts';
import type { NextSteps } from '../../domain/plan.ts';
import { imageFacts, instanceFacts } from '../fakes/fake-instances.ts';
import { nodeFacts } from '../fakes/fake-kubernetes.ts';
import type { FakeWorld } from './fake-world.ts';
import { definitionOf } from './shapes.ts';

/** Nodes that are not Ready, changed by the test. */
export type Health = { notReady: Set<string> };

/** Lays the real planner into a world before its run starts. */
export function withRealPlanner(world: FakeWorld, health: Health): void {
  const names = world.rows.map(({ node }) => node);
  const images = Object.fromEntries(['ami-1', 'ami-2'].map((imageId) => [imageId, imageFacts({ imageId })]));
  const instances = Object.fromEntries(
    names.map((name) => [`i-${name}`, instanceFacts({ instanceId: `i-${name}` })]),
  );
  const nodes = (owner: string): NodeFacts[] =>
    names.map((name) =>
      nodeFacts({
        name,
        labels: { pool: 'h100' },
        podsToMove: 1,
        unschedulable: world.cordoned.has(name),
        annotations: world.cordoned.has(name) ? { 'refit.dev/owner': owner } : {},
        ready: health.notReady.has(name) ? 'Unknown' : 'True',
        kubeletVersion: world.laid.get(name) === '2026.11' ? 'v1.36.1' : 'v1.35.2',
      }),
    );
  const definition = definitionOf(world.policy, { fleet: 'training', cluster: 'prod-east' });
  const observedAt = new Date().toISOString();
  const seen = { cluster: 'prod-east', apiServerVersion: 'v1.36.1', observedAt, instances, images };
  const plan = planRun(definition, { ...seen, nodes: nodes('') }, null);
  if (plan.kind === 'refused') throw new Error(JSON.stringify(plan.refusals));
  world.rows.splice(0, world.rows.length, ...plan.rows);
  const digest = `sha256:${createHash('sha256').update(JSON.stringify(plan.rows)).digest('hex')}`;
  world.outcome = { kind: 'planned', summary: { ...plan.draft, digest, pages: ['sha256:page'] } };
  const looks = names.map(
    (name) => [name, { instance: instances[`i-${name}`] ?? null, daemonSets: [] }] as const,
  );
  world.planner = (o: PlanNextInput): NextSteps => {
    const question = { ...o, owner: o.run.owner, rows: world.rows };
    const now = { observedAt: new Date().toISOString(), nodes: nodes(o.run.owner) };
    const answer = planNext(question, now, { seen: Object.fromEntries(looks), images, final: true });
    if (answer.kind === 'look') throw new Error('looks at what was seen already');
    return answer.next;
  };
}
