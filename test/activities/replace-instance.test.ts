// Replacing an instance: launched once and by the right template, joined under our cordon, and the old one
// terminated only when it was seen empty while the new one takes pods.
import { beforeEach, describe, expect, it } from '@jest/globals';
import { createCordonActivities } from '../../activities/cordon.ts';
import { createReplaceActivities } from '../../activities/replace-instance.ts';
import { createVerifyActivities } from '../../activities/verify.ts';
import { PortError } from '../../adapters/ports/errors.ts';
import type { NodeStep } from '../../domain/plan.ts';
import { OWNER, START, createFakeBed, nodeInput, nodeStep } from '../fakes/node-input.ts';
import type { FakeBed } from '../fakes/node-input.ts';
import { instanceFacts, templateFacts } from '../fakes/fake-instances.ts';
import { OWNER_ANNOTATION, nodeFacts } from '../fakes/fake-kubernetes.ts';
import { answerOf, runActivity } from './activity-runner.ts';

const LATER = '2026-01-02T00:10:00.000Z';
const DEADLINE = '2026-01-02T00:30:00.000Z';

let bed: FakeBed;
let activities: ReturnType<typeof createReplaceActivities>;
beforeEach(() => {
  bed = createFakeBed();
  bed.instances.templates.set('lt-1', templateFacts());
  activities = createReplaceActivities(bed.deps);
});

const step = (changes: Partial<NodeStep> = {}): NodeStep =>
  nodeStep({
    reimage: { method: 'replaceInstance', timeoutMs: 1_800_000, oldRootVolume: { kind: 'delete' } },
    launch: { template: { id: 'lt-1', name: null, version: '$Latest' }, matchLabels: {}, deferralsLeft: 1 },
    ...changes,
  });
const input = (changes: Partial<NodeStep> = {}) => ({ ...nodeInput(step(changes)), deadline: DEADLINE });
const asked = (method: string) => bed.instances.changes.filter((change) => change.method === method);
const launch = () => answerOf(activities.launchReplacement, input());
const joining = () => ({ ...input(), since: START, instanceId: 'i-launched1' });
const newNode = (changes: Partial<ReturnType<typeof nodeFacts>> = {}) =>
  nodeFacts({
    name: 'n2',
    providerId: 'aws:///us-east-1a/i-launched1',
    bootId: 'boot-new',
    readyHeartbeatAt: LATER,
    ...changes,
  });

describe('the launch', () => {
  it('asks for one instance by number of the template, where the old one stands, under our tags [I206] [I210]', async () => {
    expect(await launch()).toEqual({ kind: 'launched', instanceId: 'i-launched1', launchedAt: START });
    expect(asked('ensureInstance')).toMatchObject([
      {
        argument: {
          templateId: 'lt-1',
          version: '3',
          instanceType: 'p5.48xlarge',
          subnetId: 'subnet-1',
          clientToken: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown,
          tags: { 'refit.dev/replaces': 'i-n1', 'refit.dev/owner': OWNER, 'refit.dev/attempt': '1' },
        },
      },
    ]);
  });

  it('does not launch again for the same attempt, whoever asks [I206]', async () => {
    await launch();
    expect(await launch()).toMatchObject({ instanceId: 'i-launched1' });
    expect(asked('ensureInstance')).toHaveLength(1);
  });

  it('takes up what an earlier attempt has put into service, and no other instance [I206]', async () => {
    const tags = { 'refit.dev/replaces': 'i-n1', 'refit.dev/client-token': 'of another attempt' };
    bed.instances.instances.set('i-before', instanceFacts({ instanceId: 'i-before', tags }));
    const node = nodeFacts({ name: 'n9', providerId: 'aws:///us-east-1a/i-before', unschedulable: true });
    bed.cluster.nodes.set('n9', node);
    expect(await launch()).toMatchObject({ instanceId: 'i-launched1' });
    bed.instances.instances.delete('i-launched1');
    const annotations = { 'refit.dev/release': '2026.11' };
    bed.cluster.nodes.set('n9', { ...node, unschedulable: false, annotations });
    expect(await launch()).toMatchObject({ instanceId: 'i-before' });
    expect(asked('ensureInstance')).toHaveLength(1);
  });

  it('says that there is no capacity, and has touched nothing [I207]', async () => {
    bed.instances.noCapacity = 'InsufficientInstanceCapacity';
    expect(await launch()).toEqual({ kind: 'noCapacity', why: 'InsufficientInstanceCapacity' });
    expect(bed.cluster.calls).toEqual([]);
    expect(bed.instances.instances.size).toBe(1);
  });

  it('launches nothing from a template with another image, type or subnet, or from none [I210]', async () => {
    for (const [wrong, told] of [
      [templateFacts({ imageId: 'ami-old' }), 'has image ami-old'],
      [templateFacts({ instanceType: 'p4d.24xlarge' }), 'instance type p4d.24xlarge'],
      [templateFacts({ subnetId: 'subnet-2' }), 'subnet subnet-2'],
      [templateFacts({ namesInterfaces: true }), 'the default one'],
    ] as const) {
      bed.instances.templates.set('lt-1', wrong);
      expect(await launch()).toMatchObject({ kind: 'unsafe', why: expect.stringContaining(told) });
    }
    bed.instances.templates.clear();
    expect(await launch()).toMatchObject({ kind: 'unsafe', why: expect.stringContaining('does not exist') });
    expect(asked('ensureInstance')).toEqual([]);
  });

  it('launches nothing without its grant', async () => {
    bed.runs.grant = { kind: 'paused', why: 'paused by sam' };
    expect(await launch()).toMatchObject({ kind: 'withheld', grant: 'paused' });
    expect(asked('ensureInstance')).toEqual([]);
  });

  it('ends with the words of EC2 when the launch can never succeed', async () => {
    bed.instances.ensureInstance = () => Promise.reject(new PortError('invalid', 'InvalidParameterValue'));
    expect(await launch()).toMatchObject({
      kind: 'unsafe',
      why: 'EC2 refused the launch: InvalidParameterValue',
    });
  });
});

