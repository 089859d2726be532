// Canaries: which nodes they are, and what the others wait for.
import { describe, expect, it } from '@jest/globals';
import { defaultPolicy } from '../../../domain/default-policy.ts';
import type { NodeFacts } from '../../../domain/inventory.ts';
import { timeAfter } from '../../../domain/machines/clock-math.ts';
import type { NodesSeen, PlanNextQuestion } from '../../../domain/planning/board.ts';
import type { CanaryClock } from '../../../domain/planning/canary-clock.ts';
import { planNext } from '../../../domain/planning/plan-next.ts';
import type { NextSteps } from '../../../domain/plan.ts';
import type { Amount, ApprovalBefore, Policy } from '../../../domain/policy.ts';
import {
  OBSERVED_AT,
  firstQuestion,
  plannedRows,
  sampleDefinition,
  sampleInventory,
  sampleLooks,
  sampleNode,
  sampleNodes,
  samplePolicy,
  samplePool,
} from './sample-fleet.ts';

const count = (nodes: number): Amount => ({ kind: 'count', count: nodes });

function policyOf(o: { canaries?: Amount; soakMs?: number; before?: ApprovalBefore }): Policy {
  return samplePolicy({
    disruption: { ...defaultPolicy.disruption, unavailableMax: count(10) },
    canary: { nodes: o.canaries ?? count(1), soakMs: o.soakMs ?? 0 },
    approval: { ...defaultPolicy.approval, before: o.before ?? 'never' },
  });
}

const poolOf = (o: Parameters<typeof policyOf>[0]) => samplePool('batch', { policy: policyOf(o) });
const definitionOf = (o: Parameters<typeof policyOf>[0]) => sampleDefinition({ pools: [poolOf(o)] });

function canariesOf(o: Parameters<typeof policyOf>[0], nodes: readonly NodeFacts[]): readonly string[] {
  const rows = plannedRows(definitionOf(o), sampleInventory(nodes));
  const canaries = rows.filter((row) => row.canary === true).map((row) => row.node);
  // They come first, in one block.
  expect(rows.slice(0, canaries.length).map((row) => row.node)).toEqual(canaries);
  return canaries;
}

const node = (
  index: number,
  changes: { pods?: number; zone?: string; type?: string } & Partial<NodeFacts>,
) => {
  const { pods = index, zone, type, ...rest } = changes;
  const base = sampleNode('batch', index, { podsToMove: pods, ...rest });
  const labels = {
    ...base.labels,
    ...(zone === undefined ? {} : { 'topology.kubernetes.io/zone': zone }),
    ...(type === undefined ? {} : { 'node.kubernetes.io/instance-type': type }),
  };
  return { ...base, labels };
};

describe('the canaries of a pool', () => {
  it('are one in each zone where there are enough, the occupied one with the fewest pods', () => {
    // Nodes 0 to 8 stand in zones a, b, c by turns; 0, 1 and 2 are empty.
    const nodes = Array.from({ length: 9 }, (_, index) => node(index, { pods: index < 3 ? 0 : index }));
    expect(canariesOf({ canaries: count(3) }, nodes)).toEqual(['batch-3', 'batch-4', 'batch-5']);
    expect(canariesOf({ canaries: count(4) }, nodes)).toEqual(['batch-3', 'batch-4', 'batch-5', 'batch-6']);
  });

  it('are of every instance type, and of a new zone rather than of one that has a canary', () => {
    const nodes = [
      node(0, { pods: 1, zone: 'a', type: 'p5' }),
      node(1, { pods: 1, zone: 'a', type: 'p4' }),
      node(2, { pods: 1, zone: 'b', type: 'p5' }),
      node(3, { pods: 1, zone: 'b', type: 'p4' }),
    ];
    expect(canariesOf({ canaries: count(2) }, nodes)).toEqual(['batch-0', 'batch-3']);
  });

  it('are empty nodes where a zone has no others', () => {
    const nodes = [node(0, { pods: 0 }), node(1, { pods: 4 }), node(3, { pods: 0 })];
    expect(canariesOf({ canaries: count(2) }, nodes)).toEqual(['batch-0', 'batch-1']);
  });

  it('are never ill, cordoned, or up to date', () => {
    const nodes = [
      node(0, { ready: 'Unknown' }),
      node(1, { unschedulable: true }),
      node(2, { kubeletVersion: 'v1.36.1' }),
      node(3, {}),
    ];
    expect(canariesOf({ canaries: count(4) }, nodes)).toEqual(['batch-3']);
  });

  it.each<[Amount, number]>([
    [count(0), 0],
    [{ kind: 'percent', percent: 10 }, 1],
    [{ kind: 'percent', percent: 50 }, 4],
    [count(20), 9],
  ])('of %j are %i of nine', (canaries, expected) => {
    expect(canariesOf({ canaries }, sampleNodes('batch', 9))).toHaveLength(expected);
  });

  it('are the same however the nodes are listed [I99]', () => {
    const nodes = sampleNodes('batch', 12).map((one) => ({ ...one, podsToMove: 3 }));
    const listed = (order: readonly NodeFacts[]) => canariesOf({ canaries: count(5) }, order);
    expect(listed([...nodes].reverse())).toEqual(listed(nodes));
  });
});

