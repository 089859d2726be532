// What may be started now, node by node, and why the rest waits.
import { describe, expect, it } from '@jest/globals';
import type { NodeFacts } from '../../../domain/inventory.ts';
import { planNext } from '../../../domain/planning/plan-next.ts';
import type { Looks } from '../../../domain/planning/answer.ts';
import type { PlanNextQuestion } from '../../../domain/planning/board.ts';
import { MAX_STEPS_A_TICK, SETTLED_MAX } from '../../../domain/plan.ts';
import type { NextSteps } from '../../../domain/plan.ts';
import type { RunDefinition } from '../../../domain/run.ts';
import {
  NEW,
  OBSERVED_AT,
  OWNER,
  firstQuestion,
  instanceOf,
  plannedRows,
  sampleDefinition,
  sampleInventory,
  sampleLooks,
  sampleNode,
  sampleNodes,
  samplePool,
  withUnavailableMax,
} from './sample-fleet.ts';

const batch = (unavailableMax: number) =>
  sampleDefinition({ pools: [samplePool('batch', { policy: withUnavailableMax(unavailableMax) })] });

type Changes = Partial<PlanNextQuestion> & { looks?: Looks; now?: readonly NodeFacts[] };

/** Plans `nodes`, then asks; `now` is what the nodes look like by then. */
function ask(definition: RunDefinition, nodes: readonly NodeFacts[], changes: Changes = {}): NextSteps {
  const rows = plannedRows(definition, sampleInventory(nodes));
  const { looks, now = nodes, ...rest } = changes;
  const question = { ...firstQuestion(definition, rows), ...rest };
  const seen = { observedAt: OBSERVED_AT, nodes: now };
  const plan = planNext(question, seen, looks ?? sampleLooks(now));
  if (plan.kind === 'look') throw new Error(`asks to look at ${plan.nodes.map((one) => one.node).join()}`);
  return plan.next;
}

const names = (next: NextSteps) => next.steps.map((step) => step.node);
const reasons = (next: NextSteps) => next.waiting.map(({ why, nodes }) => `${why.kind} ${nodes}`);
const changed = (nodes: readonly NodeFacts[], name: string, changes: Partial<NodeFacts>) =>
  nodes.map((node) => (node.name === name ? { ...node, ...changes } : node));

describe('slots', () => {
  const nodes = sampleNodes('batch', 6);

  it('are filled up to unavailableMax, and the rest is told what it waits for [I91] [I101]', () => {
    const next = ask(batch(2), nodes);
    expect(names(next)).toEqual(['batch-0', 'batch-3']);
    expect(next.slots).toEqual([{ pool: 'batch', unavailableMax: 2, unavailable: 0, free: 2 }]);
    expect(next.waiting).toEqual([
      {
        why: {
          kind: 'budget',
          text:
            '2 of the 6 nodes of pool batch are away and unavailableMax allows 2: batch-0 (at work), ' +
            'batch-3 (at work); freed when one of them is Ready and uncordoned',
        },
        nodes: 4,
        example: 'batch-1',
        pool: 'batch',
      },
    ]);
  });

  it('are held by nodes at work, before their cordon is seen and after they are gone [I91] [I92]', () => {
    const codes = 'awwwww';
    const occupied = [
      { node: 'batch-0', pool: 'batch' },
      { node: 'batch-deleted', pool: 'batch' },
    ];
    expect(names(ask(batch(2), nodes, { codes, occupied }))).toEqual([]);
    expect(names(ask(batch(3), nodes, { codes, occupied }))).toEqual(['batch-3']);
  });

  it('are held by a row that stands as active, even when nobody says who is at work on it [I92]', () => {
    expect(names(ask(batch(1), nodes, { codes: 'awwwww' }))).toEqual([]);
  });

  it('are taken by nodes that are not Ready or cordoned by anybody, each once [I91]', () => {
    const now = changed(changed(nodes, 'batch-1', { ready: 'False' }), 'batch-2', {
      ready: 'Unknown',
      unschedulable: true,
    });
    expect(names(ask(batch(2), nodes, { now }))).toEqual([]);
    const next = ask(batch(3), nodes, { now });
    expect(names(next)).toEqual(['batch-0']);
    expect(next.slots[0]).toMatchObject({ unavailable: 2, free: 1 });
  });

  it('are held by a failed node, cordon seen or not, until it is skipped, deleted or uncordoned then [I91]', () => {
    const failed = { unschedulable: true, annotations: { 'refit.dev/owner': OWNER } };
    const cordoned = changed(nodes, 'batch-0', failed);
    expect(names(ask(batch(1), nodes, { codes: 'fwwwww', now: cordoned }))).toEqual([]);
    const next = ask(batch(1), nodes, { codes: 'fwwwww' });
    expect(names(next)).toEqual([]);
    expect(next.waiting[0]?.why.text).toContain('batch-0 (failed in this run: retry or skip it)');
    expect(names(ask(batch(1), nodes, { codes: 'fwwwww', now: nodes.slice(1) }))).toEqual(['batch-3']);
    expect(names(ask(batch(1), nodes, { codes: 'swwwww', now: cordoned }))).toEqual([]);
    expect(names(ask(batch(1), nodes, { codes: 'swwwww' }))).toEqual(['batch-3']);
  });
});

