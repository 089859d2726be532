// `refit upgrade --promote` and `refit plan --promote`: what is sent, what is refused before, what is shown.
import { describe, expect, it } from '@jest/globals';
import { renderReport } from '../../domain/render/report.ts';
import { renderStatus } from '../../domain/render/status.ts';
import { samplePlan } from '../domain/render/sample-run.ts';
import { runRefit } from './fake-context.ts';
import { FakeFleet, makeFleet, makeNode } from './fake-fleet.ts';
import { FakeTemporal, makeStatus } from './fake-temporal.ts';

function parts() {
  const temporal = new FakeTemporal();
  const side = new FakeFleet();
  const fleet = makeFleet({ clusters: ['prod-east', 'qa-1', 'dev-1'] });
  const tiers = { 'prod-east': 'prod', 'qa-1': 'qa', 'dev-1': 'dev' } as const;
  side.fleets = [
    {
      ...fleet,
      promotion: { soakMs: 3_600_000, successMinPercent: 95 },
      clusters: fleet.clusters.map((one) => ({ ...one, tier: tiers[one.name as keyof typeof tiers] })),
    },
  ];
  side.answer = { kind: 'planned', ...samplePlan() };
  const given = {
    connect: () => Promise.resolve(temporal),
    fleet: () => Promise.resolve(side),
    env: { REFIT_FLEET: 'fleet.yaml' },
  };
  return { temporal, side, given };
}

describe('refit upgrade --promote', () => {
  it('starts one run over all clusters of the fleet', async () => {
    const { temporal, given } = parts();
    const policy = '{"approval":{"before":"never"}}';
    const args = ['upgrade', '--promote', '--release', '2026.11', '--policy', policy];
    const { exitCode, out, err } = await runRefit(args, given);
    expect(exitCode).toBe(0);
    const input = {
      fleet: 'training',
      promote: true,
      release: '2026.11',
      policy: { approval: { before: 'never' } },
      requestedBy: 'ana',
    };
    expect(temporal.started).toEqual([{ workflowId: 'promote.training', input }]);
    expect(out).toBe('promote.training\n');
    expect(err).toContain('refit status -w promote.training --watch');
  });

  it('is refused with what would narrow it, and an upgrade without a cluster is told of it', async () => {
    const { temporal, given } = parts();
    const narrowed = await runRefit(['upgrade', 'qa-1', '--promote', '--pool', 'h100'], given);
    expect(narrowed.exitCode).toBe(1);
    expect(narrowed.err).toContain('it does not go with cluster qa-1, --pool');
    const nothing = await runRefit(['upgrade'], given);
    expect(nothing.exitCode).toBe(1);
    expect(nothing.err).toContain('refit upgrade --promote');
    expect(temporal.started).toEqual([]);
  });

  it('is not started twice', async () => {
    const { temporal, given } = parts();
    temporal.add('promote.training');
    const { exitCode, err } = await runRefit(['upgrade', '--promote'], given);
    expect(exitCode).toBe(1);
    expect(err).toContain('promote.training is open already');
  });
});

