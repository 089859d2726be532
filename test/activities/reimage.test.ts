// reimageNode: begun once, on an empty node, under a grant; followed by benign retries; ended with a reason.
import { beforeEach, describe, expect, it } from '@jest/globals';
import { createReimageActivities } from '../../activities/reimage.ts';
import { PortError } from '../../adapters/ports/errors.ts';
import type { NodeStep } from '../../domain/plan.ts';
import { START, createFakeBed, nodeInput, nodeStep } from '../fakes/node-input.ts';
import type { FakeBed } from '../fakes/node-input.ts';
import { instanceFacts } from '../fakes/fake-instances.ts';
import { answerOf, mockEnvironment, runActivity } from './activity-runner.ts';

let bed: FakeBed;
let reimageNode: ReturnType<typeof createReimageActivities>['reimageNode'];
beforeEach(() => {
  bed = createFakeBed();
  ({ reimageNode } = createReimageActivities(bed.deps));
});

const DEADLINE = '2026-01-02T00:30:00.000Z';
const input = (changes: Partial<NodeStep> = {}) => ({ ...nodeInput(nodeStep(changes)), deadline: DEADLINE });
const made = () => bed.instances.changes.filter(({ method }) => method === 'ensureRootVolumeTask');
const reboots = () => bed.instances.changes.filter(({ method }) => method === 'reboot');
const taskTags = () => (made()[0]?.argument as { tags: Record<string, string> }).tags;
const foreignTask = (state: 'in-progress' | 'failed-detached') => ({
  taskId: 'theirs',
  instanceId: 'i-n1',
  imageId: 'ami-x',
  state,
  startedAt: START,
  completedAt: null,
  tags: {},
});