/** Four nodes of which the first row is the canary, upgraded by now unless `changes` say otherwise. */
function ask(
  o: Parameters<typeof policyOf>[0],
  changes: Partial<PlanNextQuestion> & {
    minutes?: number;
    canary?: Partial<NodeFacts> | null;
    looks?: Parameters<typeof sampleLooks>[1];
    notReady?: NodesSeen['notReady'];
  } = {},
): NextSteps {
  const { minutes = 0, canary = {}, looks = {}, notReady = {}, ...question } = changes;
  const nodes = sampleNodes('batch', 4);
  const definition = question.definition ?? definitionOf(o);
  const rows = plannedRows(definition, sampleInventory(nodes));
  const name = rows[0]?.node;
  const now = nodes.flatMap((one) => {
    if (one.name !== name) return [one];
    return canary === null ? [] : [{ ...one, kubeletVersion: 'v1.36.1', ...canary }];
  });
  const seen = { observedAt: timeAfter(OBSERVED_AT, minutes * 60_000), nodes: now, notReady };
  const plan = planNext({ ...firstQuestion(definition, rows), ...question }, seen, sampleLooks(now, looks));
  if (plan.kind === 'look') throw new Error('asks to look');
  return plan.next;
}

const clock = (changes: Partial<CanaryClock> = {}): { batch: CanaryClock } => ({
  batch: {
    endedAt: OBSERVED_AT,
    unwellSince: null,
    unwellLast: null,
    passed: false,
    boots: { 'batch-3': 'boot-1' },
    ...changes,
  },
});
const kinds = (next: NextSteps) => next.waiting.map(({ why, nodes }) => `${why.kind} ${nodes}`);
const ended = { codes: 'dwww', canaries: clock() };
const SOAK = { soakMs: 600_000 };

