// The parts of the sandbox's EC2 that need no server: a task's way, a machine's, and the query protocol.
import { describe, expect, it } from '@jest/globals';
import { afterMachineEvent } from '../../sandbox/ec2/machine.ts';
import type { Machine } from '../../sandbox/ec2/machine.ts';
import { filtersOf, listOf, parseForm, renderAnswer, tagsFor } from '../../sandbox/ec2/query-protocol.ts';
import { fingerprint, planTask } from '../../sandbox/ec2/root-volume-task.ts';
import { overlayInstances } from '../../sandbox/ec2/describe-overlay.ts';

const plan = { now: 1_000, seed: 1, speed: 1, key: 'i-1/0', outcome: 'succeeded' } as const;

describe('the way of a task', () => {
  it('is the same for the same seed and key, and slower by the speed', () => {
    expect(planTask(plan)).toEqual(planTask(plan));
    expect(planTask({ ...plan, seed: 2 })).not.toEqual(planTask(plan));
    const end = (speed: number): number => (planTask({ ...plan, speed }).at(-1)?.at ?? 0) - plan.now;
    expect(end(1)).toBeGreaterThanOrEqual(2_000);
    expect(end(1)).toBeLessThanOrEqual(4_000);
    expect(end(10) / end(1)).toBeCloseTo(10, 1);
  });

  it('ends as the outcome says, with failing in between', () => {
    expect(planTask({ ...plan, outcome: 'failed-detached' }).map((s) => s.state)).toEqual([
      'in-progress',
      'failing',
      'failed-detached',
    ]);
  });

  it('is recognised by what was asked for, whatever the order of the tags', () => {
    const request = { instanceId: 'i-1', imageId: 'ami-1', deleteReplaced: false, tags: { a: '1', b: '2' } };
    expect(fingerprint({ ...request, tags: { b: '2', a: '1' } })).toBe(fingerprint(request));
    expect(fingerprint({ ...request, deleteReplaced: true })).not.toBe(fingerprint(request));
  });
});

describe('a machine', () => {
  const pace = { seed: 1, speed: 1 };
  const machine: Machine = {
    instanceId: 'i-1',
    imageId: 'old',
    power: 'on',
    boot: 1,
    upAt: 0,
    hasRoot: true,
    version: 1,
  };

  it('is off while its root is replaced, and boots the new image afterwards', () => {
    const off = afterMachineEvent(machine, { kind: 'replacementBegan' }, pace);
    expect(off).toMatchObject({ power: 'off', boot: 1, imageId: 'old' });
    const on = afterMachineEvent(off, { kind: 'rootReplaced', imageId: 'new', now: 1_000 }, pace);
    expect(on).toMatchObject({ power: 'on', boot: 2, imageId: 'new' });
    expect(on.upAt).toBeGreaterThanOrEqual(3_000);
  });

  it('does not come up without a root, or by a reboot while it is stopped', () => {
    const lost = afterMachineEvent(machine, { kind: 'rootLost' }, pace);
    expect(afterMachineEvent(lost, { kind: 'rebooted', now: 1 }, pace)).toEqual(lost);
    const stopped = afterMachineEvent(machine, { kind: 'stopped' }, pace);
    expect(afterMachineEvent(stopped, { kind: 'rebooted', now: 1 }, pace)).toEqual(stopped);
    expect(afterMachineEvent(stopped, { kind: 'started', now: 1 }, pace)).toMatchObject({
      power: 'on',
      boot: 2,
    });
  });
});

describe('the query protocol', () => {
  it('reads lists, filters and tags', () => {
    const form = parseForm(
      'Id.1=a&Id.2=b&Filter.1.Name=tag%3Ax&Filter.1.Value.1=1&Filter.1.Value.2=2' +
        '&TagSpecification.1.ResourceType=t&TagSpecification.1.Tag.1.Key=k&TagSpecification.1.Tag.1.Value=v+w',
    );
    expect(listOf(form, 'Id')).toEqual(['a', 'b']);
    expect(filtersOf(form)).toEqual([{ name: 'tag:x', values: ['1', '2'] }]);
    expect(tagsFor(form, 't')).toEqual({ k: 'v w' });
    expect(tagsFor(form, 'other')).toEqual({});
  });

  it('escapes what it writes', () => {
    expect(renderAnswer('Do', { value: 'a < b & c' })).toContain('<value>a &lt; b &amp; c</value>');
  });

  it('lays a state over one instance and leaves the others as they are', () => {
    const instance = (id: string): string =>
      `<item><instanceId>${id}</instanceId><instanceState><code>16</code><name>running</name></instanceState></item>`;
    const xml =
      '<DescribeInstancesResponse><reservationSet><item><instancesSet>' +
      `${instance('i-1')}${instance('i-2')}</instancesSet></item></reservationSet></DescribeInstancesResponse>`;
    const laid = overlayInstances(xml, (id) => (id === 'i-1' ? { state: 'stopping' } : {}));
    expect(laid).toContain('<code>64</code><name>stopping</name>');
    expect(laid).toContain('<code>16</code><name>running</name>');
    expect(overlayInstances(xml, (id) => ({ hidden: id === 'i-1' }))).not.toContain('i-1');
  });
});