describe('reimage by root volume', () => {
  it('begins one task with token and tags, then fails benignly so that no slot is held [I41]', async () => {
    const ending = await runActivity(reimageNode, input());
    expect(ending).toMatchObject({
      kind: 'failed',
      failure: { type: 'NotYet', nonRetryable: false, category: 'BENIGN', nextRetryDelay: 1_000 },
    });
    expect(ending.beats).toEqual([
      { taskId: 'replacevol-1', told: false },
      { taskId: 'replacevol-1', told: true },
    ]);
    expect(made()).toMatchObject([
      {
        argument: {
          instanceId: 'i-n1',
          imageId: 'ami-new',
          deleteReplaced: false,
          clientToken: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown,
        },
      },
    ]);
    expect(taskTags()).toMatchObject({
      'refit.dev/owner': 'default/upgrade.training.east/run-1',
      'refit.dev/node': 'n1',
      'refit.dev/attempt': '1',
    });
  });

  it('asks for the grant, then looks at the node consistently, and begins right after the look', async () => {
    await runActivity(reimageNode, input());
    expect(bed.runs.calls).toMatchObject([
      {
        method: 'checkGrant',
        argument: { workflowId: 'upgrade.training.east', firstExecutionRunId: 'run-1' },
      },
      // Told only once the task exists: a node that a pause holds is not being reimaged.
      { method: 'reportState', argument: { node: 'n1', state: 'reimaging' } },
    ]);
    expect(bed.cluster.calls).toEqual([
      {
        method: 'checkEmpty',
        argument: { node: 'n1', uid: 'uid-n1', owner: 'default/upgrade.training.east/run-1' },
      },
    ]);
  });

  it.each([
    ['with its heartbeat details', { taskId: 'replacevol-1', told: true }],
    ['with nothing but the tags on the task', undefined],
  ])('resumes %s: neither looks nor begins again [I41]', async (_how, heartbeatDetails) => {
    await runActivity(reimageNode, input());
    // What would stop a fresh attempt must not stop one that has begun.
    bed.cluster.empty = { kind: 'unsafe', why: 'the node is rebooting' };
    bed.runs.grant = { kind: 'parentGone', why: 'terminated' };
    bed.instances.instances.clear();
    bed.instances.moveTask('replacevol-1', 'in-progress');
    bed.clock.now = new Date('2026-01-02T00:02:00Z');
    const waiting = await runActivity(reimageNode, input(), { heartbeatDetails, attempt: 2 });
    expect(waiting).toMatchObject({ kind: 'failed', failure: { type: 'NotYet', nextRetryDelay: 12_000 } });
    bed.instances.moveTask('replacevol-1', 'succeeded', '2026-01-02T00:03:00.000Z');
    expect(await answerOf(reimageNode, input(), { heartbeatDetails, attempt: 3 })).toEqual({
      kind: 'reimaged',
      taskId: 'replacevol-1',
      oldRootVolumeId: 'vol-i-n1',
      startedAt: START,
    });
    expect(made()).toHaveLength(1);
    expect(bed.cluster.calls).toHaveLength(1);
  });

  it('tells the run that the node is being reimaged when the worker before it died untold', async () => {
    const reportState = bed.runs.reportState.bind(bed.runs);
    bed.runs.reportState = () => Promise.reject(new Error('Temporal is away'));
    const died = await runActivity(reimageNode, input());
    bed.runs.reportState = reportState;
    const told = await runActivity(reimageNode, input(), { heartbeatDetails: died.beats.at(-1), attempt: 2 });
    await runActivity(reimageNode, input(), { heartbeatDetails: told.beats.at(-1), attempt: 3 });
    expect(bed.runs.calls.filter(({ method }) => method === 'reportState')).toEqual([
      { method: 'reportState', argument: expect.objectContaining({ node: 'n1', state: 'reimaging' }) },
    ]);
  });

  it('gives the same token to two workers and another to another attempt [I41]', async () => {
    bed.instances.collectTasks = () => Promise.resolve([]);
    await runActivity(reimageNode, input());
    await runActivity(reimageNode, input());
    await runActivity(reimageNode, input({ attempt: 2 }));
    const tokens = made().map(({ argument }) => (argument as { clientToken: string }).clientToken);
    expect(tokens[1]).toBe(tokens[0]);
    expect(tokens[2]).not.toBe(tokens[0]);
    expect(bed.instances.tasks).toHaveLength(2);
  });

  it('marks the old volume with its time to go, counted from the task, the same on every try', async () => {
    await runActivity(reimageNode, input());
    bed.instances.moveTask('replacevol-1', 'succeeded', '2026-01-02T00:03:00.000Z');
    await answerOf(reimageNode, input());
    bed.clock.now = new Date('2026-01-02T00:20:00Z');
    await answerOf(reimageNode, input());
    const marks = bed.instances.changes.filter(({ method }) => method === 'tagOldRootVolume');
    const mark = {
      volumeId: 'vol-i-n1',
      deleteAfter: '2026-01-09T00:03:00.000Z',
      owner: 'default/upgrade.training.east/run-1',
    };
    expect(marks.map(({ argument }) => argument)).toEqual([mark, mark]);
  });

  it('minds no old volume that somebody has deleted meanwhile', async () => {
    await runActivity(reimageNode, input());
    bed.instances.moveTask('replacevol-1', 'succeeded');
    bed.instances.tagOldRootVolume = () => Promise.reject(new PortError('notFound', 'no such volume'));
    expect(await answerOf(reimageNode, input())).toMatchObject({ kind: 'reimaged' });
    bed.instances.tagOldRootVolume = () => Promise.reject(new PortError('forbidden', 'grant ec2:CreateTags'));
    expect(await runActivity(reimageNode, input())).toMatchObject({ failure: { type: 'Forbidden' } });
  });

  it('has EC2 delete the old volume when the policy says so, and then marks nothing', async () => {
    const reimage = { method: 'rootVolume', timeoutMs: 1, oldRootVolume: { kind: 'delete' } } as const;
    await runActivity(reimageNode, input({ reimage }));
    bed.instances.moveTask('replacevol-1', 'succeeded');
    await answerOf(reimageNode, input({ reimage }));
    expect(bed.instances.changes.map(({ method }) => method)).toEqual(['ensureRootVolumeTask']);
    expect(made()[0]?.argument).toMatchObject({ deleteReplaced: true });
  });

  it.each(['paused', 'aborted', 'parentGone'] as const)(
    'begins nothing when the grant says %s',
    async (kind) => {
      bed.runs.grant = { kind, why: 'because' };
      expect(await answerOf(reimageNode, input())).toEqual({ kind: 'withheld', grant: kind, why: 'because' });
      expect(made()).toEqual([]);
      // A pause alone leaves the node standing there: the run then shows it as drained and held.
      const told = bed.runs.calls.filter(({ method }) => method === 'reportState');
      expect(told.map(({ argument }) => (argument as { state: string }).state)).toEqual(
        kind === 'paused' ? ['cordoned'] : [],
      );
    },
  );

  it.each([
    [{ kind: 'occupied' as const, pods: [{ namespace: 'a', name: 'b', why: 'came back' }] }],
    [{ kind: 'unsafe' as const, why: 'another owner mark' }],
  ])('begins nothing on a node that does not look empty: %j [I48]', async (empty) => {
    bed.cluster.empty = empty;
    expect(await answerOf(reimageNode, input())).toEqual(empty);
    expect(made()).toEqual([]);
  });

  it.each([
    ['is gone', null],
    ['does not run', { state: 'shutting-down' }],
    ['has another image than was planned', { imageId: 'ami-other' }],
    ['has another root volume than was planned', { rootVolumeId: 'vol-other' }],
    ['does not fit the image', { architecture: 'arm64' }],
  ])('stops for a person when the instance %s [I48]', async (_what, changes) => {
    if (changes === null) bed.instances.instances.clear();
    else bed.instances.instances.set('i-n1', instanceFacts({ instanceId: 'i-n1', ...changes }));
    expect(await answerOf(reimageNode, input())).toMatchObject({ kind: 'unsafe' });
    expect(made()).toEqual([]);
  });

  it.each(['in-progress', 'failed-detached'] as const)(
    'stops for a person at a task of somebody else that is %s [I44]',
    async (state) => {
      bed.instances.tasks.push(foreignTask(state));
      expect(await answerOf(reimageNode, input())).toMatchObject({ kind: 'unsafe' });
      expect(made()).toEqual([]);
    },
  );

  it.each([
    ['failed', 'taskFailed'],
    ['failed-detached', 'unsafe'],
  ] as const)('answers a task that ended as %s with %s', async (state, kind) => {
    await runActivity(reimageNode, input());
    bed.instances.moveTask('replacevol-1', state);
    expect(await answerOf(reimageNode, input())).toMatchObject({ kind });
    expect(made()).toHaveLength(1);
  });

  it('stops for a person when its task laid another image', async () => {
    await runActivity(reimageNode, input());
    bed.instances.tasks = bed.instances.tasks.map((task) => ({
      ...task,
      state: 'succeeded',
      imageId: 'ami-x',
    }));
    expect(await answerOf(reimageNode, input())).toMatchObject({ kind: 'unsafe' });
  });

  it('ends at the deadline with what it waited on, also while EC2 throttles', async () => {
    await runActivity(reimageNode, input());
    bed.clock.now = new Date(DEADLINE);
    expect(await answerOf(reimageNode, input())).toEqual({
      kind: 'timedOut',
      why: 'root-volume task replacevol-1 is pending',
    });
    bed.instances.failure = new PortError('throttled', 'slow down');
    expect(await answerOf(reimageNode, input())).toEqual({ kind: 'timedOut', why: 'slow down' });
  });

  it('begins nothing after the deadline', async () => {
    bed.clock.now = new Date(DEADLINE);
    expect(await answerOf(reimageNode, input())).toMatchObject({ kind: 'timedOut' });
    expect(made()).toEqual([]);
  });

  it('tells the server which refusals may pass, and a person which may not', async () => {
    bed.instances.failure = new PortError('throttled', 'slow down');
    expect(await runActivity(reimageNode, input())).toMatchObject({
      kind: 'failed',
      failure: { type: 'Throttled', nonRetryable: false },
    });
    bed.instances.failure = null;
    bed.instances.ensureRootVolumeTask = () => Promise.reject(new PortError('invalid', 'no such thing'));
    expect(await answerOf(reimageNode, input())).toMatchObject({ kind: 'unsafe' });
  });

  it('is cancelled at once while it reads, and begins nothing then', async () => {
    const { environment } = mockEnvironment();
    let release: (() => void) | undefined;
    bed.instances.collectTasks = () => new Promise((resolve) => (release = () => resolve([])));
    const running = environment.run(reimageNode, input());
    await new Promise(setImmediate);
    environment.cancel('CANCELLED');
    await expect(running).rejects.toMatchObject({ name: 'CancelledFailure' });
    release?.();
    await new Promise(setImmediate);
    expect(made()).toEqual([]);
  });
});

