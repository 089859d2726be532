// What a node would go back to, and which nodes of a run that is rolled back go back now.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { NodeFacts } from '../../../domain/inventory.ts';
import type { NextSteps, PlanRow } from '../../../domain/plan.ts';
import type { Policy } from '../../../domain/policy.ts';
import { listApprovalsNeeded } from '../../../domain/planning/approvals-needed.ts';
import { planNext } from '../../../domain/planning/plan-next.ts';
import { planRun } from '../../../domain/planning/plan-run.ts';
import type { BackQuestion } from '../../../domain/planning/way-back.ts';
import {
  NEW,
  OBSERVED_AT,
  OLD,
  OWNER,
  firstQuestion,
  instanceOf,
  plannedRows,
  sampleDefinition,
  sampleImages,
  sampleInventory,
  sampleLooks,
  sampleNode,
  sampleNodes,
  samplePool,
  withUnavailableMax,
} from './sample-fleet.ts';

const rollingBack = (unavailableMax: number): Policy => {
  const policy = withUnavailableMax(unavailableMax);
  return { ...policy, failure: { ...policy.failure, onExceeded: 'rollback' } };
};
const batch = (policy: Policy) => sampleDefinition({ pools: [samplePool('batch', { policy })] });
const definition = batch(rollingBack(2));
const nodes = sampleNodes('batch', 6);
const rows = plannedRows(definition, sampleInventory(nodes));
const indexOf = (name: string) => rows.findIndex(({ node }) => node === name);

/** On the new release, uncordoned. */
const upgraded = (node: NodeFacts): NodeFacts => ({
  ...node,
  kubeletVersion: 'v1.36.1',
  unschedulable: false,
});
const cordoned = (node: NodeFacts): NodeFacts => ({
  ...upgraded(node),
  unschedulable: true,
  annotations: { 'refit.dev/owner': OWNER },
});

function ask(
  now: readonly NodeFacts[],
  back: Partial<BackQuestion> & { order: readonly number[] },
  o: {
    rows?: readonly PlanRow[];
    images?: ReturnType<typeof sampleImages>;
    occupied?: readonly { node: string; pool: string }[];
    policy?: Policy;
    observedAt?: string;
  } = {},
): NextSteps {
  const planned = o.rows ?? rows;
  const waits = new Set(back.order);
  const question = {
    ...firstQuestion(batch(o.policy ?? rollingBack(2)), planned),
    codes: planned.map((_, index) => (waits.has(index) ? 'w' : 'd')).join(''),
    occupied: o.occupied ?? [],
    back: { failed: [], untouched: [], attempts: {}, ...back },
  };
  const looks = { ...sampleLooks(now), images: o.images ?? sampleImages() };
  const plan = planNext(question, { observedAt: o.observedAt ?? OBSERVED_AT, nodes: now }, looks);
  if (plan.kind === 'look') throw new Error('asks to look');
  return plan.next;
}

const withoutOld = () =>
  Object.fromEntries(Object.entries(sampleImages()).filter(([imageId]) => imageId !== OLD.imageId));
const names = (next: NextSteps) => next.steps.map(({ node }) => node);

describe('the way back of a node', () => {
  const unknown = sampleNode('batch', 7, { kubeletVersion: 'v1.34.0' });
  const rowOf = (node: NodeFacts, images = sampleImages(), imageId?: string) => {
    const instance = { ...instanceOf(node), ...(imageId === undefined ? {} : { imageId }) };
    const inventory = sampleInventory([node], { images, instances: { [instance.instanceId]: instance } });
    return plannedRows(definition, inventory)[0];
  };

  it('is the release that it shows, with the image of the catalog [I191]', () => {
    expect(rows.map(({ former }) => former)).toEqual(
      rows.map(() => ({ imageId: OLD.imageId, release: '2026.09' })),
    );
  });

  it('is the image of its instance where the catalog knows no such release', () => {
    const image = {
      ...sampleImages(),
      'ami-older': { ...sampleImages()[OLD.imageId]!, imageId: 'ami-older' },
    };
    expect(rowOf(unknown, image, 'ami-older')).toMatchObject({
      former: { imageId: 'ami-older', release: null },
    });
  });

  it('is none where that image is gone, is the new one, or is unknown, and says which [I191]', () => {
    expect(rowOf(sampleNode('batch', 1), withoutOld())).toMatchObject({
      noWayBack: expect.stringContaining(`${OLD.imageId} (2026.09) is gone`),
      formerGone: true,
    });
    const same = rowOf(unknown, sampleImages(), NEW.imageId);
    expect(same?.noWayBack).toContain('the very one that is to be laid');
    expect(same).not.toHaveProperty('formerGone');
    expect(rowOf(unknown, sampleImages(), '')).toMatchObject({
      noWayBack: expect.stringContaining('neither its release nor the image'),
      formerGone: true,
    });
  });

  it('is told in the head of the plan, and a reboot that should roll back refuses the run', () => {
    const images = withoutOld();
    const plan = planRun(definition, sampleInventory(nodes, { images }), OWNER);
    expect(plan).toMatchObject({ kind: 'planned', draft: { pools: [{ noWayBack: 6 }] } });
    expect(JSON.stringify(plan)).toContain('6 nodes have no way back');
    const policy = rollingBack(2);
    const reboot = batch({ ...policy, reimage: { ...policy.reimage, method: 'reboot' } });
    expect(planRun(reboot, sampleInventory(nodes), OWNER)).toMatchObject({
      kind: 'refused',
      refusals: [{ kind: 'noWayBack', where: 'pool batch' }],
    });
  });
});

