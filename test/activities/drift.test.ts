// One look at a cluster: what is out of date, what of it is new since the last record, and that it stays bounded.
import { describe, expect, it } from '@jest/globals';
import { createDriftActivities } from '../../activities/drift.ts';
import { driftNotice, readLastLook } from '../../domain/drift.ts';
import { createDriftBed } from '../fakes/drift-bed.ts';
import { answerOf, runActivity } from './activity-runner.ts';

const FLEET = 'training';
const NONE = { nodes: 0, shown: [] };

function bedOf() {
  const bed = createDriftBed();
  const { resolveDrift, lookForDrift } = createDriftActivities(bed.deps);
  const look = (before: string | null, cluster = 'dev') =>
    answerOf(lookForDrift, { fleet: FLEET, cluster, before });
  return { ...bed, resolveDrift, look };
}

describe('what is looked at', () => {
  it('is every cluster of the fleet, or those that are named, and who is told', async () => {
    const { resolveDrift } = bedOf();
    const all = await answerOf(resolveDrift, { fleet: FLEET });
    expect(all.clusters).toEqual(['dev', 'prod-east']);
    expect(all.notifications.map(({ name }) => name)).toEqual(['oncall']);
    const some = await answerOf(resolveDrift, { fleet: FLEET, clusters: ['prod-east', 'prod-east'] });
    expect(some.clusters).toEqual(['prod-east']);
  });

  it('is refused by name when there is no such cluster', async () => {
    const ending = await runActivity(bedOf().resolveDrift, { fleet: FLEET, clusters: ['prod-wets'] });
    if (ending.kind !== 'failed') throw new Error('it is refused');
    expect(ending.failure).toMatchObject({ type: 'InvalidInput', nonRetryable: true });
    expect(ending.failure.message).toContain('prod-wets');
  });
});

describe('a look at a cluster', () => {
  it('tells what is behind from what shows no release at all, with the reasons [I215]', async () => {
    const { look, show } = bedOf();
    show('dev', 'n1', 'v1.35.2');
    show('dev', 'n2', 'v1.99.0');
    const found = await look(null);
    expect(found).toMatchObject({ cluster: 'dev', nodes: 2, outdated: 2 });
    expect(found.fresh.updateAvailable.nodes).toBe(1);
    expect(found.fresh.updateAvailable.shown[0]?.node).toBe('n1');
    expect(found.fresh.updateAvailable.shown[0]?.why).toContain('kubelet is v1.35.2, expected v1.36.1');
    expect(found.fresh.drift.shown[0]?.why).toContain('kubelet is v1.99.0, expected v1.36.1');
  });

  it('tells as new only what was not so at the last look, and writes one record as long as nothing changes [I248]', async () => {
    const { look, show, records } = bedOf();
    show('dev', 'n1', 'v1.35.2');
    const first = await look(null);
    const second = await look(first.record);
    expect(second.fresh).toEqual({ updateAvailable: NONE, drift: NONE });
    expect(second.record).toBe(first.record);
    expect(await records.list({ kind: 'outdated', key: 'training/dev' })).toEqual([first.record]);
    show('dev', 'n2', 'v1.35.2');
    const third = await look(second.record);
    expect(third.outdated).toBe(2);
    expect(third.fresh.updateAvailable.shown.map(({ node }) => node)).toEqual(['n2']);
    show('dev', 'n1', 'v1.98.0');
    const fourth = await look(third.record);
    expect(fourth.fresh.drift.shown.map(({ node }) => node)).toEqual(['n1']);
    expect(fourth.fresh.updateAvailable).toEqual(NONE);
  });

  it('takes everything for new when the records do not show the last look', async () => {
    const { look, show } = bedOf();
    show('dev', 'n1', 'v1.35.2');
    expect((await look(`sha256:${'0'.repeat(64)}`)).fresh.updateAvailable.nodes).toBe(1);
  });

  it('stays small with five thousand nodes behind, and says how many it does not show', async () => {
    const { look, show } = bedOf();
    for (let index = 0; index < 5_000; index += 1) show('prod-east', `node-${String(index)}`, 'v1.35.2');
    const found = await look(null, 'prod-east');
    expect(found.fresh.updateAvailable).toMatchObject({ nodes: 5_000 });
    expect(JSON.stringify(found).length).toBeLessThan(16 * 1024);
    const notice = driftNotice({ fleet: FLEET, workflowId: 'drift.training' }, 'updateAvailable', [found]);
    expect(notice).toMatchObject({
      cluster: 'prod-east',
      summary: '5000 more nodes could be upgraded: 5000 in prod-east',
      nodesLeft: 4_980,
    });
    expect(driftNotice({ fleet: FLEET, workflowId: 'drift.training' }, 'drift', [found])).toBeUndefined();
  });
});

describe('the result of the last look', () => {
  it.each([undefined, null, 'text', {}, { clusters: {} }, { clusters: [null, 1, { cluster: 1 }] }])(
    'is nothing when it is %j',
    (result) => {
      const { records, blind } = readLastLook(result);
      expect([records.size, blind.size]).toEqual([0, 0]);
    },
  );
});