describe('reimage by reboot', () => {
  const reimage = { method: 'reboot', timeoutMs: 1, oldRootVolume: { kind: 'delete' } } as const;

  it('notes the reboot on the node, then asks for it once [I42]', async () => {
    const answer = await answerOf(reimageNode, input({ reimage }));
    expect(answer).toEqual({ kind: 'reimaged', taskId: null, oldRootVolumeId: null, startedAt: START });
    expect(reboots()).toHaveLength(1);
    expect(bed.cluster.calls.map(({ method }) => method)).toEqual([
      'collectRejoin',
      'checkEmpty',
      'ensureRebootNoted',
    ]);
  });

  it('never reboots twice: after a crash it waits for the new boot, then asks a person [I42]', async () => {
    await answerOf(reimageNode, input({ reimage }));
    bed.runs.grant = { kind: 'parentGone', why: 'terminated' };
    const again = await runActivity(reimageNode, input({ reimage }), { attempt: 2 });
    expect(again).toMatchObject({ kind: 'failed', failure: { type: 'NotYet' } });
    bed.clock.now = new Date('2026-01-02T00:15:00Z');
    expect(await answerOf(reimageNode, input({ reimage }))).toMatchObject({ kind: 'unsafe' });
    const node = bed.cluster.nodes.get('n1');
    if (node !== undefined) bed.cluster.nodes.set('n1', { ...node, bootId: 'boot-2' });
    expect(await answerOf(reimageNode, input({ reimage }))).toMatchObject({
      kind: 'reimaged',
      startedAt: START,
    });
    expect(reboots()).toHaveLength(1);
  });

  it('lets one alone of two workers reboot, although neither sees the note in its watch [I42]', async () => {
    bed.cluster.collectRejoin = () => Promise.resolve(undefined);
    const endings = await Promise.all([
      runActivity(reimageNode, input({ reimage })),
      runActivity(reimageNode, input({ reimage })),
    ]);
    expect(endings.map(({ kind }) => kind).sort()).toEqual(['answered', 'failed']);
    expect(reboots()).toHaveLength(1);
  });

  it('tells a refused reboot at once, and waits after one whose answer was lost [I42]', async () => {
    bed.instances.reboot = () => Promise.reject(new PortError('forbidden', 'grant ec2:RebootInstances'));
    expect(await answerOf(reimageNode, input({ reimage }))).toEqual({
      kind: 'unsafe',
      why: 'EC2 refused the reboot: grant ec2:RebootInstances',
    });
    bed.instances.reboot = () => Promise.reject(new PortError('unreachable', 'no answer'));
    const lost = await runActivity(reimageNode, input({ reimage, attempt: 2 }));
    expect(lost).toMatchObject({ failure: { type: 'Unreachable' } });
    const next = await runActivity(reimageNode, input({ reimage, attempt: 2 }));
    expect(next).toMatchObject({ failure: { type: 'NotYet' } });
  });

  it('begins nothing on a node that is not empty', async () => {
    bed.cluster.empty = { kind: 'unsafe', why: 'schedulable' };
    expect(await answerOf(reimageNode, input({ reimage }))).toMatchObject({ kind: 'unsafe' });
    expect(reboots()).toEqual([]);
  });
});

it('refuses a method that is not in force', async () => {
  const reimage = { method: 'replaceInstance', timeoutMs: 1, oldRootVolume: { kind: 'delete' } } as const;
  expect(await answerOf(reimageNode, input({ reimage }))).toMatchObject({ kind: 'unsafe' });
  expect(bed.instances.changes).toEqual([]);
});
