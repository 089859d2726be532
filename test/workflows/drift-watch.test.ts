// driftWatch by a real schedule on a real server: each run knows what the one before has told.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as pause } from 'node:timers/promises';
import type { WorkflowFailedError } from '@temporalio/client';
import { Worker } from '@temporalio/worker';
import { createActivities } from '../../activities/create.ts';
import { createScheduleSide } from '../../clients/cli/schedule-client.ts';
import { ScheduleUnknown } from '../../clients/cli/schedule-side.ts';
import type { ScheduleRow } from '../../clients/cli/schedule-side.ts';
import { PortError } from '../../adapters/ports/errors.ts';
import type { DriftResult } from '../../domain/drift.ts';
import { createDriftBed } from '../fakes/drift-bed.ts';
import type { DriftBed } from '../fakes/drift-bed.ts';
import { startBed, stopBed } from './bed.ts';
import type { Bed } from './bed.ts';

let bed: Bed;
beforeAll(async () => {
  bed = await startBed();
});
afterAll(async () => {
  await stopBed(bed);
});

let watches = 0;

/** A schedule that fires only when it is told to. */
async function withWatch(
  fleet: DriftBed,
  work: (look: () => Promise<DriftResult>) => Promise<void>,
): Promise<void> {
  watches += 1;
  const taskQueue = `drift-${String(watches)}`;
  const worker = await Worker.create({
    connection: bed.env.nativeConnection,
    taskQueue,
    workflowBundle: bed.bundle,
    activities: createActivities(fleet.deps),
  });
  const schedule = await bed.client.schedule.create({
    scheduleId: taskQueue,
    spec: {},
    policies: { overlap: 'SKIP' },
    action: { type: 'startWorkflow', workflowType: 'driftWatch', taskQueue, args: [{ fleet: 'training' }] },
  });
  let looks = 0;
  const look = async (): Promise<DriftResult> => {
    looks += 1;
    let skipped: number | undefined;
    for (; ; await pause(50)) {
      const { numActionsTaken, numActionsSkippedOverlap, recentActions } = (await schedule.describe()).info;
      const last = recentActions.at(-1);
      if (numActionsTaken === looks && last !== undefined) {
        const { workflowId, firstExecutionRunId } = last.action.workflow;
        return (await bed.client.workflow.getHandle(workflowId, firstExecutionRunId).result()) as DriftResult;
      }
      if (skipped === numActionsSkippedOverlap) continue;
      // Again, if the server has not heard yet of the end of the one before. Not as by default, which allows many
      // at once: then no run is handed what the one before answered.
      skipped = numActionsSkippedOverlap;
      await schedule.trigger('SKIP');
    }
  };
  try {
    await worker.runUntil(() => work(look));
  } finally {
    await schedule.delete();
  }
}

describe('a schedule of refit', () => {
  it('is created once, listed, paused, resumed and deleted on a real server', async () => {
    const side = createScheduleSide(bed.client, (call) => call());
    const wish = {
      scheduleId: 'drift.training',
      type: 'driftWatch' as const,
      everyMs: 3_600_000,
      note: 'by ana',
    };
    expect(await side.create({ ...wish, input: { fleet: 'training' } })).toBe('created');
    expect(await side.create({ ...wish, input: { fleet: 'training' } })).toBe('exists');
    const until = async (found: (row: ScheduleRow | undefined) => boolean) => {
      // Lists are of the visibility store, which follows.
      for (;;) {
        const row = (await side.list()).find(({ scheduleId }) => scheduleId === 'drift.training');
        if (found(row)) return row;
        await pause(50);
      }
    };
    const row = await until((one) => one?.nextAt !== null && one !== undefined);
    expect(row).toMatchObject({ type: 'driftWatch', everyMs: 3_600_000, paused: false, lastAt: null });
    const { action, policies } = await bed.client.schedule.getHandle('drift.training').describe();
    expect(action).toMatchObject({
      workflowId: 'drift.training',
      taskQueue: 'refit',
      args: [{ fleet: 'training' }],
    });
    expect(policies.overlap).toBe('SKIP');
    await side.pause({ scheduleId: 'drift.training', note: 'freeze' });
    await until((one) => one?.paused === true && one.note === 'freeze');
    await side.resume({ scheduleId: 'drift.training', note: 'go on' });
    await until((one) => one?.paused === false);
    await side.delete('drift.training');
    await expect(side.pause({ scheduleId: 'drift.training', note: 'gone' })).rejects.toThrow(ScheduleUnknown);
    await until((one) => one === undefined);
  });
});

