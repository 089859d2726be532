// What a promotion asks: which clusters in which order, whether they have soaked, what their runs say.
import { beforeEach, describe, expect, it } from '@jest/globals';
import { createPromotionActivities } from '../../activities/promotion.ts';
import { InvalidFleet } from '../../domain/invalid-fleet.ts';
import type { NotificationTarget } from '../../domain/notification.ts';
import type { FleetTiers, TierCluster } from '../../domain/rollout.ts';
import type { FleetUpgradeInput } from '../../domain/run.ts';
import { makeStatus } from '../clients/fake-temporal.ts';
import { createFakeBed } from '../fakes/node-input.ts';
import type { FakeBed } from '../fakes/node-input.ts';
import { definitionOf, policyOf } from '../workflows/shapes.ts';
import { answerOf, runActivity } from './activity-runner.ts';

const cluster = (
  name: string,
  tier: TierCluster['tier'],
  sla: boolean,
  digest = 'sha256:new',
): TierCluster => ({
  name,
  tier,
  region: 'us-east-1',
  sla,
  pools: [{ name: 'h100', releaseDigest: digest }],
});
const tiers: FleetTiers = {
  promotion: { soakMs: 0, successMinPercent: 100 },
  clusters: [
    cluster('prod-sla', 'prod', true),
    cluster('prod-batch', 'prod', false),
    cluster('dev-1', 'dev', true),
  ],
  releases: [
    { name: '2026.11', digest: 'sha256:new' },
    { name: '2026.09', digest: 'sha256:old' },
  ],
};
const promote = { fleet: 'training', promote: true as const };

let bed: FakeBed;
let asked: FleetUpgradeInput[];
beforeEach(() => {
  bed = createFakeBed();
  asked = [];
});

function activities(
  o: { tiers?: FleetTiers; refuse?: string; notifications?: readonly NotificationTarget[] } = {},
) {
  const resolveRun = (input: FleetUpgradeInput) => {
    asked.push(input);
    const place = { file: 'input', line: null, column: null, path: 'release', found: 'x', fix: null };
    const problem = { ...place, expected: 'a release with an image in eu-west-1' };
    if (input.cluster === o.refuse) return Promise.reject(new InvalidFleet([problem]));
    const { notifications } = o;
    const definition = definitionOf(policyOf(), input);
    return Promise.resolve(notifications === undefined ? definition : { ...definition, notifications });
  };
  const collectTiers = () => Promise.resolve(o.tiers ?? tiers);
  const fleetFiles = { ...bed.deps.fleetFiles, collectTiers, resolveRun };
  return createPromotionActivities({ ...bed.deps, fleetFiles });
}

describe('resolvePromotion', () => {
  it('orders clusters by tier, those without an SLA first, and resolves each before anything begins', async () => {
    const input = { ...promote, release: '2026.11', policy: { windows: [] }, requestedBy: 'ana' };
    const definition = await answerOf(activities().resolvePromotion, input);
    expect(definition).toEqual({
      fleet: 'training',
      release: '2026.11',
      releaseDigest: 'sha256:new',
      requestedBy: 'ana',
      promotion: tiers.promotion,
      tiers: [
        { tier: 'dev', clusters: ['dev-1'] },
        { tier: 'prod', clusters: ['prod-batch', 'prod-sla'] },
      ],
    });
    const rest = { fleet: 'training', release: '2026.11', policy: { windows: [] }, requestedBy: 'ana' };
    expect(asked).toEqual(['dev-1', 'prod-batch', 'prod-sla'].map((name) => ({ ...rest, cluster: name })));
  });

  it('answers whom the fleet tells, by names of variables alone', async () => {
    const target = { name: 'oncall', form: 'slack', urlEnv: 'REFIT_NOTIFY_URL', headers: [] } as const;
    const notifications = [{ ...target, events: ['finished'] as const }];
    const definition = await answerOf(activities({ notifications }).resolvePromotion, promote);
    expect(definition.notifications).toEqual(notifications);
  });

  it('takes the one release that all pools name, and asks which when they name several', async () => {
    expect((await answerOf(activities().resolvePromotion, promote)).release).toBe('2026.11');
    const several = { ...tiers, clusters: [...tiers.clusters, cluster('qa-1', 'qa', false, 'sha256:old')] };
    expect(await runActivity(activities({ tiers: several }).resolvePromotion, promote)).toMatchObject({
      kind: 'failed',
      failure: { type: 'InvalidInput', nonRetryable: true },
    });
  });

  it('refuses all of it for one cluster that could not be given the release [I198]', async () => {
    expect(await runActivity(activities({ refuse: 'prod-sla' }).resolvePromotion, promote)).toMatchObject({
      kind: 'failed',
      failure: { type: 'InvalidInput', nonRetryable: true },
    });
  });
});

it('a cluster that the records or the fleet file do not know is not good enough [I196]', async () => {
  const definition = await answerOf(activities().resolvePromotion, promote);
  const soaks = await answerOf(activities().judgeClusters, { definition, clusters: ['dev-1', 'gone'] });
  expect(soaks.map(({ soak }) => soak.kind)).toEqual(['unproven', 'unproven']);
});

describe('lookAtCluster', () => {
  const childId = 'promote.training/cluster/dev-1';
  const look = (told: Parameters<ReturnType<typeof activities>['lookAtCluster']>[0]['told'] = null) =>
    runActivity(activities().lookAtCluster, { childId, told });

  it('tells news, and fails benignly until there is some', async () => {
    bed.runs.children.set(childId, { kind: 'open' });
    bed.runs.statuses.set(childId, makeStatus());
    const first = await look();
    if (first.kind !== 'answered' || first.answer.kind !== 'seen') throw new Error(JSON.stringify(first));
    expect(await look(first.answer.seen)).toMatchObject({ kind: 'failed', failure: { type: 'NotYet' } });
  });

  it('tells how it ended; what cannot be read is no outcome', async () => {
    const { counts } = makeStatus();
    bed.runs.children.set(childId, {
      kind: 'closed',
      status: 'COMPLETED',
      result: { outcome: 'failed', counts },
    });
    expect(await look()).toMatchObject({ answer: { kind: 'ended', end: { outcome: 'failed', counts } } });
    bed.runs.children.set(childId, { kind: 'closed', status: 'COMPLETED', result: { outcome: 'fine' } });
    expect(await look()).toMatchObject({ answer: { kind: 'ended', end: { outcome: null } } });
    bed.runs.children.set(childId, { kind: 'closed', status: 'TERMINATED', result: null });
    expect(await look()).toMatchObject({
      answer: { end: { outcome: null, why: 'its run is terminated, without a result' } },
    });
    bed.runs.children.delete(childId);
    expect(await look()).toMatchObject({ answer: { kind: 'ended', end: { outcome: null } } });
  });
});

it('a message is passed on under its id', async () => {
  const o = { childId: 'w/cluster/dev-1', name: 'pause' as const, content: { by: 'sam' }, updateId: 'u-1' };
  expect(await answerOf(activities().tellCluster, o)).toEqual({
    kind: 'accepted',
    effect: 'pause was taken',
  });
  const { childId: workflowId, ...rest } = o;
  expect(bed.runs.calls).toEqual([{ method: 'tellRun', argument: { workflowId, ...rest } }]);
});
