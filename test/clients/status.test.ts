// `refit status`, with and without --watch: what is seen, what a pipe gets, how the command ends.
import { describe, expect, it } from '@jest/globals';
import type { ActiveNode, Gate } from '../../domain/status.ts';
import { runRefit } from './fake-context.ts';
import { FakeTemporal, makeStatus, openRun } from './fake-temporal.ts';
import type { FakeRunState } from './fake-temporal.ts';

const RUN = 'upgrade.training.prod-east';

const draining: ActiveNode = {
  node: 'ip-10-0-0-2',
  pool: 'h100',
  childId: `${RUN}/node/ip-10-0-0-2`,
  attempt: 1,
  state: 'draining',
  since: '2026-11-21T11:58:00Z',
  until: '2026-11-21T12:28:00Z',
  progress: {
    podsTotal: 9,
    podsLeft: 3,
    blockersTotal: 1,
    blockers: [
      {
        kind: 'pdb',
        namespace: 'training',
        pod: 'llama-7',
        podUid: 'u',
        pdbs: ['llama'],
        disruptionsAllowed: 0,
        since: '2026-11-21T11:59:00Z',
        text: 'training/llama-7 held by PDB llama',
      },
    ],
  },
};

const gate: Gate = {
  name: 'node/ip-10-0-0-3',
  openedAt: '2026-11-21T11:59:00Z',
  evidence: ['2026.09 --> 2026.11'],
  answers: ['refit approve node/ip-10-0-0-3'],
};

function withRun(run: Partial<FakeRunState>): {
  temporal: FakeTemporal;
  connect: () => Promise<FakeTemporal>;
} {
  const temporal = new FakeTemporal();
  temporal.add(RUN, run);
  return { temporal, connect: () => Promise.resolve(temporal) };
}

describe('refit status', () => {
  it('shows the run as text, and the very answer of the query as JSON', async () => {
    const status = makeStatus({ active: [draining], gates: [gate] });
    const { connect } = withRun({ statuses: [status] });
    const text = await runRefit(['status'], { connect });
    expect(text.exitCode).toBe(0);
    expect(text.out).toContain('training/llama-7 held by PDB llama');
    expect(text.out).toContain('refit approve node/ip-10-0-0-3');
    const json = await runRefit(['status', '-o', 'json'], { connect });
    expect(JSON.parse(json.out)).toEqual(status);
    expect(json.err).toBe('');
  });

  it.each([['status'], ['why']])(
    'is told by %s what it cannot get past, although a worker is there',
    async (name) => {
      const trouble = 'planNext: cluster prod-east at https://k8s.example does not answer (list nodes)';
      const { connect } = withRun({
        description: { ...openRun(RUN), troubles: [trouble] },
        statuses: [makeStatus()],
        answers: { why: { items: [], total: 0, next: null } },
      });
      const { exitCode, err } = await runRefit([name], { connect });
      expect(exitCode).toBe(0);
      expect(err).toBe(`It fails and is tried again: ${trouble}\n`);
    },
  );

  it('without a worker tells what the server knows, how to start one, and exits with 1', async () => {
    const { temporal, connect } = withRun({ statuses: [makeStatus()] });
    temporal.workers = { polling: 0, lastSeenAt: '2026-11-21T10:00:00Z' };
    const { exitCode, out, err } = await runRefit(['status'], { connect });
    expect(exitCode).toBe(1);
    expect(out).toContain(`${RUN} (fleetUpgrade): running`);
    expect(out).toContain('RefitNodesDone: 3');
    expect(err).toContain('one was last seen at 2026-11-21T10:00:00Z');
    expect(err).toContain('refit worker');
  });
});

it('refit status says that Temporal knows no such run, even when no worker is there', async () => {
  const { temporal, connect } = withRun({});
  temporal.workers = { polling: 0, lastSeenAt: null };
  const { exitCode, err } = await runRefit(['status', '-w', 'nope'], { connect });
  expect(exitCode).toBe(1);
  expect(err).toContain('Temporal knows no run nope');
});

