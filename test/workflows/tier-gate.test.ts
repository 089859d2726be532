// A run of prod that waits for the tiers below, while something is recorded there.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { rolloutKey } from '../../domain/rollout.ts';
import type { Rollout } from '../../domain/rollout.ts';
import type { RunStatus } from '../../domain/status.ts';
import { startBed, stopBed, withRun } from './bed.ts';
import type { Bed } from './bed.ts';
import { RELEASE_DIGEST, threeClusters } from './promotion-world.ts';
import type { ThreeClusters } from './promotion-world.ts';

let bed: Bed;
beforeAll(async () => {
  bed = await startBed();
});
afterAll(async () => {
  await stopBed(bed);
});

const gateNames = (status: RunStatus) => status.gates.map(({ name }) => name);

async function recordRollout(
  { records }: ThreeClusters,
  cluster: string,
  outcome: Rollout['outcome'],
): Promise<void> {
  const at = new Date().toISOString();
  const body: Rollout = {
    tier: cluster === 'dev-1' ? 'dev' : 'qa',
    nodesNamed: false,
    pools: [{ name: 'h100', release: '2026.11', releaseDigest: RELEASE_DIGEST }],
    workflowId: `upgrade.training.${cluster}`,
    firstExecutionRunId: `run of ${at}`,
    fleet: 'training',
    cluster,
    startedAt: at,
    endedAt: at,
    outcome,
    outcomeWhy: null,
    counts: { total: 2, done: 2, failed: 0, skipped: 0, upToDate: 0, leftAlone: 0, waiting: 0 },
  };
  await records.put({ kind: 'rollout', key: rolloutKey(body), body });
}

async function recordGood(clusters: ThreeClusters): Promise<void> {
  for (const cluster of ['dev-1', 'qa-1']) await recordRollout(clusters, cluster, 'succeeded');
}

describe('prod asked for directly', () => {
  const direct = { fleet: 'training', cluster: 'prod-east', release: '2026.11' };

  it('sees what was recorded below while it was paused, and stays at its gate [I249]', async () => {
    // An hour of soak: whatever this machine is busy with, it has not passed when the run begins.
    const soakMs = 3_600_000;
    const clusters = threeClusters(bed, { nodes: 2, soakMs });
    await recordGood(clusters);
    const worker = { activities: clusters.activities };
    await withRun(bed, { nodes: 2, input: direct, worker }, async ({ handle, until, update }) => {
      const asked = await until('the gate', (status) => gateNames(status).includes('tier/prod'));
      expect(asked.gates[0]?.evidence.join('\n')).toContain('without an answer it goes on at');
      await update('pause', { by: 'sam', reason: 'lunch' });
      await recordRollout(clusters, 'qa-1', 'rolledBack');
      await update('resume', { by: 'sam' });
      const told = await until('the new reason', (status) =>
        status.gates.some(({ evidence }) => evidence.join('\n').includes('rolledBack')),
      );
      expect(gateNames(told)).toEqual(['tier/prod']);
      expect(told.gates[0]?.evidence.join('\n')).not.toContain('without an answer it goes on at');
      expect(clusters.touched()).toEqual([]);
      await update('reject', { gate: 'tier/prod', by: 'sam', reason: 'qa went back' });
      expect(await handle.result()).toMatchObject({ outcome: 'failed', counts: { done: 0, skipped: 2 } });
      expect(clusters.touched()).toEqual([]);
    });
  });
});
