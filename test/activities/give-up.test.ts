// Giving an instance up: only where a reservation shows room in that very moment, the node is empty and the grant
// holds; and then one other instance, whoever asks how often.
import { beforeEach, describe, expect, it } from '@jest/globals';
import { createGiveUpActivities } from '../../activities/give-up.ts';
import { PortError } from '../../adapters/ports/errors.ts';
import type { NodeStep } from '../../domain/plan.ts';
import { START, createFakeBed, nodeInput, nodeStep } from '../fakes/node-input.ts';
import type { FakeBed } from '../fakes/node-input.ts';
import { imageFacts, instanceFacts, reservationFacts, templateFacts } from '../fakes/fake-instances.ts';
import { answerOf, runActivity } from './activity-runner.ts';

const DEADLINE = '2026-01-02T00:30:00.000Z';
const was = { instanceType: 'p5.48xlarge', subnetId: 'subnet-1' };

let bed: FakeBed;
let activities: ReturnType<typeof createGiveUpActivities>;
beforeEach(() => {
  bed = createFakeBed();
  bed.instances.templates.set('lt-1', templateFacts());
  bed.instances.images.set('ami-new', imageFacts({ imageId: 'ami-new' }));
  bed.instances.reservations = [reservationFacts()];
  change({ zone: 'us-east-1a', tenancy: 'default' });
  activities = createGiveUpActivities(bed.deps);
});

const change = (changes: Partial<ReturnType<typeof instanceFacts>>) => {
  const known = bed.instances.instances.get('i-n1') ?? instanceFacts({ instanceId: 'i-n1' });
  bed.instances.instances.set('i-n1', { ...known, ...changes });
};
const step = (changes: Partial<NodeStep> = {}): NodeStep =>
  nodeStep({
    reimage: { method: 'replaceInstance', timeoutMs: 1_800_000, oldRootVolume: { kind: 'delete' } },
    launch: {
      ...{ template: { id: 'lt-1', name: null, version: '$Latest' }, matchLabels: {}, deferralsLeft: 1 },
      mayLoseCapacity: true,
    },
    ...changes,
  });
const input = (changes: Partial<NodeStep> = {}) => ({ ...nodeInput(step(changes)), deadline: DEADLINE });
const asked = (method: string) => bed.instances.changes.filter((one) => one.method === method);
const give = () => answerOf(activities.giveUpInstance, input());
const launch = (attempt = 1) => answerOf(activities.launchInPlace, { ...input({ attempt }), was });

describe('the look at the room', () => {
  it('names the reservation, and what another instance has to be like', async () => {
    expect(await answerOf(activities.checkRoom, input())).toEqual({
      kind: 'roomSeen',
      room: {
        ...{ reservationId: 'cr-1', instanceType: 'p5.48xlarge', zone: 'us-east-1a' },
        ...{ free: 1, total: 8, own: false },
      },
      was,
    });
    expect(bed.instances.changes).toEqual([]);
  });

  it('finds none without a reservation, with a template of another image, or of an image that is gone [I232]', async () => {
    const look = () => answerOf(activities.checkRoom, input());
    bed.instances.templates.set('lt-1', templateFacts({ imageId: 'ami-old' }));
    expect(await look()).toMatchObject({ kind: 'noRoom', why: expect.stringContaining('has image ami-old') });
    bed.instances.templates.set('lt-1', templateFacts());
    bed.instances.images.delete('ami-new');
    expect(await look()).toMatchObject({
      kind: 'noRoom',
      why: expect.stringContaining('ami-new is not there'),
    });
    bed.instances.images.set('ami-new', imageFacts({ imageId: 'ami-new' }));
    bed.instances.reservations = [];
    expect(await look()).toMatchObject({ kind: 'noRoom', why: expect.stringContaining('there is none') });
  });

  it('says that an instance is gone already', async () => {
    change({ state: 'shutting-down' });
    expect(await answerOf(activities.checkRoom, input())).toMatchObject({ kind: 'instanceGone' });
  });

  it('takes an instance that EC2 does not show neither for gone nor for there [I233]', async () => {
    bed.instances.instances.delete('i-n1');
    expect(await runActivity(activities.checkRoom, input())).toMatchObject({
      failure: { message: 'EC2 does not show i-n1' },
    });
    expect(await give()).toMatchObject({ kind: 'unsafe' });
    expect(asked('ensureTerminated')).toEqual([]);
  });
});

