// A run whose nodes' instances go before others are launched: a person is asked about each, one at a time, and
// what could not be launched waits for a person.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { defaultPolicy } from '../../domain/default-policy.ts';
import type { Policy } from '../../domain/policy.ts';
import type { RunStatus } from '../../domain/status.ts';
import { startBed, stopBed, withRun } from './bed.ts';
import type { Bed } from './bed.ts';

let bed: Bed;
beforeAll(async () => {
  bed = await startBed();
}, 120_000);
afterAll(async () => {
  await stopBed(bed);
}, 180_000);

const policy: Partial<Policy> = {
  reimage: { ...defaultPolicy.reimage, method: 'replaceInstance', timeoutMs: 600_000, mayLoseCapacity: true },
  drain: { ...defaultPolicy.drain, timeoutMs: 600_000 },
};
const sam = { by: 'sam' };
const asks = (node: string) => (s: { gates: readonly { name: string }[] }) =>
  s.gates.some(({ name }) => name === `capacity/${node}`);

describe('mayLoseCapacity', () => {
  it('asks at a gate of its own although nobody is asked otherwise, then terminates, and only then launches [I231]', async () => {
    await withRun(bed, { nodes: 1, policy, name: 'goes-first' }, async ({ handle, until, update, world }) => {
      const { gates } = await until('asked', asks('n1'));
      expect(gates[0]?.evidence.join('\n')).toMatch(/cr-1 \(p5\.48xlarge in us-east-1a\): 1 of 8 free/);
      expect(gates[0]?.evidence.join('\n')).toContain('the capacity is lost');
      expect(world.count('drainNode', 'n1')).toBe(1);
      expect(world.count('giveUpInstance', 'n1')).toBe(0);
      await update('approve', { gate: 'capacity/n1', ...sam });
      expect(await handle.result()).toMatchObject({ outcome: 'succeeded', counts: { done: 1 } });
      const ofNode = world.calls.filter(({ node, step }) => node === 'n1' && !step.startsWith('awaitGrant'));
      expect(ofNode.map(({ step }) => step)).toEqual([
        'checkRoom',
        'cordonNode',
        'drainNode',
        'checkRoom',
        'giveUpInstance',
        'awaitTerminated',
        'launchInPlace',
        'awaitJoined',
        'verifyNode',
        'uncordonNode',
      ]);
      expect(world.histories[0]).toMatchObject({
        outcome: { kind: 'done', replacedBy: 'n1-new' },
        replacement: { instanceId: 'i-new-n1' },
      });
    });
  }, 120_000);

  it('touches nothing of a node for which no reservation shows room [I230]', async () => {
    const prepare = (world: { fail: (step: 'checkRoom', node: string) => void }) =>
      world.fail('checkRoom', 'n1');
    await withRun(bed, { nodes: 1, policy, prepare, name: 'no-room' }, async ({ handle, world }) => {
      expect(await handle.result()).toMatchObject({ counts: { leftAlone: 1, failed: 0 } });
      expect(world.count('cordonNode', 'n1')).toBe(0);
      expect(world.reports[0]?.notes[0]).toMatchObject({ node: 'n1', why: 'cr-1 has 0 of 8 free' });
    });
  }, 120_000);

  it('puts the node back when the room is gone right before the termination [I233]', async () => {
    await withRun(bed, { nodes: 1, policy, name: 'room-gone' }, async ({ handle, until, update, world }) => {
      world.fail('giveUpInstance', 'n1');
      await until('asked', asks('n1'));
      await update('approve', { gate: 'capacity/n1', ...sam });
      expect(await handle.result()).toMatchObject({ counts: { leftAlone: 1, failed: 0 } });
      expect(world.count('putBackNode', 'n1')).toBe(1);
      expect(world.count('giveUpInstance', 'n1') + world.count('launchInPlace', 'n1')).toBe(0);
    });
  }, 120_000);

  it('stops for a person when nothing can be launched, and a retry launches again, not before [I234] [I235]', async () => {
    const o = { nodes: 2, unavailableMax: 2, policy, name: 'stranded' };
    await withRun(bed, o, async ({ handle, until, update, world }) => {
      world.fail('launchInPlace', 'n1', 2);
      await until('asked', asks('n1'));
      await update('approve', { gate: 'capacity/n1', ...sam });
      const stopped = await until('stopped', (s) => s.phase === 'paused');
      const waits = stopped.waiting.find(({ subject }) => subject === 'node/n1');
      expect(waits?.on).toContain('InsufficientInstanceCapacity');
      expect(waits?.freedBy).toContain('refit retry n1');
      // Not even a resume lets a second node go while the first one has nothing in its place.
      await update('resume', sam);
      await until('the second is asked about', asks('n2'));
      const early = update('approve', { gate: 'capacity/n2', ...sam });
      await expect(early).rejects.toThrow();
      await update('retryNode', { node: 'n1', ...sam });
      const again = (s: RunStatus) => s.phase === 'paused' && world.count('launchInPlace', 'n1') === 2;
      await until('stopped again', (s) => again(s) && !asks('n2')(s));
      await update('retryNode', { node: 'n1', ...sam });
      await update('resume', sam);
      await until('the second is asked about', asks('n2'));
      expect(world.count('uncordonNode', 'n1')).toBe(1);
      await update('approve', { gate: 'capacity/n2', ...sam });
      expect(await handle.result()).toMatchObject({ outcome: 'succeeded', counts: { done: 2 } });
      const launches = world.calls.filter(({ step }) => step === 'launchInPlace');
      expect(launches.map(({ node, attempt }) => `${node}/${String(attempt)}`)).toEqual([
        'n1/1',
        'n1/2',
        'n1/3',
        'n2/1',
      ]);
      expect(world.count('giveUpInstance')).toBe(2);
    });
  }, 120_000);

  it('leaves the node as it is on a no [I231]', async () => {
    await withRun(bed, { nodes: 1, policy, name: 'rejected' }, async ({ handle, until, update, world }) => {
      await until('asked', asks('n1'));
      await update('reject', { gate: 'capacity/n1', ...sam, reason: 'not today' });
      expect(await handle.result()).toMatchObject({ counts: { leftAlone: 1, failed: 0 } });
      expect(world.count('giveUpInstance', 'n1')).toBe(0);
      expect(world.reports[0]?.notes[0]?.why).toContain('rejected by sam: not today');
    });
  }, 120_000);

  it('is asked again after a pause that came between the yes and the termination [I231]', async () => {
    await withRun(bed, { nodes: 1, policy, name: 'paused-yes' }, async ({ handle, until, update, world }) => {
      world.hold('giveUpInstance', 'n1');
      await until('asked', asks('n1'));
      await update('approve', { gate: 'capacity/n1', ...sam });
      await until('about to go', () => world.count('giveUpInstance held', 'n1') > 0);
      await update('pause', { ...sam, reason: 'look' });
      await until('held', () => world.count('awaitGrant', 'n1') > 0);
      world.release('giveUpInstance', 'n1');
      await update('resume', sam);
      await until('asked again', asks('n1'));
      expect(world.count('giveUpInstance', 'n1')).toBe(0);
      await update('reject', { gate: 'capacity/n1', ...sam });
      await handle.result();
    });
  }, 120_000);

  it('ends what it has given up when the run is aborted, and says what is missing [I234]', async () => {
    await withRun(
      bed,
      { nodes: 1, policy, name: 'abort-stranded' },
      async ({ handle, until, update, world }) => {
        world.fail('launchInPlace', 'n1');
        await until('asked', asks('n1'));
        await update('approve', { gate: 'capacity/n1', ...sam });
        await until('stopped', (s) => s.phase === 'paused');
        await update('abort', { ...sam, reason: 'enough', rollback: false });
        await handle.result().catch(() => undefined);
        expect(world.histories[0]?.outcome).toMatchObject({
          kind: 'failed',
          why: expect.stringContaining('the pool has one less') as unknown,
        });
      },
    );
  }, 120_000);
});
