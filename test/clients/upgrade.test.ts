// `refit plan` and `refit upgrade`: what input is sent, what is refused before, what is told after.
import { describe, expect, it } from '@jest/globals';
import { InvalidFleet } from '../../domain/invalid-fleet.ts';
import type { PlanSummary } from '../../domain/plan.ts';
import { runRefit } from './fake-context.ts';
import { FakeFleet, makeFleet } from './fake-fleet.ts';
import { FakeTemporal, makeStatus, openRun } from './fake-temporal.ts';
import { samplePlan } from '../domain/render/sample-run.ts';

const RUN = 'upgrade.training.prod-east';

function parts() {
  const temporal = new FakeTemporal();
  const side = new FakeFleet();
  return {
    temporal,
    side,
    given: {
      connect: () => Promise.resolve(temporal),
      fleet: () => Promise.resolve(side),
      env: { REFIT_FLEET: 'fleet.yaml' },
    },
  };
}

const summary: PlanSummary = {
  digest: 'sha256:aa',
  observedAt: '2026-11-21T12:00:00Z',
  pages: [],
  rows: 2,
  counts: { upgrade: 2, upToDate: 0, leftAlone: 0 },
  pools: [{ name: 'h100', nodes: 2, upgrade: 2, from: { '2026.09': 2 }, to: '2026.11', unavailableMax: 1 }],
  oldRootVolumes: null,
  warnings: [],
};