describe('order', () => {
  it('lets a pool begin only when nothing of the one before waits or is at work [I97]', () => {
    const policy = withUnavailableMax(3);
    const definition = sampleDefinition({
      pools: [samplePool('batch', { policy }), samplePool('h100', { policy })],
    });
    const nodes = [...sampleNodes('batch', 2), ...sampleNodes('h100', 2)];
    const first = ask(definition, nodes);
    expect(names(first)).toEqual(['batch-0', 'batch-1']);
    expect(first.waiting).toEqual([
      {
        why: {
          kind: 'order',
          text:
            'pool h100 begins when nothing of pool batch waits or is at work any more ' +
            '(0 waiting, 2 at work)',
        },
        nodes: 2,
        example: 'h100-0',
        pool: 'h100',
      },
    ]);
    const occupied = [{ node: 'batch-1', pool: 'batch' }];
    expect(names(ask(definition, nodes, { codes: 'daww', occupied }))).toEqual([]);
    expect(names(ask(definition, nodes, { codes: 'dfww' }))).toEqual(['h100-0', 'h100-1']);
  });

  it('goes on to the next pool in the same answer when the rest of the one before turns out done', () => {
    const definition = sampleDefinition();
    const nodes = [...sampleNodes('batch', 1), ...sampleNodes('h100', 1)];
    const next = ask(definition, nodes, { now: changed(nodes, 'batch-0', { kubeletVersion: 'v1.36.1' }) });
    expect(next.settled).toEqual([{ node: 'batch-0', disposition: { kind: 'upToDate' } }]);
    expect(names(next)).toEqual(['h100-0']);
  });

  it('takes a node that is not Ready only when no Ready one waits [I98]', () => {
    const nodes = sampleNodes('batch', 3);
    const now = changed(nodes, 'batch-0', { ready: 'Unknown' });
    const next = ask(batch(2), nodes, { now });
    expect(names(next)).toEqual(['batch-1']);
    expect(reasons(next)).toEqual(['budget 1', 'nodeNotReady 1']);
    expect(next.waiting[1]?.why.text).toContain('refit skip batch-0');
    expect(names(ask(batch(2), nodes, { now, codes: 'wdd' }))).toEqual(['batch-0']);
  });

  it('takes a waiting node first that still carries this run’s cordon', () => {
    const nodes = sampleNodes('batch', 3);
    const ours = { unschedulable: true, annotations: { 'refit.dev/owner': OWNER } };
    const next = ask(batch(1), nodes, { now: changed(nodes, 'batch-2', ours) });
    expect(names(next)).toEqual(['batch-2']);
  });
});