describe('the new node', () => {
  beforeEach(launch);

  it('is waited for, cordoned as soon as it is seen, and has joined when it is Ready [I205]', async () => {
    const waiting = await runActivity(activities.awaitJoined, joining());
    expect(waiting).toMatchObject({ failure: { type: 'NotYet' } });
    bed.cluster.nodes.set('n2', newNode({ ready: 'False' }));
    expect(await runActivity(activities.awaitJoined, joining())).toMatchObject({ kind: 'failed' });
    expect(bed.cluster.nodes.get('n2')).toMatchObject({
      unschedulable: true,
      annotations: { [OWNER_ANNOTATION]: OWNER, 'refit.dev/replaces': 'n1' },
    });
    bed.cluster.nodes.set('n2', { ...newNode(), ...cordonedByUs() });
    expect(await answerOf(activities.awaitJoined, joining())).toEqual({
      kind: 'joined',
      node: 'n2',
      uid: 'uid-n2',
      bootId: 'boot-new',
    });
  });

  it('is given up when its instance has ended', async () => {
    const known = bed.instances.instances.get('i-launched1');
    bed.instances.instances.set('i-launched1', instanceFacts({ ...known!, state: 'terminated' }));
    expect(await answerOf(activities.awaitJoined, joining())).toMatchObject({
      kind: 'unsafe',
      why: 'i-launched1, launched to replace it, is terminated',
    });
  });

  it('is verified and uncordoned in place of the old one, with the labels of the pool [I205]', async () => {
    bed.cluster.nodes.set('n2', { ...newNode({ kubeletVersion: 'v1.36.1' }), ...cordonedByUs() });
    const { verifyNode } = createVerifyActivities(bed.deps);
    const { uncordonNode } = createCordonActivities(bed.deps);
    const launchStep = { ...step().launch!, matchLabels: { pool: 'h100' } };
    const before = { ...step().before, gpusAllocatable: 0 };
    const o = {
      ...input({ launch: launchStep, before }),
      since: START,
      bootId: 'boot-new',
      replacement: { node: 'n2', uid: 'uid-n2' },
    };
    expect(await runActivity(verifyNode, o)).toMatchObject({
      failure: { message: expect.stringContaining('label pool: expected h100, found none') },
    });
    bed.cluster.nodes.set('n2', { ...bed.cluster.nodes.get('n2')!, labels: { pool: 'h100' } });
    expect(await answerOf(verifyNode, o)).toMatchObject({ kind: 'verified' });
    expect(await answerOf(uncordonNode, o)).toMatchObject({ uncordoned: true });
    expect(bed.cluster.nodes.get('n2')).toMatchObject({
      unschedulable: false,
      annotations: { 'refit.dev/release': '2026.11' },
    });
    expect(bed.cluster.nodes.get('n1')?.unschedulable).toBe(true);
  });
});

const cordonedByUs = () => ({
  unschedulable: true,
  annotations: { [OWNER_ANNOTATION]: OWNER, 'refit.dev/replaces': 'n1' },
});

