// Pools whose nodes are replaced by other instances: what refuses the plan, what a step says, how many at once.
import { describe, expect, it } from '@jest/globals';
import { defaultPolicy } from '../../../domain/default-policy.ts';
import type { Pool } from '../../../domain/fleet.ts';
import type { LaunchTemplateFacts, NodeFacts } from '../../../domain/inventory.ts';
import type { NextSteps } from '../../../domain/plan.ts';
import type { Policy } from '../../../domain/policy.ts';
import type { PlanNextQuestion } from '../../../domain/planning/board.ts';
import { planNext } from '../../../domain/planning/plan-next.ts';
import { planRun } from '../../../domain/planning/plan-run.ts';
import { renderWay } from '../../../domain/render/policy.ts';
import type { RunDefinition } from '../../../domain/run.ts';
import { templateFacts } from '../../fakes/fake-instances.ts';
import {
  NEW,
  OBSERVED_AT,
  OWNER,
  firstQuestion,
  sampleDefinition,
  sampleInventory,
  sampleLooks,
  sampleNode,
  sampleNodes,
  samplePolicy,
  samplePool,
} from './sample-fleet.ts';

const launchTemplate = { id: 'lt-1', name: null, version: '$Latest' };
const replacing = (o: { surge?: number; unavailableMax?: number } = {}): Policy =>
  samplePolicy({
    reimage: { ...defaultPolicy.reimage, method: 'replaceInstance' },
    approval: { ...defaultPolicy.approval, before: 'never' },
    disruption: {
      ...defaultPolicy.disruption,
      unavailableMax: { kind: 'count', count: o.unavailableMax ?? 1 },
      surge: o.surge ?? 0,
    },
  });
const definitionOf = (changes: Partial<Pool> = {}): RunDefinition =>
  sampleDefinition({ pools: [samplePool('batch', { policy: replacing(), launchTemplate, ...changes })] });

const fit = templateFacts({ imageId: NEW.imageId });
const nodes = sampleNodes('batch', 6);
const inventoryWith = (template: LaunchTemplateFacts | undefined, seen: readonly NodeFacts[] = nodes) =>
  sampleInventory(seen, { templates: template === undefined ? {} : { batch: template } });

function refusalsOf(definition: RunDefinition, template: LaunchTemplateFacts | undefined) {
  const plan = planRun(definition, inventoryWith(template), OWNER);
  return plan.kind === 'refused' ? plan.refusals : [];
}

function ask(definition: RunDefinition, now: readonly NodeFacts[], changes: Partial<PlanNextQuestion> = {}) {
  const plan = planRun(definition, inventoryWith(fit), OWNER);
  if (plan.kind === 'refused') throw new Error(JSON.stringify(plan.refusals));
  const question = { ...firstQuestion(definition, plan.rows), ...changes };
  const next = planNext(question, { observedAt: OBSERVED_AT, nodes: now }, sampleLooks(now));
  if (next.kind === 'look') throw new Error('asks to look');
  return next.next;
}

const names = (next: NextSteps) => next.steps.map(({ node }) => node);

describe('a plan that replaces instances', () => {
  it('is made when the template has the image of the release and leaves type and subnet open', () => {
    expect(refusalsOf(definitionOf(), fit)).toEqual([]);
    expect(refusalsOf(definitionOf(), { ...fit, instanceType: 'p5.48xlarge', subnetId: 'subnet-1' })).toEqual(
      [],
    );
  });

  it('is refused once, by name, while the template has an older image, or does not exist [I210]', () => {
    expect(refusalsOf(definitionOf(), { ...fit, imageId: 'ami-202609' })).toEqual([
      {
        kind: 'templateImage',
        where: 'pool batch',
        text:
          'launch template lt-1 version $Latest, now 3, has image ami-202609, release 2026.11 is ' +
          'ami-202611: make a version with that image, and name it in the pool',
      },
    ]);
    expect(refusalsOf(definitionOf(), undefined)).toMatchObject([
      { kind: 'templateMissing', where: 'pool batch' },
    ]);
  });

  it('is refused where the template would launch another type, or elsewhere than the node stands [I210]', () => {
    expect(refusalsOf(definitionOf(), { ...fit, instanceType: 'p4d.24xlarge' })).toMatchObject([
      { kind: 'templateType', where: 'batch-0, batch-3, batch-1 and 3 more nodes' },
    ]);
    for (const wrong of [{ subnetId: 'subnet-2' }, { namesInterfaces: true }]) {
      expect(refusalsOf(definitionOf(), { ...fit, ...wrong })).toMatchObject([{ kind: 'templateSubnet' }]);
    }
  });

  it('is refused when its pool names no template [I210]', () => {
    const pool = samplePool('batch', { policy: replacing() });
    expect(refusalsOf(sampleDefinition({ pools: [pool] }), undefined)).toMatchObject([
      { kind: 'noLaunchTemplate' },
    ]);
  });

  it('is refused on instances that somebody else owns [I47]', () => {
    const owned = inventoryWith(fit);
    const instances = Object.fromEntries(
      Object.entries(owned.instances).map(([id, one]) => [
        id,
        { ...one, tags: { 'aws:autoscaling:groupName': 'asg-1' } },
      ]),
    );
    const plan = planRun(definitionOf(), { ...owned, instances }, OWNER);
    expect(plan).toMatchObject({ kind: 'refused', refusals: [{ kind: 'instanceOwned' }] });
  });

  it('says in each step what to launch, how often it may wait for capacity, and what the node must show', () => {
    const deferred = [{ node: 'batch-0', attempt: 1, times: 2, until: null }];
    const [step] = ask(definitionOf(), nodes, { deferred }).steps;
    expect(step).toMatchObject({
      node: 'batch-0',
      launch: {
        template: launchTemplate,
        matchLabels: { 'refit.dev/pool': 'batch' },
        deferralsLeft: defaultPolicy.drain.deferralsMax - 2,
      },
    });
  });

  it('tells the way of a node, the new one first', () => {
    const way = renderWay(definitionOf().pools[0]!, NEW.imageId).join('\n');
    expect(way).toContain('launched from launch template lt-1 version $Latest, image ami-202611');
    expect(way.indexOf('it takes pods')).toBeLessThan(way.indexOf('the old node is cordoned'));
  });
});