describe('a node whose turn has come', () => {
  const nodes = sampleNodes('batch', 3);
  const fate = (now: readonly NodeFacts[], looks?: Looks) => {
    const next = ask(batch(1), nodes, { now, ...(looks === undefined ? {} : { looks }) });
    return { settled: next.settled, names: names(next) };
  };

  it.each([
    ['cordonedByOther', { unschedulable: true }],
    ['deleted', { uid: 'another' }],
    ['leftPool', { labels: {} }],
    ['quarantined', { annotations: { 'refit.dev/quarantine': 'gpu 3' } }],
    ['noProviderId', { providerId: '' }],
  ] as const)('is left alone when it turns out %s [I90] [I104]', (kind, changes) => {
    const { settled, names: started } = fate(changed(nodes, 'batch-0', changes as Partial<NodeFacts>));
    expect(settled).toMatchObject([{ node: 'batch-0', disposition: { kind: 'leftAlone', why: { kind } } }]);
    // A cordon still counts against the budget of one.
    expect(started).toEqual(kind === 'cordonedByOther' ? [] : ['batch-1']);
  });

  it('is left alone when it is gone [I104]', () => {
    const { settled, names: started } = fate(nodes.slice(1));
    expect(settled).toMatchObject([{ node: 'batch-0', disposition: { why: { kind: 'deleted' } } }]);
    expect(started).toEqual(['batch-1']);
  });

  const looked = (changes: object) => {
    const instance = { ...instanceOf(nodes[0]!), ...changes };
    return sampleLooks(nodes, { 'batch-0': { instance, daemonSets: [] } });
  };

  it.each([
    ['instanceGone', sampleLooks(nodes, { 'batch-0': { instance: null, daemonSets: [] } })],
    ['instanceNotRunning', looked({ state: 'stopping' })],
    ['instanceOwned', looked({ tags: { 'aws:autoscaling:groupName': 'g' } })],
    ['imageMismatch', looked({ architecture: 'arm64' })],
  ])('is left alone, and the next takes its slot, when its instance shows %s', (kind, looks) => {
    const { settled, names: started } = fate(nodes, looks);
    expect(settled).toMatchObject([{ node: 'batch-0', disposition: { kind: 'leftAlone', why: { kind } } }]);
    expect(started).toEqual(['batch-1']);
  });

  it('waits with all others of its pool when the image is gone, and none is given up', () => {
    const looks = { ...sampleLooks(nodes), images: {} };
    const next = ask(batch(1), nodes, { looks });
    expect({ steps: next.steps, settled: next.settled, more: next.more }).toEqual({ steps: [], settled: [] });
    expect(reasons(next)).toEqual(['imageMismatch 3']);
    expect(next.waiting[0]?.why.text).toContain('image ami-202611 of release 2026.11 is gone');
  });

  it('carries all that its child needs, as observed now', () => {
    const now = changed(nodes, 'batch-0', { bootId: 'boot-9', gpusAllocatable: 2 });
    expect(ask(batch(1), nodes, { now }).steps).toEqual([
      {
        node: 'batch-0',
        uid: 'uid-batch-0',
        pool: 'batch',
        zone: 'us-east-1a',
        instanceId: 'i-batch-0',
        attempt: 1,
        from: '2026.09',
        release: NEW,
        before: {
          bootId: 'boot-9',
          // As many as it had when the run was planned, not the two that it shows now.
          gpusAllocatable: 8,
          rootVolumeId: 'vol-i-batch-0',
          imageId: 'ami-old',
          daemonSets: [{ namespace: 'gpu-operator', name: 'nvidia-device-plugin' }],
        },
        podsToMove: 0,
        drain: { timeoutMs: 1_800_000 },
        reimage: {
          method: 'rootVolume',
          timeoutMs: 1_800_000,
          oldRootVolume: { kind: 'keep', forMs: 604_800_000 },
        },
        rejoinTimeoutMs: 1_800_000,
        verifySoakMs: 0,
      },
    ]);
  });
});