describe('refit upgrade', () => {
  it('starts the run of the cluster with what was asked for, and says how to follow it', async () => {
    const { temporal, side, given } = parts();
    const args = ['upgrade', 'prod-east', '--pool', 'h100', '--pool', 'batch', '--node', 'ip-1', '--release'];
    const policy = '{"disruption":{"unavailableMax":3}}';
    const { exitCode, out, err } = await runRefit(
      [...args, '2026.11', '--plan-digest', 'sha256:aa', '--policy', policy],
      given,
    );
    expect(exitCode).toBe(0);
    const input = {
      fleet: 'training',
      cluster: 'prod-east',
      pools: ['h100', 'batch'],
      release: '2026.11',
      nodes: ['ip-1'],
      policy: { disruption: { unavailableMax: 3 } },
      planDigest: 'sha256:aa',
      requestedBy: 'ana',
    };
    expect(temporal.started).toEqual([{ workflowId: RUN, input }]);
    expect(side.inputs).toEqual([input]);
    expect(out).toContain(RUN);
    expect(err).toContain(`refit status -w ${RUN} --watch`);
  });

  it('takes an id of one’s own, and answers programs with JSON alone on stdout', async () => {
    const { temporal, given } = parts();
    const { out } = await runRefit(['upgrade', 'prod-east', '-w', 'mine', '-o', 'json'], given);
    expect(temporal.started[0]?.workflowId).toBe('mine');
    expect(JSON.parse(out)).toMatchObject({ workflowId: 'mine', planDigest: 'sha256:aa', ended: null });
  });

  it('exits with 130 on ctrl-C while the run still plans, and says how to follow it', async () => {
    const { temporal, given } = parts();
    const interruption = new AbortController();
    const pause = (): Promise<void> => {
      interruption.abort();
      return new Promise(() => undefined);
    };
    temporal.add(RUN, { statuses: [makeStatus({ planDigest: null, phase: 'preparing' })] });
    temporal.start = () => Promise.resolve('started');
    const args = ['upgrade', 'prod-east'];
    const { exitCode, err } = await runRefit(args, { ...given, pause, interrupted: interruption.signal });
    expect(exitCode).toBe(130);
    expect(err).toContain(`refit status -w ${RUN} --watch`);
  });

  it('starts without a worker, says within the same breath that none is there, and how to start one', async () => {
    const { temporal, given } = parts();
    temporal.workers = { polling: 0, lastSeenAt: null };
    const { exitCode, err } = await runRefit(['upgrade', 'prod-east'], given);
    expect(exitCode).toBe(0);
    expect(err).toContain('warning: no worker serves task queue "refit"');
    expect(err).toContain('refit worker');
  });

  it('says that the run is open already and where it stands', async () => {
    const { temporal, given } = parts();
    temporal.add(RUN);
    const { exitCode, err } = await runRefit(['upgrade', 'prod-east'], given);
    expect(exitCode).toBe(1);
    expect(err).toContain('is open already');
    expect(err).toContain(`refit status -w ${RUN}`);
  });

  it('exits with 3 when the run refuses before it has touched anything', async () => {
    const { temporal, given } = parts();
    temporal.start = (o) => {
      temporal.add(o.workflowId, {
        statuses: [makeStatus({ planDigest: null, phase: 'preparing' })],
        end: {
          kind: 'failed',
          type: 'Refused',
          message: 'ip-1: its instance belongs to an Auto Scaling group',
        },
      });
      return Promise.resolve('started');
    };
    const { exitCode, err } = await runRefit(['upgrade', 'prod-east'], given);
    expect(exitCode).toBe(3);
    expect(err).toContain('belongs to an Auto Scaling group');
  });

  it('exits with 3 also when those whom a refused run tells first take no message [I247]', async () => {
    const { temporal, given } = parts();
    const told = {
      ...openRun(RUN),
      troubles: ['notify: notification oncall cannot be reached (ECONNREFUSED)'],
    };
    const run = { description: told, statuses: [makeStatus({ planDigest: null, phase: 'preparing' })] };
    temporal.start = (o) => {
      temporal.add(o.workflowId, run);
      return Promise.resolve('started');
    };
    let seconds = 0;
    const pause = (ms: number): Promise<void> => {
      seconds += ms / 1000;
      // Half a minute later it gives them up, and fails.
      const end = { kind: 'failed' as const, type: 'PlanChanged', message: 'the plan is another one now' };
      if (seconds > 31) temporal.add(RUN, { ...run, end });
      return Promise.resolve();
    };
    const clock = { now: () => new Date(seconds * 1000), pause };
    const { exitCode, err } = await runRefit(['upgrade', 'prod-east'], { ...given, ...clock });
    expect(exitCode).toBe(3);
    expect(err).toContain('the plan is another one now');
  });

  it('names what a run cannot get past, when it has planned nothing in time', async () => {
    const { temporal, given } = parts();
    const trouble = 'holdCluster: cluster prod-east refused to get leases refit in namespace refit-system';
    temporal.start = (o) => {
      temporal.add(o.workflowId, {
        description: { ...openRun(o.workflowId), troubles: [trouble] },
        statuses: [makeStatus({ planDigest: null, phase: 'preparing' })],
      });
      return Promise.resolve('started');
    };
    let at = Date.parse('2026-11-21T12:00:00Z');
    const pause = (ms: number): Promise<void> => {
      at += ms;
      return Promise.resolve();
    };
    const clock = { now: () => new Date(at), pause };
    const { exitCode, out, err } = await runRefit(['upgrade', 'prod-east'], { ...given, ...clock });
    expect(exitCode).toBe(0);
    expect(out).toContain(`${RUN}  preparing`);
    expect(err).toContain(`It fails and is tried again: ${trouble}`);
  });

  it('follows the run to its end with --watch and exits by its outcome', async () => {
    const { temporal, given } = parts();
    temporal.start = (o) => {
      temporal.add(o.workflowId, {
        statuses: [makeStatus(), makeStatus({ phase: 'ended', outcome: 'failed' })],
        end: { kind: 'completed', result: { outcome: 'failed' } },
      });
      return Promise.resolve('started');
    };
    const { exitCode, out, err } = await runRefit(['upgrade', 'prod-east', '--watch'], given);
    expect(exitCode).toBe(4);
    expect(out).toContain('ended, failed');
    expect(err).toContain(`refit report ${RUN}`);
  });

  it('needs no fleet file when the fleet is named: the worker checks the names then', async () => {
    const { temporal, given } = parts();
    const { exitCode } = await runRefit(['upgrade', 'east', '--fleet', 'other'], { ...given, env: {} });
    expect(exitCode).toBe(0);
    expect(temporal.started[0]?.input).toEqual({ fleet: 'other', cluster: 'east', requestedBy: 'ana' });
  });

  it.each([
    [['upgrade', 'prod-eats'], 'Did you mean prod-east?'],
    [['upgrade', 'prod-east', '--fleet', 'trainin'], 'Did you mean training?'],
    [['upgrade', 'prod-east', '--pool', 'h10'], 'Did you mean h100?'],
    [['upgrade', 'prod-east', '--policy', '{oops'], '--policy is not JSON'],
    [['upgrade', 'prod-east', '--policy', '[1]'], '--policy must be a JSON object'],
    [['upgrade', 'prod-east', '--plan-digest', 'abc'], 'planDigest: found "abc"'],
    [['upgrade'], "missing required argument 'cluster'"],
  ])('refuses %j with one clear error before anything is started', async (args, why) => {
    const { temporal, given } = parts();
    const { exitCode, out, err } = await runRefit(args, given);
    expect(exitCode).toBe(1);
    expect(err).toContain(why);
    expect(out).toBe('');
    expect(temporal.started).toEqual([]);
  });

  it('passes on what the fleet files say against the input', async () => {
    const { temporal, side, given } = parts();
    side.inputError = new InvalidFleet([
      {
        file: 'input',
        line: null,
        column: null,
        path: 'release',
        found: '"x"',
        expected: 'a release',
        fix: null,
      },
    ]);
    const { exitCode, err } = await runRefit(['upgrade', 'prod-east', '--release', 'x'], given);
    expect(exitCode).toBe(1);
    expect(err).toMatch(/input: release\n +found: +"x"\n +expected: a release/);
    expect(temporal.started).toEqual([]);
  });

  it('names no fleet at all: neither file nor --fleet', async () => {
    const { given } = parts();
    const { exitCode, err } = await runRefit(['upgrade', 'prod-east'], { ...given, env: {} });
    expect(exitCode).toBe(1);
    expect(err).toContain('neither REFIT_FLEET nor --fleet is given');
  });

  it('asks which cluster when two fleets have one of that name', async () => {
    const { side, given } = parts();
    side.fleets = [makeFleet(), makeFleet({ name: 'inference' })];
    const { exitCode, err } = await runRefit(['upgrade', 'prod-east'], given);
    expect(exitCode).toBe(1);
    expect(err).toContain('--fleet inference');
  });
});