describe('the others', () => {
  it('wait until all canaries have ended [I113]', () => {
    const first = ask({}, { canary: { kubeletVersion: 'v1.35.2' } });
    expect(first.steps.map((step) => step.node)).toEqual(['batch-3']);
    expect(kinds(first)).toEqual(['canary 3']);
    const occupied = [{ node: 'batch-3', pool: 'batch' }];
    expect(kinds(ask({}, { codes: 'awww', occupied }))).toEqual(['canary 3']);
    expect(ask({}, ended).steps).toHaveLength(3);
  });

  it('wait for a canary that is taken again [I113]', () => {
    const next = ask(
      {},
      { codes: 'fwww', retries: [{ node: 'batch-3', attempt: 2 }], canary: { kubeletVersion: 'v1.35.2' } },
    );
    expect(next.steps.map((step) => [step.node, step.attempt])).toEqual([['batch-3', 2]]);
    expect(kinds(next)).toEqual(['canary 3']);
  });

  it('wait for the whole soak, and are told until when [I113]', () => {
    const next = ask(SOAK, { ...ended, minutes: 9 });
    expect(next.steps).toEqual([]);
    expect(next.waiting[0]?.why).toMatchObject({ kind: 'soak', until: '2026-11-20T10:10:00.000Z' });
    expect(next.canaries).toEqual([{ pool: 'batch', found: 'well' }]);
    const after = ask(SOAK, { ...ended, minutes: 10 });
    expect(after.steps).toHaveLength(3);
    expect(after.canaries).toEqual([{ pool: 'batch', found: 'passed' }]);
  });

  it.each<[string, Partial<NodeFacts> | null, string]>([
    ['is not Ready', { ready: 'Unknown' }, 'canary batch-3 is not Ready'],
    ['is cordoned by somebody', { unschedulable: true }, 'canary batch-3 is cordoned'],
    ['shows another release', { kubeletVersion: 'v1.35.2' }, 'does not show its release: kubelet is v1.35.2'],
    ['is gone', null, 'canary batch-3 is gone'],
    ['is another node', { uid: 'another' }, 'was replaced by another node'],
  ])('wait while a canary %s, soak or none [I113]', (_, canary, text) => {
    for (const soak of [{}, SOAK]) {
      const next = ask(soak, { ...ended, canary, minutes: 30 });
      expect(next.steps).toEqual([]);
      expect(kinds(next)).toEqual(['canaryUnwell 3']);
      expect(next.waiting[0]?.why.text).toContain(text);
      expect(next.canaries).toEqual([{ pool: 'batch', found: 'unwell' }]);
      expect(next.gates).toBeUndefined();
    }
  });

  it('wait while a canary has fewer GPUs than before, or a DaemonSet without its pod there [I251]', () => {
    const ill = ask(SOAK, { ...ended, canary: { gpusAllocatable: 7 }, minutes: 30 });
    expect(kinds(ill)).toEqual(['canaryUnwell 3']);
    expect(ill.waiting[0]?.why.text).toContain('canary batch-3 has 7 GPUs allocatable, 8 before');
    expect(ask(SOAK, { ...ended, canary: { gpusAllocatable: 9 }, minutes: 30 }).steps).toHaveLength(3);
    const notReady = { 'batch-3': ['kube-system/device-plugin'] };
    const podless = ask(SOAK, { ...ended, notReady, minutes: 30 });
    expect(podless.canaries).toEqual([{ pool: 'batch', found: 'unwell' }]);
    expect(podless.waiting[0]?.why.text).toContain(
      'has a pod of DaemonSet kube-system/device-plugin that is not Ready',
    );
    // What this run did not lay it did not verify either.
    expect(ask(SOAK, { ...ended, codes: 'uwww', notReady, minutes: 30 }).steps).toHaveLength(3);
  });

  it('wait for a whole soak again after a boot, which is seen also where its Ready is long back [I251]', () => {
    const { batch: unseen } = clock();
    delete unseen.boots;
    const first = ask(SOAK, { ...ended, canaries: { batch: unseen }, minutes: 1 });
    expect(first.canaries).toEqual([{ pool: 'batch', found: 'well', boots: { 'batch-3': 'boot-1' } }]);
    const booted = { ...ended, canary: { bootId: 'boot-2' } };
    const seen = ask(SOAK, { ...booted, minutes: 9 });
    expect(seen.waiting[0]?.why.text).toContain('canary batch-3 has booted once more');
    expect(seen.canaries).toEqual([{ pool: 'batch', found: 'unwell', boots: { 'batch-3': 'boot-2' } }]);
    const canaries = clock({
      unwellLast: timeAfter(OBSERVED_AT, 9 * 60_000),
      boots: { 'batch-3': 'boot-2' },
    });
    const again = ask(SOAK, { ...booted, canaries, minutes: 10 });
    expect(again.waiting[0]?.why).toMatchObject({ kind: 'soak', until: '2026-11-20T10:19:00.000Z' });
    expect(ask(SOAK, { ...booted, canaries, minutes: 19 }).steps).toHaveLength(3);
  });

  it('wait for a whole soak again after a bad look [I113]', () => {
    const since = timeAfter(OBSERVED_AT, 5 * 60_000);
    const canaries = clock({ unwellLast: since });
    expect(ask(SOAK, { ...ended, canaries, minutes: 14 }).waiting[0]?.why).toMatchObject({
      kind: 'soak',
      until: '2026-11-20T10:15:00.000Z',
    });
    expect(ask(SOAK, { ...ended, canaries, minutes: 15 }).steps).toHaveLength(3);
  });

  it('ask a person when a canary has been unwell for a minute, and follow a yes alone [I113]', () => {
    const canaries = clock({ unwellSince: OBSERVED_AT, unwellLast: OBSERVED_AT });
    const ill = { ...ended, canaries, canary: { ready: 'Unknown' as const } };
    expect(ask({}, { ...ill, minutes: 0 }).gates).toBeUndefined();
    const next = ask({}, { ...ill, minutes: 1 });
    expect(kinds(next)).toEqual(['approval 3']);
    expect(next.gates).toMatchObject([{ name: 'canary', kind: 'canary', pool: 'batch' }]);
    expect(next.gates?.[0]?.evidence).toEqual([
      `canary batch-3 is not Ready since ${OBSERVED_AT}; 3 other nodes of pool batch would follow`,
      'canary batch-3 (us-east-1a, p5.48xlarge): done, is not Ready now',
      `the last canary ended ${OBSERVED_AT}`,
    ]);
    expect(ask({}, { ...ill, minutes: 1, gatesOpened: ['canary'] }).steps).toHaveLength(3);
  });

  it.each(['s', 'l', 'f'])('ask a person when no canary ended well (%s) [I113]', (code) => {
    const next = ask({}, { codes: `${code}www`, canaries: clock() });
    expect(next.steps).toEqual([]);
    expect(next.gates?.[0]?.evidence[0]).toContain('no canary of pool batch shows that the release is good');
  });

  it('are watched for no longer once they have begun', () => {
    const canaries = clock({ passed: true });
    expect(ask(SOAK, { ...ended, canaries, canary: { ready: 'Unknown' } }).steps).toHaveLength(3);
  });

  it('leave the canaries watched while nothing of them can begin', () => {
    const policy = policyOf({});
    const full = { ...policy, disruption: { ...policy.disruption, unavailableMax: count(1) } };
    const definition = sampleDefinition({ pools: [samplePool('batch', { policy: full })] });
    const occupied = [{ node: 'elsewhere', pool: 'batch' }];
    expect(ask({}, { ...ended, definition, occupied }).canaries).toEqual([{ pool: 'batch', found: 'well' }]);
  });

  it('may follow at once in the next answer when the canary turns out to need nothing', () => {
    const next = ask({}, { canary: { unschedulable: true, kubeletVersion: 'v1.35.2' } });
    expect(next.settled).toMatchObject([{ node: 'batch-3', disposition: { kind: 'leftAlone' } }]);
    expect(next.more).toBe(true);
  });

  it('may follow at once when a canary that is taken again turns out to need nothing, or its instance is gone [I220]', () => {
    const retries = [{ node: 'batch-3', attempt: 2 }];
    const retried = ask(
      {},
      { codes: 'fwww', retries, canary: { unschedulable: true, kubeletVersion: 'v1.35.2' } },
    );
    expect(retried.settled).toMatchObject([{ node: 'batch-3', disposition: { kind: 'leftAlone' } }]);
    expect(retried.more).toBe(true);
    const gone = ask(
      {},
      { canary: { kubeletVersion: 'v1.35.2' }, looks: { 'batch-3': { instance: null, daemonSets: [] } } },
    );
    expect(gone.settled).toMatchObject([{ node: 'batch-3', disposition: { kind: 'leftAlone' } }]);
    expect(gone.more).toBe(true);
  });

  it('wait for a canary that fell ill before its turn, which is not taken', () => {
    const next = ask({}, { canary: { ready: 'Unknown', kubeletVersion: 'v1.35.2' } });
    expect(next.steps).toEqual([]);
    expect(kinds(next)).toEqual(['nodeNotReady 1', 'canary 3']);
    expect(next.waiting[0]?.why.text).toContain('refit skip batch-3');
  });
});