describe('the termination', () => {
  it('comes when room, emptiness and grant hold in that moment, and is asked for once [I233]', async () => {
    expect(await give()).toEqual({ kind: 'terminationOrdered' });
    expect(await give()).toEqual({ kind: 'terminationOrdered' });
    expect(asked('ensureTerminated')).toEqual([
      { method: 'ensureTerminated', argument: { instanceId: 'i-n1' } },
    ]);
  });

  it('does not come when the room is gone since, whatever was seen before [I233]', async () => {
    expect(await answerOf(activities.checkRoom, input())).toMatchObject({ kind: 'roomSeen' });
    bed.instances.reservations = [reservationFacts({ available: 0 })];
    expect(await give()).toMatchObject({ kind: 'noRoom' });
    bed.instances.reservations = [reservationFacts({ state: 'expired' })];
    expect(await give()).toMatchObject({ kind: 'noRoom' });
    expect(asked('ensureTerminated')).toEqual([]);
  });

  it('does not come when reservations cannot be read [I233]', async () => {
    bed.instances.collectReservations = () =>
      Promise.reject(new PortError('forbidden', 'UnauthorizedOperation'));
    expect(await runActivity(activities.giveUpInstance, input())).toMatchObject({
      failure: { message: expect.stringContaining('UnauthorizedOperation') },
    });
    expect(asked('ensureTerminated')).toEqual([]);
  });

  it('does not come without its grant, while pods stand there, or of an instance that is not as planned [I233]', async () => {
    bed.runs.grant = { kind: 'paused', why: 'paused by sam' };
    expect(await give()).toMatchObject({ kind: 'withheld', grant: 'paused' });
    bed.runs.grant = { kind: 'granted' };
    bed.cluster.empty = { kind: 'occupied', pods: [{ namespace: 'a', name: 'b', why: 'bare' }] };
    expect(await give()).toMatchObject({ kind: 'occupied' });
    change({ imageId: 'ami-other' });
    expect(await give()).toMatchObject({ kind: 'unsafe', why: expect.stringContaining('ami-other') });
    expect(asked('ensureTerminated')).toEqual([]);
  });

  it('leaves it to a person where an earlier try may have asked for it, and all does not hold now [I233]', async () => {
    bed.instances.reservations = [];
    const answer = await answerOf(activities.giveUpInstance, input(), { attempt: 2 });
    expect(answer).toMatchObject({ kind: 'unsafe', why: expect.stringContaining('may have been told') });
  });

  it('is over when EC2 shows it, and the Node object goes after it, by its UID', async () => {
    change({ state: 'shutting-down' });
    expect(await runActivity(activities.awaitTerminated, input())).toMatchObject({
      failure: { message: 'i-n1 is shutting-down' },
    });
    expect(bed.cluster.nodes.has('n1')).toBe(true);
    change({ state: 'terminated' });
    expect(await answerOf(activities.awaitTerminated, input())).toEqual({ kind: 'terminated' });
    expect(bed.cluster.nodes.has('n1')).toBe(false);
  });
});

describe('the launch in its place', () => {
  it('is like what was, under a token of this attempt, though the run is paused or gone [I235]', async () => {
    bed.runs.grant = { kind: 'parentGone', why: 'the run is gone' };
    bed.instances.instances.delete('i-n1');
    expect(await launch()).toEqual({ kind: 'launched', instanceId: 'i-launched1', launchedAt: START });
    expect(asked('ensureInstance')).toMatchObject([
      { argument: { instanceType: 'p5.48xlarge', subnetId: 'subnet-1', version: '3' } },
    ]);
  });

  it('is one, whoever asks: what lives is taken up, by a retry too [I235]', async () => {
    await launch();
    expect(await launch()).toMatchObject({ instanceId: 'i-launched1' });
    expect(await launch(2)).toMatchObject({ instanceId: 'i-launched1' });
    expect(asked('ensureInstance')).toHaveLength(1);
  });

  it('is made again by a retry once what was launched is terminated, and by nothing else [I235]', async () => {
    await launch();
    const first = bed.instances.instances.get('i-launched1');
    if (first === undefined) throw new Error('nothing was launched');
    bed.instances.instances.set('i-launched1', { ...first, state: 'terminated' });
    expect(await launch()).toMatchObject({ kind: 'unsafe', why: expect.stringContaining('is terminated') });
    expect(await launch(2)).toMatchObject({ instanceId: 'i-launched2' });
  });

  it('says that there is no capacity, and leaves two that live to a person [I234]', async () => {
    bed.instances.noCapacity = 'InsufficientInstanceCapacity';
    expect(await launch()).toEqual({ kind: 'noCapacity', why: 'InsufficientInstanceCapacity' });
    const tags = { 'refit.dev/replaces': 'i-n1' };
    for (const instanceId of ['i-a', 'i-b']) {
      bed.instances.instances.set(instanceId, instanceFacts({ instanceId, tags }));
    }
    expect(await launch()).toMatchObject({ kind: 'unsafe', why: expect.stringContaining('i-a, i-b') });
  });
});