describe('refit plan', () => {
  it('takes the only cluster of the fleet, and tells how to run this very plan', async () => {
    const { side, given } = parts();
    side.answer = { kind: 'planned', summary, rows: [], definition: undefined };
    const { exitCode, out, err } = await runRefit(['plan'], given);
    expect(exitCode).toBe(0);
    expect(out).toContain('2 of 2 nodes to upgrade');
    expect(err).toContain('refit upgrade prod-east --plan-digest sha256:aa');
  });

  it('writes a change request as markdown, with the command that starts this very plan', async () => {
    const { side, given } = parts();
    const { rows, definition, summary: planned } = samplePlan();
    side.answer = { kind: 'planned', summary: planned, rows, definition };
    const { exitCode, out } = await runRefit(['plan', '--pool', 'h100', '-o', 'markdown'], given);
    expect(exitCode).toBe(0);
    expect(out).toMatch(/^# Change request: 2026\.11 on cluster prod-east$/m);
    expect(out).toContain(`refit upgrade prod-east --pool h100 --plan-digest ${planned.digest}`);
    expect(out).toContain('How long it takes was not estimated.');
  });

  it('exits with 2 when something would change and that was asked for', async () => {
    const { side, given } = parts();
    side.answer = { kind: 'planned', summary, rows: [], definition: undefined };
    expect((await runRefit(['plan', '--detailed-exitcode'], given)).exitCode).toBe(2);
    const counts = { upgrade: 0, upToDate: 2, leftAlone: 0 };
    side.answer = { kind: 'planned', summary: { ...summary, counts }, rows: [], definition: undefined };
    expect((await runRefit(['plan', '--detailed-exitcode'], given)).exitCode).toBe(0);
  });

  it('exits with 3 and names everything that stands against it', async () => {
    const { side, given } = parts();
    side.answer = { kind: 'refused', refusals: [{ kind: 'x', where: 'ip-1', text: 'no providerID' }] };
    const text = await runRefit(['plan'], given);
    expect(text.exitCode).toBe(3);
    expect(text.out).toContain('ip-1: no providerID');
    const json = await runRefit(['plan', '-o', 'json'], given);
    expect(JSON.parse(json.out)).toEqual(side.answer);
  });

  it('exits with 3 when the plan is not the demanded one any more', async () => {
    const { side, given } = parts();
    side.answer = { kind: 'planned', summary, rows: [], definition: undefined };
    const { exitCode, err } = await runRefit(['plan', '--plan-digest', 'sha256:bb'], given);
    expect(exitCode).toBe(3);
    expect(err).toContain('demanded was sha256:bb');
  });

  it('is what upgrade --dry-run does', async () => {
    const { temporal, side, given } = parts();
    side.answer = { kind: 'planned', summary, rows: [], definition: undefined };
    const { out } = await runRefit(['upgrade', 'prod-east', '--dry-run'], given);
    expect(out).toContain('2 of 2 nodes to upgrade');
    expect(temporal.started).toEqual([]);
  });
});
