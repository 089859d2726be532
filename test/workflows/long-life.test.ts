// What a run survives: a worker's death, and its own history growing too long.
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startBed, stopBed, withRun } from './bed.ts';
import type { Bed } from './bed.ts';

let bed: Bed;
beforeAll(async () => {
  // A small limit makes the server suggest to continue as new after a few nodes.
  bed = await startBed({ continueAfterEvents: 150 });
});
afterAll(async () => {
  await stopBed(bed);
});

describe('continue-as-new', () => {
  it('goes on with children at work, and takes no node twice [I81]', async () => {
    const o = { nodes: 20, unavailableMax: 3, name: 'continued' };
    await withRun(bed, o, async ({ world, id, signal, firstRunId: first }) => {
      world.hold('reimageNode', 'n2');
      await signal('nonsense', 1);
      while (world.count('uncordonNode') < 15) await pause(100);
      const continued = await bed.client.workflow.getHandle(id).describe();
      expect(continued.runId).not.toBe(first);
      world.release('reimageNode', 'n2');
      const result = await bed.client.workflow.getHandle(id).result();
      expect(result).toMatchObject({ outcome: 'succeeded', counts: { done: 20, failed: 0 } });
      expect(world.count('cordonNode')).toBe(20);
      expect(world.count('reimageTask')).toBe(20);
      expect(world.cordonedMost).toBeLessThanOrEqual(3);
      expect(world.reports[0]).toMatchObject({ firstExecutionRunId: first });
    });
  });

  it('keeps open gates, and messages that come in between', async () => {
    const o = { nodes: 3, approval: { before: 'node' as const }, name: 'continued-gates' };
    await withRun(bed, o, async ({ until, signal, id, update, firstRunId: first }) => {
      await until('gate', (s) => s.gates.length === 1);
      const runId = async () => (await bed.client.workflow.getHandle(id).describe()).runId;
      // As many as it takes: how many of them share a workflow task is the server's choice.
      let sent = 0;
      for (; sent < 400 && (await runId()) === first; sent += 1)
        await signal('resume', { by: `sam-${String(sent)}` });
      expect(await runId()).not.toBe(first);
      // Those that came last wait until the new run has read its plan again.
      const after = await until('the last message', ({ ignored }) => {
        return ignored.at(-1)?.content.includes(`"sam-${String(sent - 1)}"`) === true;
      });
      expect(after.gates[0]?.name).toBe('node/n1');
      expect(after.ignored.length).toBe(Math.min(50, sent));
      for (const node of ['n1', 'n2', 'n3']) {
        await until('gate', (s) => s.gates[0]?.name === `node/${node}`);
        await update('approve', { gate: `node/${node}`, by: 'sam' });
      }
      expect(await bed.client.workflow.getHandle(id).result()).toMatchObject({
        outcome: 'succeeded',
        counts: { done: 3 },
      });
    });
  });
});

describe('a run that has just begun', () => {
  it('hears what a child told it before, and takes it for no stranger’s word [I81]', async () => {
    const told = { node: 'n1', state: 'reimaging' };
    const approval = { before: 'node' as const };
    const o = { nodes: 1, approval, name: 'told-early', early: { name: 'nodeState', content: told } };
    await withRun(bed, o, async ({ until }) => {
      const asked = await until('gate', (s) => s.gates.length === 1);
      expect(asked.ignored.map(({ why }) => why)).not.toContain('no such signal');
    });
  });
});

describe('a worker that dies', () => {
  it('is followed by another, without a cache, and nothing is done twice [I82]', async () => {
    const o = { nodes: 3, unavailableMax: 2, name: 'restarted' };
    await withRun(bed, o, async ({ world, restartWorker, until, id }) => {
      world.hold('reimageNode', 'n1');
      await until('reimaging', (s) => s.active.some((c) => c.node === 'n1' && c.state === 'reimaging'));
      // Its cache dies with it: the next one has only the history.
      await restartWorker();
      world.hold('verifyNode', 'n1');
      world.release('reimageNode', 'n1');
      await until('verifying', (s) => s.active.some((c) => c.node === 'n1' && c.state === 'verifying'));
      await restartWorker();
      world.release('verifyNode', 'n1');
      expect(await bed.client.workflow.getHandle(id).result()).toMatchObject({
        outcome: 'succeeded',
        counts: { done: 3 },
      });
      expect(world.count('reimageTask')).toBe(3);
      expect(world.count('cordonNode')).toBe(3);
      expect(world.count('uncordonNode')).toBe(3);
    });
  });
});