describe('looks', () => {
  const nodes = sampleNodes('batch', 6);
  const rows = plannedRows(batch(2), sampleInventory(nodes));
  const question = firstQuestion(batch(2), rows);
  const seenNodes = { observedAt: OBSERVED_AT, nodes };
  const unseen: Looks = { seen: {}, images: {}, final: false };

  it('are asked only for the nodes that would be started [I103]', () => {
    expect(planNext(question, seenNodes, unseen)).toEqual({
      kind: 'look',
      nodes: [
        { node: 'batch-0', instanceId: 'i-batch-0' },
        { node: 'batch-3', instanceId: 'i-batch-3' },
      ],
    });
  });

  it('are not asked when no slot is free [I103]', () => {
    const occupied = [
      { node: 'batch-0', pool: 'batch' },
      { node: 'batch-3', pool: 'batch' },
    ];
    expect(planNext({ ...question, occupied }, seenNodes, unseen).kind).toBe('steps');
  });

  it('that are no longer possible leave the node waiting and say that there is more', () => {
    const plan = planNext(question, seenNodes, { ...unseen, final: true });
    expect(plan).toMatchObject({ kind: 'steps', next: { steps: [], settled: [], more: true } });
  });
});

describe('retries', () => {
  const nodes = sampleNodes('batch', 4);
  const ours = { unschedulable: true, annotations: { 'refit.dev/owner': OWNER } };
  const retries = [{ node: 'batch-0', attempt: 2 }];

  it('take a failed node again though its own cordon fills the budget [I106]', () => {
    const now = changed(nodes, 'batch-0', { ...ours, ready: 'False', gpusAllocatable: 0 });
    const next = ask(batch(1), nodes, { codes: 'fwww', retries, now });
    expect(next.steps).toMatchObject([{ node: 'batch-0', attempt: 2, before: { gpusAllocatable: 8 } }]);
  });

  it('wait for a slot like any other when somebody has uncordoned the node meanwhile [I106]', () => {
    const now = changed(nodes, 'batch-1', { ready: 'False' });
    const next = ask(batch(1), nodes, { codes: 'fwww', retries, now });
    expect(names(next)).toEqual([]);
    expect(reasons(next)).toEqual(['budget 3', 'nodeNotReady 1']);
  });

  it('never take a node that is at work, nor one twice [I92]', () => {
    const occupied = [{ node: 'batch-0', pool: 'batch' }];
    expect(names(ask(batch(4), nodes, { codes: 'addd', occupied, retries }))).toEqual([]);
    const twice = [...retries, ...retries];
    expect(names(ask(batch(4), nodes, { codes: 'fddd', retries: twice }))).toEqual(['batch-0']);
  });

  it('never take a node that somebody else has cordoned since [I90]', () => {
    const now = changed(nodes, 'batch-0', { unschedulable: true });
    const next = ask(batch(4), nodes, { codes: 'fddd', retries, now });
    expect(names(next)).toEqual([]);
    expect(next.settled).toMatchObject([{ disposition: { why: { kind: 'cordonedByOther' } } }]);
  });

  it('do not wait for their pool’s turn', () => {
    const definition = sampleDefinition();
    const all = [...sampleNodes('batch', 2), ...sampleNodes('h100', 2)];
    const now = changed(all, 'h100-0', ours);
    const next = ask(definition, all, { codes: 'wwfw', now, retries: [{ node: 'h100-0', attempt: 2 }] });
    expect(names(next)).toEqual(['h100-0', 'batch-0']);
  });

  it('of a name that the plan does not know are passed over', () => {
    expect(names(ask(batch(4), nodes, { codes: 'dddd', retries: [{ node: 'nobody', attempt: 2 }] }))).toEqual(
      [],
    );
  });
});

describe('bounds', () => {
  it('hold the number of steps and of settled rows, and say that there is more [I102]', () => {
    const nodes = sampleNodes('batch', 500);
    const many = ask(batch(100), nodes);
    expect(many.steps).toHaveLength(MAX_STEPS_A_TICK);
    expect(many.more).toBe(true);
    const now = nodes.map((node) => ({ ...node, kubeletVersion: 'v1.36.1' }));
    const settled = ask(batch(1), nodes, { now });
    expect(settled.settled).toHaveLength(SETTLED_MAX);
    expect(settled.more).toBe(true);
  });

  it('one cordoned node stands in the way of none but itself where the budget is larger', () => {
    const nodes = [sampleNode('batch', 0), sampleNode('batch', 1)];
    const now = changed(nodes, 'batch-0', { unschedulable: true });
    expect(names(ask(batch(2), nodes, { now }))).toEqual(['batch-1']);
  });
});
