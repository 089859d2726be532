// Approvals in a running workflow, by plain JSON: a quorum of two, one person twice, the requester alone, a yes
// that becomes void with time, and one yes to many nodes.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { WorkflowUpdateFailedError } from '@temporalio/client';
import { startBed, stopBed, withRun } from './bed.ts';
import type { Bed, Running } from './bed.ts';

let bed: Bed;
beforeAll(async () => {
  bed = await startBed();
});
afterAll(async () => {
  await stopBed(bed);
});

const input = { fleet: 'training', cluster: 'prod-east', requestedBy: 'ana' };

async function refused(running: Running, content: unknown): Promise<string> {
  const error = await running.update('approve', content).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(WorkflowUpdateFailedError);
  return (error as WorkflowUpdateFailedError).cause?.message ?? '';
}

const asked = (running: Running, node: string) =>
  running.until(`gate of ${node}`, (s) => s.gates.some(({ name }) => name === `node/${node}`));

describe('approvals of a run', () => {
  it('start a node on the yes of a second person, not of the same one nor of the requester [I135]', async () => {
    const approval = { before: 'node' as const, firstNodes: 1, approvers: 2, selfApproval: false };
    await withRun(bed, { nodes: 2, approval, input }, async (running) => {
      const { update, signal, status, handle, world } = running;
      await asked(running, 'n1');
      expect(await refused(running, { gate: 'node/n1', by: 'Ana' })).toContain('asked for this run');
      expect((await update('approve', { gate: 'node/n1', by: 'sam' })).effect).toContain('1 of 2 yeses: sam');
      expect((await update('approve', { gate: 'node/n1', by: 'SAM ' })).effect).toContain('already');
      expect(await refused(running, { gate: 'node/n1', by: 'lee', planDigest: 'sha256:other' })).toContain(
        "this run's plan is sha256:plan",
      );
      expect((await status()).gates[0]).toMatchObject({
        approvers: 2,
        yeses: [{ by: 'sam' }],
        notBy: 'ana',
      });
      expect(world.count('cordonNode')).toBe(0);
      await signal('approve', { gate: 'node/n1', by: 'lee', reason: 'a quiet evening' });
      expect(await handle.result()).toMatchObject({ outcome: 'succeeded', counts: { done: 2 } });
      expect(world.decisions.map(({ by, yeses, planDigest }) => [by, yeses, planDigest])).toEqual([
        ['sam', '1 of 2', 'sha256:plan'],
        ['lee', '2 of 2', 'sha256:plan'],
      ]);
      expect(world.decisions[0]?.evidence?.[0]).toContain('n1 (h100');
    });
  });

  it('are void with time: a yes no longer counts, and says so, without any message [I138]', async () => {
    const expiresAfterMs = bed.lasting(10_000);
    const approval = { before: 'node' as const, firstNodes: 1, approvers: 2, expiresAfterMs };
    await withRun(bed, { nodes: 1, approval, input }, async (running) => {
      const { update, until, handle } = running;
      await asked(running, 'n1');
      await update('approve', { gate: 'node/n1', by: 'sam' });
      const later = await until('the yes to be void', (s) =>
        s.events.some(({ text }) => text.includes('the yes of sam is void')),
      );
      expect(later.gates[0]?.yeses).toEqual([]);
      await update('approve', { gate: 'node/n1', by: 'ana' });
      expect((await update('approve', { gate: 'node/n1', by: 'sam' })).effect).toContain('n1');
      expect(await handle.result()).toMatchObject({ counts: { done: 1 } });
    });
  });

  it('are void as a whole before the node has begun: its gate opens again, and nothing starts without new ones [I138]', async () => {
    const approval = { before: 'node' as const, expiresAfterMs: bed.lasting(10_000) };
    await withRun(bed, { nodes: 1, approval, input }, async (running) => {
      const { update, until, handle, world } = running;
      await asked(running, 'n1');
      await update('pause', { by: 'sam', reason: 'alarm' });
      expect((await update('approve', { gate: 'node/n1', by: 'sam' })).effect).toContain('after resume');
      const again = await until('the gate to open again', (s) => s.gates.length === 1);
      expect(again.gates[0]?.evidence.join('\n')).toContain('asked again: the approval by sam is void');
      await update('resume', { by: 'sam' });
      expect(world.count('cordonNode')).toBe(0);
      await update('approve', { gate: 'node/n1', by: 'sam' });
      expect(await handle.result()).toMatchObject({ counts: { done: 1 } });
    });
  });

  it('may be given to many nodes at once, by a signal of plain JSON, and count at each of them [I140]', async () => {
    const approval = { before: 'node' as const };
    await withRun(bed, { nodes: 4, unavailableMax: 2, approval, input }, async (running) => {
      const { signal, until, handle, world } = running;
      await until('two gates', (s) => s.gates.length === 2);
      await signal('approve', { gate: 'node/*', by: 'sam', next: 3 });
      await signal('approve', { gate: 'node/*', by: 'sam', next: 3 });
      const fourth = await until(
        'the fourth to ask',
        (s) => s.counts.done === 3 && s.gates[0]?.name === 'node/n4',
      );
      expect(fourth.ignored.at(-1)?.why).toContain('has said yes to node/* (the next 3) already');
      expect(fourth.gates[0]?.evidence.join('\n')).toMatch(
        /the last nodes:\n {2}n\d: done and verified after/,
      );
      await signal('approve', { gate: 'node/*', by: 'sam', zone: 'us-east-1a' });
      expect(await handle.result()).toMatchObject({ outcome: 'succeeded', counts: { done: 4 } });
      expect(world.decisions.map(({ subject }) => subject)).toEqual([
        'node/* (the next 3)',
        'node/n1',
        'node/n2',
        'node/n3',
        'node/* (all in zone us-east-1a)',
        'node/n4',
      ]);
    });
  });
});
