// `refit plan --remote`: what is asked of a worker, what is shown, and what is said when it does not work; and
// what `refit plan` says of a plan that is not the demanded one any more, wherever it was made.
import { describe, expect, it } from '@jest/globals';
import { samplePlan, sampleEstimate } from '../domain/render/sample-run.ts';
import { runRefit } from './fake-context.ts';
import { FakeFleet } from './fake-fleet.ts';
import { FakeTemporal, openRun } from './fake-temporal.ts';

const { summary, rows, definition } = samplePlan();
const estimate = sampleEstimate();
const moved = [{ part: 'nodes' as const, text: 'h100-9: went' }];

function parts(o: { withFiles: boolean }) {
  const temporal = new FakeTemporal();
  const side = new FakeFleet();
  const fleet = () =>
    o.withFiles ? Promise.resolve(side) : Promise.reject(new Error('no fleet file is needed for this'));
  const env = o.withFiles ? { REFIT_FLEET: 'fleet.yaml' } : {};
  temporal.planned = {
    end: { kind: 'completed', result: { kind: 'planned', summary, definition, estimate } },
    answers: { plan: { summary, rows, total: rows.length, next: null } },
  };
  return { temporal, side, given: { connect: () => Promise.resolve(temporal), fleet, env } };
}

describe('refit plan --remote', () => {
  it('prints the very same as a plan made here [I176]', async () => {
    const { side, given, temporal } = parts({ withFiles: true });
    side.answer = { kind: 'planned', summary, rows, estimate, definition };
    for (const output of ['text', 'json', 'markdown']) {
      const local = await runRefit(['plan', 'prod-east', '-o', output], given);
      const remote = await runRefit(['plan', 'prod-east', '-o', output, '--remote'], given);
      expect(remote).toEqual(local);
      expect(remote.exitCode).toBe(0);
    }
    expect(temporal.started).toEqual([]);
    expect(temporal.plans).toHaveLength(3);
  });

  it('needs no fleet file and no right on the cluster, only the names [I176]', async () => {
    const { given, temporal } = parts({ withFiles: false });
    const args = ['plan', 'prod-east', '--remote', '--fleet', 'training', '--pool', 'h100'];
    const { exitCode, out } = await runRefit([...args, '--plan-digest', summary.digest], given);
    expect(exitCode).toBe(0);
    expect(out).toContain('Plan for cluster prod-east (prod) of fleet training');
    expect(temporal.plans).toEqual([
      {
        workflowId: expect.stringMatching(/^plan\.training\.prod-east\.[0-9a-f-]{36}$/),
        input: {
          fleet: 'training',
          cluster: 'prod-east',
          pools: ['h100'],
          planDigest: summary.digest,
          requestedBy: 'ana',
        },
      },
    ]);
    const unnamed = await runRefit(['plan', '--remote', '--fleet', 'training'], given);
    expect(unnamed).toMatchObject({ exitCode: 1, err: expect.stringContaining('which cluster') });
  });

  it('exits with 3 and names what stands against it', async () => {
    const { given, temporal } = parts({ withFiles: false });
    const refusals = [{ kind: 'x', where: 'ip-1', text: 'no providerID' }];
    temporal.planned = { end: { kind: 'completed', result: { kind: 'refused', refusals } } };
    const { exitCode, out } = await runRefit(['plan', 'prod-east', '--remote', '--fleet', 'training'], given);
    expect(exitCode).toBe(3);
    expect(out).toContain('ip-1: no providerID');
  });

  it('says why the worker could not make it, and that there is none', async () => {
    const { given, temporal } = parts({ withFiles: false });
    const args = ['plan', 'prod-east', '--remote', '--fleet', 'training'];
    temporal.planned = { end: { kind: 'failed', type: 'InvalidInput', message: 'cluster: found "x"' } };
    expect(await runRefit(args, given)).toMatchObject({
      exitCode: 1,
      out: '',
      err: expect.stringContaining('cluster: found "x"'),
    });
    temporal.workers = { polling: 0, lastSeenAt: null };
    expect(await runRefit(args, given)).toMatchObject({
      exitCode: 1,
      err: expect.stringContaining('refit worker'),
    });
    expect(temporal.plans).toHaveLength(1);
  });

  it('gives up after a while, says what kept the worker, and how the plan is found', async () => {
    const { given, temporal } = parts({ withFiles: false });
    const trouble = 'planForPeople: cluster prod-east does not answer';
    temporal.planned = { description: { ...openRun('plan'), troubles: [trouble] } };
    let now = Date.parse('2026-11-21T12:00:00Z');
    const late = { now: () => new Date((now += 60_000)) };
    const args = ['plan', 'prod-east', '--remote', '--fleet', 'training'];
    const { exitCode, err } = await runRefit(args, { ...given, ...late });
    expect(exitCode).toBe(1);
    expect(err.split(trouble)).toHaveLength(2);
    expect(err).toContain('temporal workflow describe -w plan.training.prod-east.');
  });
});

describe('a plan that is not the demanded one any more', () => {
  it.each([[[]], [['--remote']]])('says what has moved, and exits with 3 (%j) [I175]', async (flags) => {
    const { given, side, temporal } = parts({ withFiles: true });
    side.answer = { kind: 'planned', summary, rows, definition, moved };
    temporal.planned = {
      ...temporal.planned,
      end: { kind: 'completed', result: { kind: 'planned', summary, definition, moved } },
    };
    const demanded = ['--plan-digest', 'sha256:bb'];
    const { exitCode, err } = await runRefit(['plan', 'prod-east', ...demanded, ...flags], given);
    expect(exitCode).toBe(3);
    expect(err).toContain('demanded was sha256:bb\n  nodes: h100-9: went');
    const json = await runRefit(['plan', 'prod-east', ...demanded, ...flags, '-o', 'json'], given);
    expect(JSON.parse(json.out)).toMatchObject({ moved });
  });

  it('is told when a plan could not be kept for that', async () => {
    const { given, side } = parts({ withFiles: true });
    side.answer = { kind: 'planned', summary, rows, definition, notKept: 'records in /x: read-only' };
    const { exitCode, err } = await runRefit(['plan', 'prod-east'], given);
    expect(exitCode).toBe(0);
    expect(err).toContain('cannot tell what has moved: records in /x: read-only');
  });
});