describe('surge', () => {
  it('lets so many more be in flight than unavailableMax allows [I212]', () => {
    expect(names(ask(definitionOf(), nodes))).toEqual(['batch-0']);
    const next = ask(definitionOf({ policy: replacing({ surge: 2 }) }), nodes);
    expect(names(next)).toEqual(['batch-0', 'batch-3', 'batch-1']);
    expect(next.waiting[0]?.why.text).toContain('unavailableMax with surge allows 3');
  });

  it('is refused by name with a method that adds no node [I212]', () => {
    const policy = { ...replacing({ surge: 1 }), reimage: defaultPolicy.reimage };
    expect(refusalsOf(definitionOf({ policy }), fit)).toMatchObject([
      { kind: 'surgeWithoutReplacement', text: expect.stringContaining('Set surge to 0') },
    ]);
  });
});

describe('a node that was launched to replace another', () => {
  const replacement = (changes: Partial<NodeFacts> = {}) =>
    sampleNode('batch', 7, {
      name: 'i-new',
      kubeletVersion: 'v1.36.1',
      annotations: { 'refit.dev/replaces': 'batch-0', 'refit.dev/owner': OWNER },
      ...changes,
    });
  const policy = replacing({ unavailableMax: 2 });
  const occupied = [{ node: 'batch-0', pool: 'batch' }];

  it('counts against no budget while it is cordoned until it is verified, and afterwards as any node [I213]', () => {
    const codes = 'awwwww';
    const coming = replacement({ unschedulable: true });
    expect(names(ask(definitionOf({ policy }), [...nodes, coming], { codes, occupied }))).toEqual([
      'batch-3',
    ]);
    const served = { ...coming.annotations, 'refit.dev/release': '2026.11' };
    const cordoned = replacement({ unschedulable: true, annotations: served });
    expect(names(ask(definitionOf({ policy }), [...nodes, cordoned], { codes, occupied }))).toEqual([]);
  });

  it('makes a percentage of the pool no larger: it and the node that it replaces are one place [I242]', () => {
    const half = {
      ...policy,
      disruption: { ...policy.disruption, unavailableMax: { kind: 'percent' as const, percent: 50 } },
    };
    const coming = [0, 3, 1].map((index) => {
      const annotations = { 'refit.dev/replaces': `batch-${index}`, 'refit.dev/owner': OWNER };
      return replacement({ name: `i-new-${index}`, unschedulable: true, annotations });
    });
    // An earlier one that failed stands idle, and its successor was launched to replace that place again.
    const idle = replacement({ name: 'i-idle', unschedulable: true });
    const atWork = ['batch-0', 'batch-3', 'batch-1'].map((node) => ({ node, pool: 'batch' }));
    const asked = { codes: 'aaawww', occupied: atWork };
    const next = ask(definitionOf({ policy: half }), [...nodes, ...coming, idle], asked);
    expect(names(next)).toEqual([]);
    expect(next.waiting[0]?.why.text).toContain('3 of the 6 nodes of pool batch are away');
  });

  it('is what is watched of a canary that was replaced [I214]', () => {
    const canaries = {
      ...replacing(),
      canary: { nodes: { kind: 'count' as const, count: 1 }, soakMs: 60_000 },
    };
    const definition = definitionOf({ policy: canaries });
    const rows = planRun(definition, inventoryWith(fit), OWNER);
    if (rows.kind === 'refused') throw new Error('refused');
    const canary = rows.rows[0]?.node ?? '';
    const others = nodes.filter(({ name }) => name !== canary);
    const annotations = { 'refit.dev/replaces': canary };
    const asked = {
      codes: 'dwwwww',
      canaries: { batch: { endedAt: OBSERVED_AT, unwellSince: null, unwellLast: null, passed: false } },
    };
    const well = ask(definition, [...others, replacement({ annotations })], asked);
    expect(well.waiting.map(({ why }) => why.kind)).toEqual(['soak']);
    const unwell = ask(definition, [...others, replacement({ annotations, ready: 'False' })], asked);
    expect(unwell.waiting.map(({ why }) => why.kind)).toEqual(['canaryUnwell']);
    expect(ask(definition, others, asked).waiting[0]?.why.text).toContain('is gone');
    // One that an earlier attempt has left stands idle before it.
    const idle = replacement({ name: 'i-idle', annotations, unschedulable: true });
    const served = replacement({ annotations: { ...annotations, 'refit.dev/release': '2026.11' } });
    expect(ask(definition, [...others, idle, served], asked).waiting.map(({ why }) => why.kind)).toEqual([
      'soak',
    ]);
  });
});