describe('refit plan --promote', () => {
  it('shows the clusters in the order of tiers, with what is asked in each', async () => {
    const { side, given } = parts();
    const { exitCode, out } = await runRefit(['plan', '--promote', '--release', '2026.11'], given);
    expect(exitCode).toBe(0);
    expect(side.inputs.map(({ cluster, release }) => [cluster, release])).toEqual([
      ['dev-1', '2026.11'],
      ['qa-1', '2026.11'],
      ['prod-east', '2026.11'],
    ]);
    expect(out).toContain('a tier soaks for 1h, and at least 95%');
    const lines = out.split('\n').filter((line) => /^(dev|qa|prod) /.test(line));
    expect(lines.map((line) => line.split(/\s+/).slice(0, 2))).toEqual([
      ['dev', 'dev-1'],
      ['qa', 'qa-1'],
      ['prod', 'prod-east'],
    ]);
  });

  it('exits with 2 where there is something to upgrade, when that is asked for', async () => {
    const { side, given } = parts();
    const asked = ['plan', '--promote', '--detailed-exitcode'];
    const { exitCode, err } = await runRefit(asked, given);
    expect(exitCode).toBe(2);
    expect(err).toContain('Do it: refit upgrade --promote --fleet training');
    const { summary, ...rest } = samplePlan();
    const nothing = { ...summary, counts: { ...summary.counts, upgrade: 0 } };
    side.answer = { kind: 'planned', ...rest, summary: nothing };
    expect(await runRefit(asked, given)).toMatchObject({ exitCode: 0, err: '' });
  });

  it('is one document as markdown, of all clusters in their order, with what none of them promises [I246]', async () => {
    const { given } = parts();
    const args = ['plan', '--promote', '--release', '2026.11', '-o', 'markdown'];
    const { exitCode, out } = await runRefit(args, given);
    expect(exitCode).toBe(0);
    const headings = out.split('\n').filter((line) => /^##? /.test(line));
    expect(headings).toEqual([
      '# Change request: promotion of 2026.11 through fleet training',
      '## Order',
      '## Before the next tier',
      ...Array.from({ length: 3 }, () => expect.stringMatching(/^## Change request: .* on cluster /)),
      '## Signatures',
    ]);
    expect(out).toContain('The digests say what was looked at; they bind nothing.');
    expect(out).toContain('refit upgrade --promote --fleet training --release 2026.11');
  });

  it('is made by a worker with --remote, cluster by cluster, out of the same tiers [I246]', async () => {
    const { temporal, side, given } = parts();
    const { summary, rows, definition } = samplePlan();
    temporal.planned = {
      end: { kind: 'completed', result: { kind: 'planned', summary, definition } },
      answers: { plan: { summary, rows, total: rows.length, next: null } },
    };
    const local = await runRefit(['plan', '--promote', '-o', 'json'], given);
    side.answer = { kind: 'refused', refusals: [] };
    const remote = await runRefit(['plan', '--promote', '-o', 'json', '--remote'], given);
    expect(remote).toEqual(local);
    expect(temporal.plans.map(({ input }) => input.cluster)).toEqual(['dev-1', 'qa-1', 'prod-east']);
    expect(JSON.parse(remote.out)).toMatchObject({ rows: [{ digest: summary.digest }, {}, {}] });
  });

  it('exits with 3 when a cluster would be refused', async () => {
    const { side, given } = parts();
    side.answer = { kind: 'refused', refusals: [{ kind: 'x', where: 'node n1', text: 'has no instance' }] };
    const { exitCode, out } = await runRefit(['plan', '--promote'], given);
    expect(exitCode).toBe(3);
    expect(out).toContain('refused: node n1: has no instance');
  });
});

it('refit nodes asks the run of the cluster, of a promotion that is at work on it', async () => {
  const { temporal, side, given } = parts();
  side.nodes = [makeNode('ip-10-0-0-1')];
  const workflowId = 'promote.training/cluster/dev-1';
  const row = { tier: 'dev' as const, cluster: 'dev-1', workflowId, since: 'S', until: null, note: '' };
  const promotion = { release: '2026.11', rows: [{ ...row, state: 'running' as const }] };
  temporal.add('promote.training', { statuses: [makeStatus({ cluster: 'dev-1', promotion })] });
  const found = {
    node: 'ip-10-0-0-1',
    pool: 'h100',
    zone: 'us-east-1a',
    state: 'draining' as const,
    since: null,
    from: '2026.09',
    to: '2026.11',
    attempt: 1,
    note: '3 of 9 pods left',
  };
  // Its own status would answer for no fleet: it is found by its promotion alone.
  const answers = { table: { rows: [found], total: 1, next: null } };
  temporal.add(workflowId, { statuses: [makeStatus({ fleet: '' })], answers });
  const { exitCode, out } = await runRefit(['nodes', 'dev-1'], given);
  expect(exitCode).toBe(0);
  expect(out).toContain('3 of 9 pods left');
});

it('a status and a report show each cluster of a promotion', () => {
  const row = { tier: 'dev' as const, cluster: 'dev-1', workflowId: 'w/cluster/dev-1' };
  const rows = [
    { ...row, state: 'soaking' as const, since: 'S', until: 'U', note: 'succeeded' },
    { ...row, cluster: 'qa-1', state: 'waiting' as const, since: null, until: null, note: '' },
  ];
  const shown = renderStatus({ ...makeStatus(), promotion: { release: '2026.11', rows } });
  expect(shown).toContain('release 2026.11 through the clusters of fleet training');
  expect(shown).toMatch(/dev +dev-1 +soaking +S +U +succeeded/);
  const { workflowId, fleet, startedAt, counts } = makeStatus();
  const report = renderReport({
    workflowId,
    firstExecutionRunId: 'r',
    fleet,
    cluster: 'dev-1, qa-1',
    requestedBy: null,
    startedAt,
    endedAt: startedAt,
    outcome: 'failed',
    outcomeWhy: 'dev dev-1 is not good enough',
    plan: null,
    counts,
    notes: [],
    notesTotal: 0,
    promotion: { release: '2026.11', releaseDigest: 'sha256:a', rows },
  });
  expect(report).toContain('release 2026.11 through fleet training');
  expect(report).toMatch(/qa-1 +waiting/);
});