describe('a node without a way back', () => {
  const images = withoutOld();
  const stuck = (policy: Policy) => plannedRows(batch(policy), sampleInventory(nodes, { images }));
  const first = (policy: Policy, gatesOpened: readonly string[] = []) => {
    const question = { ...firstQuestion(batch(policy), stuck(policy)), gatesOpened };
    const plan = planNext(question, { observedAt: OBSERVED_AT, nodes }, sampleLooks(nodes));
    if (plan.kind === 'look') throw new Error('asks to look');
    return plan.next;
  };

  const gatesAsked = (policy: Policy) =>
    listApprovalsNeeded(batch(policy), stuck(policy)).map(({ gate }) => gate);

  it('waits at a gate of its own where the policy rolls back, until somebody says yes [I191]', () => {
    const next = first(rollingBack(2));
    expect(names(next)).toEqual([]);
    expect(next.waiting).toMatchObject([{ why: { kind: 'noWayBack' }, nodes: 6 }]);
    expect(next.gates).toMatchObject([{ name: 'noWayBack/batch', kind: 'noWayBack', pool: 'batch' }]);
    expect(next.gates?.[0]?.evidence.join('\n')).toContain(
      'batch-0: its former image ami-202609 (2026.09) is gone',
    );
    expect(names(first(rollingBack(2), ['noWayBack/batch']))).toEqual(['batch-0', 'batch-3']);
    expect(gatesAsked(rollingBack(2))).toEqual(['node/…', 'noWayBack/batch']);
  });

  it('waits for a yes whatever its policy does, and whoever else it asks, where its image is gone [I250]', () => {
    const free = withUnavailableMax(2);
    for (const onExceeded of ['pause', 'stop'] as const) {
      const policy: Policy = {
        ...free,
        approval: { ...free.approval, before: 'never' },
        failure: { ...free.failure, onExceeded },
      };
      const next = first(policy);
      expect(names(next)).toEqual([]);
      expect(next.gates).toMatchObject([{ name: 'noWayBack/batch', kind: 'noWayBack' }]);
      expect(next.waiting[0]?.why.text).toContain('what it ran before is gone or not known');
      expect(gatesAsked(policy)).toEqual(['noWayBack/batch']);
      expect(names(first(policy, ['noWayBack/batch']))).toEqual(['batch-0', 'batch-3']);
    }
  });

  it('is taken as any other where no image is gone and no rollback is promised [I250]', () => {
    const policy = withUnavailableMax(2);
    const same = stuck(policy).map(({ formerGone: _, ...row }) => ({
      ...row,
      noWayBack: 'its former image is the very one that is to be laid',
    }));
    const ofRows = (asking: Policy) => {
      const question = firstQuestion(batch(asking), same);
      const plan = planNext(question, { observedAt: OBSERVED_AT, nodes }, sampleLooks(nodes));
      return plan.kind === 'steps' ? names(plan.next) : [];
    };
    expect(ofRows(policy)).toEqual(['batch-0', 'batch-3']);
    expect(ofRows(rollingBack(2))).toEqual([]);
    expect(listApprovalsNeeded(batch(policy), same).map(({ gate }) => gate)).toEqual(['node/…']);
  });
});