describe('the end of the old instance', () => {
  const ending = () => ({ ...input(), replacement: { node: 'n2', uid: 'uid-n2' } });
  beforeEach(() => {
    bed.cluster.nodes.set('n2', newNode());
  });

  it('terminates it when it was seen empty and the new one takes pods, then deletes its Node [I208] [I209]', async () => {
    expect(await runActivity(activities.terminateNode, ending())).toMatchObject({
      failure: { message: 'i-n1 was told to terminate' },
    });
    expect(asked('ensureTerminated')).toEqual([
      { method: 'ensureTerminated', argument: { instanceId: 'i-n1' } },
    ]);
    expect(await runActivity(activities.terminateNode, ending())).toMatchObject({ kind: 'failed' });
    expect(bed.cluster.nodes.has('n1')).toBe(true);
    bed.instances.instances.set('i-n1', instanceFacts({ instanceId: 'i-n1', state: 'terminated' }));
    expect(await answerOf(activities.terminateNode, ending())).toEqual({ kind: 'terminated' });
    expect(bed.cluster.nodes.has('n1')).toBe(false);
    expect(asked('ensureTerminated')).toHaveLength(1);
  });

  it('does not, while pods stand on it, while the new one takes none, or without a grant [I208]', async () => {
    bed.cluster.empty = { kind: 'occupied', pods: [{ namespace: 'a', name: 'b', why: 'bare' }] };
    expect(await answerOf(activities.terminateNode, ending())).toMatchObject({ kind: 'occupied' });
    bed.cluster.empty = { kind: 'empty' };
    for (const changes of [{ ready: 'False' as const }, { unschedulable: true }, { uid: 'uid-other' }]) {
      bed.cluster.nodes.set('n2', newNode(changes));
      expect(await runActivity(activities.terminateNode, ending())).toMatchObject({
        failure: { message: expect.stringContaining('n2, launched to replace it') },
      });
    }
    bed.cluster.nodes.delete('n2');
    expect(await runActivity(activities.terminateNode, ending())).toMatchObject({ kind: 'failed' });
    bed.cluster.nodes.set('n2', newNode());
    bed.runs.grant = { kind: 'aborted', why: 'aborted by sam' };
    expect(await answerOf(activities.terminateNode, ending())).toMatchObject({ kind: 'withheld' });
    expect(asked('ensureTerminated')).toEqual([]);
  });

  it('does not when the instance is another than was planned [I208]', async () => {
    bed.instances.instances.set('i-n1', instanceFacts({ instanceId: 'i-n1', rootVolumeId: 'vol-other' }));
    expect(await answerOf(activities.terminateNode, ending())).toMatchObject({ kind: 'unsafe' });
    expect(asked('ensureTerminated')).toEqual([]);
  });

  it('leaves a node that was made anew under the old name [I209]', async () => {
    bed.cluster.nodes.set('n1', nodeFacts({ name: 'n1', uid: 'uid-anew' }));
    bed.instances.instances.delete('i-n1');
    expect(await answerOf(activities.terminateNode, ending())).toEqual({ kind: 'terminated' });
    expect(bed.cluster.nodes.get('n1')?.uid).toBe('uid-anew');
  });
});

describe('what was launched and is not wanted any more', () => {
  const remove = () => runActivity(activities.removeReplacement, input());

  it('is cordoned, seen empty and terminated, and its Node deleted [I211]', async () => {
    await launch();
    bed.cluster.nodes.set('n2', newNode());
    expect(await remove()).toMatchObject({ failure: { message: 'i-launched1 was told to terminate' } });
    expect(bed.cluster.nodes.get('n2')?.unschedulable).toBe(true);
    const known = bed.instances.instances.get('i-launched1')!;
    bed.instances.instances.set('i-launched1', { ...known, state: 'terminated' });
    expect(await remove()).toMatchObject({ answer: { why: expect.stringContaining('is terminated') } });
    expect(bed.cluster.nodes.has('n2')).toBe(false);
    expect(asked('ensureTerminated')).toEqual([
      { method: 'ensureTerminated', argument: { instanceId: 'i-launched1' } },
    ]);
  });

  it('stays when it takes pods, or has some [I211]', async () => {
    await launch();
    bed.cluster.nodes.set('n2', newNode({ annotations: { 'refit.dev/release': '2026.11' } }));
    expect(await remove()).toMatchObject({ answer: { why: expect.stringContaining('takes pods') } });
    expect(bed.cluster.nodes.get('n2')?.unschedulable).toBe(false);
    bed.cluster.nodes.set('n2', newNode());
    bed.cluster.empty = { kind: 'occupied', pods: [] };
    expect(await remove()).toMatchObject({ answer: { why: expect.stringContaining('has pods already') } });
    expect(asked('ensureTerminated')).toEqual([]);
  });

  it('is looked for until EC2 would show it, and never mistaken for what another attempt launched [I211]', async () => {
    const tags = { 'refit.dev/replaces': 'i-n1', 'refit.dev/client-token': 'of another attempt' };
    bed.instances.instances.set('i-before', instanceFacts({ instanceId: 'i-before', tags }));
    expect(await remove()).toMatchObject({ failure: { type: 'NotYet' } });
    bed.clock.now = new Date(Date.parse(START) + 15_000);
    expect(await remove()).toMatchObject({ answer: { why: 'nothing was launched to replace it' } });
    expect(asked('ensureTerminated')).toEqual([]);
  });
});