describe('gate canary', () => {
  it('is wished when the canaries have soaked, with what they did [I114]', () => {
    const o = { ...SOAK, before: 'canary' as const };
    expect(kinds(ask(o, { ...ended, minutes: 9 }))).toEqual(['soak 3']);
    const next = ask(o, { ...ended, minutes: 10 });
    expect(next.steps).toEqual([]);
    expect(kinds(next)).toEqual(['approval 3']);
    expect(next.gates).toEqual([
      {
        name: 'canary',
        kind: 'canary',
        pool: 'batch',
        evidence: [
          'the canaries of pool batch have ended; 3 other nodes of pool batch would follow',
          'canary batch-3 (us-east-1a, p5.48xlarge): done, is Ready and shows 2026.11 now',
          `the last canary ended ${OBSERVED_AT}`,
        ],
      },
    ]);
    expect(ask(o, { ...ended, minutes: 10, gatesOpened: ['canary'] }).steps).toHaveLength(3);
  });

  it('is wished again when its yes has expired, though the canaries have long passed [I114]', () => {
    const next = ask({ before: 'canary' }, { ...ended, canaries: clock({ passed: true }) });
    expect(kinds(next)).toEqual(['approval 3']);
  });

  it('is wished before the first node of a pool that has no canary [I114]', () => {
    const next = ask({ canaries: count(0), before: 'canary' }, { canary: { kubeletVersion: 'v1.35.2' } });
    expect(kinds(next)).toEqual(['approval 4']);
    expect(next.gates?.[0]?.evidence[0]).toContain('pool batch has no canary');
  });

  it('names the pool where several pools of the run have canaries [I114]', () => {
    const pools = [
      poolOf({ before: 'canary' }),
      samplePool('h100', { policy: policyOf({ before: 'canary' }) }),
    ];
    const definition = sampleDefinition({ pools });
    const nodes = [...sampleNodes('batch', 4), ...sampleNodes('h100', 4)];
    const rows = plannedRows(definition, sampleInventory(nodes));
    const now = nodes.map((one) => (one.name === 'batch-3' ? { ...one, kubeletVersion: 'v1.36.1' } : one));
    const question = { ...firstQuestion(definition, rows), codes: 'dwwwwwww', canaries: clock() };
    const wished = (gatesOpened: string[]) => {
      const plan = planNext(
        { ...question, gatesOpened },
        { observedAt: OBSERVED_AT, nodes: now },
        sampleLooks(now),
      );
      return plan.kind === 'steps' ? (plan.next.gates ?? []).map(({ name }) => name) : ['look'];
    };
    expect(wished([])).toEqual(['canary/batch']);
    expect(wished(['canary/h100'])).toEqual(['canary/batch']);
    expect(wished(['canary/batch'])).toEqual([]);
  });
});