describe('driftWatch', () => {
  it('tells what is newly out of date, and not again at the next look', async () => {
    const fleet = createDriftBed();
    fleet.show('dev', 'n1', 'v1.35.2');
    fleet.show('prod-east', 'n2', 'v1.35.2');
    await withWatch(fleet, async (look) => {
      const first = await look();
      expect(first.clusters).toMatchObject([
        { cluster: 'dev', nodes: 2, outdated: 1, fresh: 1, trouble: null },
        { cluster: 'prod-east', nodes: 2, outdated: 1, fresh: 1, trouble: null },
      ]);
      expect(fleet.told.map(({ notice }) => [notice.event, notice.summary])).toEqual([
        ['updateAvailable', '2 more nodes could be upgraded: 1 in dev, 1 in prod-east'],
      ]);
      expect(first.lost).toEqual([]);
      const second = await look();
      expect(second.clusters.map(({ outdated, fresh }) => [outdated, fresh])).toEqual([
        [1, 0],
        [1, 0],
      ]);
      expect(fleet.told).toHaveLength(1);
      fleet.show('dev', 'n2', 'v1.99.0');
      await look();
      expect(fleet.told.at(-1)?.notice).toMatchObject({
        event: 'drift',
        cluster: 'dev',
        summary: '1 more node shows no release of the catalog: 1 in dev',
        nodes: [{ cluster: 'dev', node: 'n2' }],
      });
      expect(fleet.told).toHaveLength(2);
    });
  });

  it('looks at the others while a cluster is away, remembers what it knew, and tells again what reached nobody', async () => {
    const fleet = createDriftBed();
    fleet.show('dev', 'n1', 'v1.35.2');
    fleet.show('prod-east', 'n1', 'v1.35.2');
    await withWatch(fleet, async (look) => {
      fleet.deaf.now = true;
      const unheard = await look();
      expect(unheard.lost).toEqual(['updateAvailable: notify: notification oncall answered 404']);
      fleet.deaf.now = false;
      const heard = await look();
      expect(fleet.told).toHaveLength(1);
      fleet.fail('dev', new PortError('invalid', 'dev is away'));
      const away = await look();
      expect(away.clusters[0]).toMatchObject({ nodes: null, outdated: null, fresh: 0 });
      expect(away.clusters[0]?.trouble).toContain('dev is away');
      expect(away.clusters[0]?.record).toBe(heard.clusters[0]?.record);
      expect(away.clusters[1]).toMatchObject({ outdated: 1, fresh: 0 });
      expect(fleet.told.at(-1)?.notice).toMatchObject({ event: 'failed', cluster: 'dev' });
      expect(fleet.told.at(-1)?.notice.summary).toContain('could not be looked at for drift: dev: ');
      await look();
      expect(fleet.told).toHaveLength(2);
      fleet.fail('dev', null);
      await look();
      expect(fleet.told).toHaveLength(2);
    });
  });

  it('fails with InvalidInput when its input says nothing that it knows', async () => {
    const fleet = createDriftBed({ notifies: false });
    await withWatch(fleet, async () => {
      const taskQueue = `drift-${String(watches)}`;
      for (const input of [
        {},
        { fleet: 'training', cluster: 'dev' },
        { fleet: 'training', clusters: ['x'] },
      ]) {
        const started = bed.client.workflow.execute('driftWatch', {
          taskQueue,
          workflowId: 'wrong',
          args: [input],
        });
        const error = await started.catch((e: unknown) => e);
        expect((error as WorkflowFailedError).cause).toMatchObject({ type: 'InvalidInput' });
      }
    });
  });
});