describe('refit status --watch', () => {
  it('in a pipe prints one line for each change and nothing for what stays', async () => {
    const first = makeStatus({ active: [draining] });
    const second = makeStatus({
      active: [{ ...draining, state: 'reimaging', progress: null }],
      gates: [gate],
      events: [
        { at: '2026-11-21T11:59:00Z', text: 'gate node/ip-10-0-0-3 opened' },
        { at: '2026-11-21T11:59:00Z', text: 'ip-10-0-0-2: reimaging' },
        { at: '2026-11-21T11:59:01Z', text: 'node/ip-10-0-0-3 is looked at' },
      ],
    });
    const { connect } = withRun({
      statuses: [first, first, second, makeStatus({ phase: 'ended', outcome: 'succeeded' })],
      end: { kind: 'completed', result: { outcome: 'succeeded' } },
    });
    const { exitCode, out } = await runRefit(['status', '--watch'], { connect });
    expect(exitCode).toBe(0);
    const lines = out
      .trim()
      .split('\n')
      .map((line) => line.slice(9));
    expect(lines).toEqual([
      `run ${RUN}: running`,
      'ip-10-0-0-2: draining (3 of 9 pods left; training/llama-7 held by PDB llama)',
      '1 of 4 nodes done, 1 at work, 2 waiting',
      'ip-10-0-0-2: reimaging',
      'node/ip-10-0-0-3 is looked at',
      'gate node/ip-10-0-0-3 is open; answer it: refit approve node/ip-10-0-0-3',
      `run ${RUN}: ended, succeeded`,
    ]);
  });

  it.each([
    [{ kind: 'completed' as const, result: { outcome: 'nothingToDo' } }, 0],
    [{ kind: 'completed' as const, result: { outcome: 'failed' } }, 4],
    [{ kind: 'completed' as const, result: { outcome: 'aborted' } }, 4],
    [{ kind: 'cancelled' as const }, 4],
    [{ kind: 'terminated' as const, reason: 'by hand' }, 4],
    [{ kind: 'failed' as const, type: 'Refused', message: 'pool h100: instances are owned' }, 3],
    [{ kind: 'failed' as const, type: 'PlanChanged', message: 'another plan' }, 3],
    [{ kind: 'failed' as const, type: 'InvalidInput', message: 'cluster: found 3' }, 1],
    [{ kind: 'failed' as const, type: 'Invalid', message: 'fleet training: not there' }, 1],
  ])('ends with the exit code of %j', async (end, exitCode) => {
    const { connect } = withRun({ statuses: [makeStatus()], end });
    const seen = await runRefit(['status', '--watch'], { connect });
    expect(seen.exitCode).toBe(exitCode);
    if (end.kind === 'failed') expect(seen.err).toContain(end.message);
  });

  it('prints one JSON document a line with -o json', async () => {
    const { connect } = withRun({
      statuses: [makeStatus(), makeStatus(), makeStatus({ phase: 'ended' })],
      end: { kind: 'completed', result: { outcome: 'succeeded' } },
    });
    const { out } = await runRefit(['status', '--watch', '-o', 'json'], { connect });
    const phases = out
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { phase: string }).phase);
    expect(phases).toEqual(['running', 'ended']);
  });

  it('goes on when the worker dies, says so once, and says when the run answers again', async () => {
    const { temporal, connect } = withRun({
      statuses: [makeStatus(), makeStatus(), makeStatus()],
      end: { kind: 'completed', result: { outcome: 'succeeded' } },
    });
    const gone = { polling: 0, lastSeenAt: null };
    const looks = [temporal.workers, gone, gone, temporal.workers];
    temporal.collectWorkers = () => Promise.resolve(looks.shift() ?? temporal.workers);
    const { exitCode, err } = await runRefit(['status', '--watch'], { connect });
    expect(exitCode).toBe(0);
    expect(err.match(/no worker serves/g)).toHaveLength(1);
    expect(err).toContain('the run answers again');
  });

  it('says once what the run cannot get past, and again only when that is something else', async () => {
    const { temporal, connect } = withRun({
      statuses: [makeStatus(), makeStatus(), makeStatus(), makeStatus(), makeStatus()],
      end: { kind: 'completed', result: { outcome: 'succeeded' } },
    });
    const describe = temporal.describe.bind(temporal);
    const looks = [['holdCluster: away'], ['holdCluster: away'], ['holdCluster: forbidden']];
    temporal.describe = async (id) => {
      const run = await describe(id);
      return run === undefined ? undefined : { ...run, troubles: looks.shift() ?? [] };
    };
    const { exitCode, err } = await runRefit(['status', '--watch'], { connect });
    expect(exitCode).toBe(0);
    expect(err.split('\n').filter((line) => line.startsWith('It fails'))).toEqual([
      'It fails and is tried again: holdCluster: away',
      'It fails and is tried again: holdCluster: forbidden',
    ]);
  });

  it('exits with 130 on ctrl-C and says that the run goes on and how to follow it', async () => {
    const { connect } = withRun({ statuses: [makeStatus()] });
    const interruption = new AbortController();
    const pause = (): Promise<void> => {
      interruption.abort();
      return Promise.resolve();
    };
    const { exitCode, err } = await runRefit(['status', '--watch'], {
      connect,
      pause,
      interrupted: interruption.signal,
    });
    expect(exitCode).toBe(130);
    expect(err).toContain('interrupted; the run goes on');
    expect(err).toContain(`refit status -w ${RUN} --watch`);
  });

  it('on a terminal shows a live picture with bar, gate and nodes, never taller than the terminal', async () => {
    const many = Array.from({ length: 100 }, (_, index) => ({ ...draining, node: `ip-${String(index)}` }));
    const { connect } = withRun({
      statuses: [makeStatus({ active: [draining], gates: [gate] }), makeStatus({ active: many })],
      end: { kind: 'completed', result: { outcome: 'succeeded' } },
    });
    const frames: string[] = [];
    const liveRegion = () => ({ show: (text: string) => void frames.push(text), done: () => undefined });
    await runRefit(['status', '--watch'], { connect, liveRegion, isTTY: true, env: { NO_COLOR: '1' } });
    expect(frames[0]).toContain('[########......................]');
    expect(frames[0]).toContain('? node/ip-10-0-0-3 waits for an answer');
    expect(frames[0]).toMatch(/ip-10-0-0-2 +h100 +2m +draining \(3 of 9 pods left/);
    for (const frame of frames) expect(frame.split('\n').length).toBeLessThanOrEqual(38);
    expect(frames.at(-1)).toContain('lines more: refit status');
  });
});