describe('nodes that go back', () => {
  const now = nodes.map(upgraded);
  const order = ['batch-5', 'batch-4', 'batch-1'].map(indexOf);

  it('go in the order that they are given, as far as the budget allows, to their former image by a new attempt [I185] [I187]', () => {
    const next = ask(now, { order, attempts: { 'batch-4': 2 } });
    expect(names(next)).toEqual(['batch-5', 'batch-4']);
    expect(next.steps.map(({ attempt, release, from, back }) => ({ attempt, release, from, back }))).toEqual([
      { attempt: 2, release: OLD, from: '2026.11', back: { how: 'reimage', hadFailed: false } },
      { attempt: 3, release: OLD, from: '2026.11', back: { how: 'reimage', hadFailed: false } },
    ]);
    expect(next.waiting).toMatchObject([{ why: { kind: 'budget' }, nodes: 1, example: 'batch-1' }]);
  });

  it('that had failed take nothing more away, and one whose reimage never began is only uncordoned [I186] [I187]', () => {
    const failed = ['batch-5', 'batch-4'].map(indexOf);
    const seen = now.map((node) => (['batch-5', 'batch-4'].includes(node.name) ? cordoned(node) : node));
    const next = ask(seen, { order, failed, untouched: [indexOf('batch-4')] });
    expect(next.steps.map(({ node, back }) => [node, back?.how, back?.hadFailed])).toEqual([
      ['batch-5', 'reimage', true],
      ['batch-4', 'uncordon', true],
    ]);
    expect(next.waiting).toMatchObject([{ why: { kind: 'budget' }, nodes: 1, example: 'batch-1' }]);
  });

  it('that had failed go their way also where the picture shows the former release: it may be older [I240]', () => {
    const next = ask(nodes, { order: [0, 1, 2], failed: [0, 1], untouched: [0] });
    expect(next.steps.map(({ node, back }) => [node, back?.how])).toEqual([
      [rows[0]?.node, 'uncordon'],
      [rows[1]?.node, 'reimage'],
    ]);
    expect(next.settled).toEqual([{ node: rows[2]?.node, disposition: { kind: 'upToDate' } }]);
  });

  it('that are quarantined, cordoned by others, gone or without their image stay, each with its reason [I186]', () => {
    const images = withoutOld();
    const seen = now
      .filter(({ name }) => name !== 'batch-1')
      .map((node) => {
        if (node.name === 'batch-5')
          return { ...node, annotations: { 'refit.dev/quarantine': 'burn-in failed' } };
        return node.name === 'batch-4' ? { ...node, unschedulable: true } : node;
      });
    const next = ask(seen, { order: [...order, indexOf('batch-0')] }, { images });
    expect(names(next)).toEqual([]);
    expect(
      next.settled.map(({ node, disposition }) => [node, 'why' in disposition ? disposition.why.kind : '']),
    ).toEqual([
      ['batch-5', 'quarantined'],
      ['batch-4', 'cordonedByOther'],
      ['batch-1', 'deleted'],
      ['batch-0', 'noWayBack'],
    ]);
  });

  it('wait for their windows, save those that only need our cordon lifted', () => {
    const closed = { days: ['mon' as const], start: '00:00', durationMs: 3_600_000, timezone: 'UTC' };
    const policy = { ...rollingBack(2), windows: [closed] };
    const failed = [indexOf('batch-4')];
    const seen = now.map((node) => (node.name === 'batch-4' ? cordoned(node) : node));
    const next = ask(seen, { order, failed, untouched: failed }, { policy });
    expect(names(next)).toEqual(['batch-4']);
    expect(next.waiting).toMatchObject([{ why: { kind: 'windowTooShort' }, nodes: 2 }]);
  });

  it('to a release that the catalog does not know are verified by boot, Ready and devices alone', () => {
    const former = { imageId: OLD.imageId, release: null };
    const known = rows.map((row) => ({ ...row, former }));
    const [step] = ask(now, { order: [0] }, { rows: known }).steps;
    expect(step?.release).toEqual({
      name: OLD.imageId,
      imageId: OLD.imageId,
      expects: { kubeletVersion: null, osImage: null, labels: {} },
    });
  });

  it('never take away more than the budget allows, whatever else is away [I187]', () => {
    const picture = fc.record({
      unavailableMax: fc.integer({ min: 1, max: 4 }),
      states: fc.array(fc.constantFrom('ready', 'notReady', 'otherCordon', 'failed', 'atWork'), {
        minLength: 6,
        maxLength: 6,
      }),
    });
    fc.assert(
      fc.property(picture, ({ unavailableMax, states }) => {
        const seen = now.map((node, index) => {
          if (states[index] === 'notReady') return { ...node, ready: 'Unknown' as const };
          if (states[index] === 'otherCordon') return { ...node, unschedulable: true };
          return states[index] === 'failed' ? cordoned(node) : node;
        });
        const by = (state: string) =>
          now.filter((_, index) => states[index] === state).map(({ name }) => name);
        const occupied = by('atWork').map((node) => ({ node, pool: 'batch' }));
        const failed = by('failed').map(indexOf);
        const all = now
          .map(({ name }) => indexOf(name))
          .filter((index) => {
            return !occupied.some(({ node }) => node === rows[index]?.node);
          });
        const next = ask(seen, { order: all, failed }, { occupied, policy: rollingBack(unavailableMax) });
        const awayBefore = states.filter((state) => state !== 'ready').length;
        const more = next.steps.filter(({ node }) => by('ready').includes(node)).length;
        expect(awayBefore + more).toBeLessThanOrEqual(Math.max(unavailableMax, awayBefore));
        expect(by('failed').every((name) => names(next).includes(name))).toBe(true);
      }),
    );
  });
});
