// `refit nodes` and `refit drain --dry-run`: what the tables show, and what programs get.
import { describe, expect, it } from '@jest/globals';
import type { TableRow } from '../../domain/status.ts';
import { CliError } from '../../clients/cli/errors.ts';
import { instanceFacts } from '../fakes/fake-instances.ts';
import { runRefit } from './fake-context.ts';
import { FakeFleet, makeFleet, makeNode } from './fake-fleet.ts';
import { FakeTemporal, makeStatus } from './fake-temporal.ts';

function parts() {
  const temporal = new FakeTemporal();
  const side = new FakeFleet();
  return {
    temporal,
    side,
    given: { connect: () => Promise.resolve(temporal), fleet: () => Promise.resolve(side) },
  };
}

const row: TableRow = {
  node: 'ip-10-0-0-2',
  pool: 'h100',
  zone: 'us-east-1a',
  state: 'draining',
  since: '2026-11-21T11:58:00Z',
  from: '2026.09',
  to: '2026.11',
  attempt: 1,
  note: '3 of 9 pods left; training/llama-7 held by PDB llama',
};

describe('refit nodes', () => {
  it('prints one row a node as the contract shows it, and the footer beside it', async () => {
    const { temporal, side, given } = parts();
    side.nodes = [makeNode('ip-10-0-0-1'), makeNode('ip-10-0-0-2', { unschedulable: true })];
    temporal.add('upgrade.training.prod-east', {
      statuses: [makeStatus()],
      answers: { table: { rows: [row], total: 1, next: null } },
    });
    const { exitCode, out, err } = await runRefit(['nodes', 'prod-east'], given);
    expect(exitCode).toBe(0);
    expect(out).toBe(
      [
        'NODE         POOL  ZONE        STATE     STATUS                    AGE  RELEASE',
        'ip-10-0-0-1  h100  us-east-1a  normal    Ready                     41d  2026.09*',
        'ip-10-0-0-2  h100  us-east-1a  draining  Ready,SchedulingDisabled  41d  2026.09 --> 2026.11 ' +
          '(3 of 9 pods left; training/llama-7 held by PDB llama)',
        '',
      ].join('\n'),
    );
    expect(err).toContain(
      '* Release 2026.11 is available. See what would change: refit plan prod-east --pool h100',
    );
    expect(err).toContain('refit status -w upgrade.training.prod-east --watch');
  });

  it('orders nodes by their numbers, as people count, for people and programs', async () => {
    const { side, given } = parts();
    const names = ['ip-10-0-0-1', 'ip-10-0-0-2', 'ip-10-0-0-10', 'ip-10-0-0-11', 'ip-10-0-1-9'];
    side.nodes = [...names].sort().map((name) => makeNode(name));
    expect(side.nodes.map(({ name }) => name)).not.toEqual(names);
    const { out } = await runRefit(['nodes'], given);
    expect([...out.matchAll(/^ip-\S+/gm)].map(([name]) => name)).toEqual(names);
    const facts = JSON.parse((await runRefit(['nodes', '-o', 'json'], given)).out) as {
      nodes: { node: string }[];
    };
    expect(facts.nodes.map(({ node }) => node)).toEqual(names);
  });

  it('adds instance, type, address and image with -o wide', async () => {
    const { given } = parts();
    const { out } = await runRefit(['nodes', '-o', 'wide'], given);
    expect(out).toMatch(/INSTANCE +INSTANCE-TYPE +INTERNAL-IP +IMAGE +RELEASE/);
    expect(out).toMatch(/i-ip10001 +p5.48xlarge +10.0.0.1 +- +2026.09\*/);
  });

  it('prints JSON alone on stdout', async () => {
    const { given } = parts();
    const { out, err } = await runRefit(['nodes', '-o', 'json'], given);
    expect(JSON.parse(out)).toMatchObject({
      cluster: 'prod-east',
      run: null,
      nodes: [{ node: 'ip-10-0-0-1', state: 'normal', release: '2026.09', updateAvailable: true }, {}],
    });
    expect(err).toBe('');
  });

  it('exits with 2 under --check as long as a node is behind, and with 0 when none is', async () => {
    const { side, given } = parts();
    expect((await runRefit(['nodes', '--check'], given)).exitCode).toBe(2);
    side.nodes = [makeNode('ip-10-0-0-1', { kubeletVersion: 'v1.36.1' })];
    const { exitCode, err } = await runRefit(['nodes', '--check'], given);
    expect(exitCode).toBe(0);
    expect(err).toContain('Every node runs the release of its pool.');
  });

  it('says under --check and -o wide what each node shows and what was expected; JSON has it always [I215]', async () => {
    const { side, given } = parts();
    const current = makeNode('ip-10-0-0-2', { kubeletVersion: 'v1.36.1' });
    side.nodes = [makeNode('ip-10-0-0-1'), current];
    side.instances = { 'i-ip10001': instanceFacts({ instanceId: 'i-ip10001', imageId: 'ami-09' }) };
    const why = '2026.09* (kubelet is v1.35.4, expected v1.36.1; image is ami-09, expected ami-11)';
    for (const flags of [['--check'], ['-o', 'wide']]) {
      const { out } = await runRefit(['nodes', ...flags], given);
      expect(out.split('\n')[1]).toContain(why);
      expect(out.split('\n')[2]).toMatch(/ 2026\.11$/);
    }
    const { out } = await runRefit(['nodes', '-o', 'json'], given);
    expect(JSON.parse(out)).toMatchObject({
      nodes: [
        {
          outdated: [
            { what: 'kubelet', found: 'v1.35.4', expected: 'v1.36.1' },
            { what: 'image', found: 'ami-09', expected: 'ami-11' },
          ],
        },
        { outdated: [] },
      ],
    });
  });

  it('calls no node out of date by its image alone: EC2 may go on naming the first one [I215]', async () => {
    const { side, given } = parts();
    side.nodes = [makeNode('ip-10-0-0-1', { kubeletVersion: 'v1.36.1' })];
    side.instances = { 'i-ip10001': instanceFacts({ instanceId: 'i-ip10001', imageId: 'ami-09' }) };
    expect((await runRefit(['nodes', '--check'], given)).exitCode).toBe(0);
  });

  it('without Temporal shows what the nodes themselves say, and says so', async () => {
    const { side, given } = parts();
    const owner = { 'refit.dev/owner': 'fleets/run/1', 'refit.dev/state': 'draining' };
    side.nodes = [
      makeNode('ip-1', { unschedulable: true, annotations: owner }),
      makeNode('ip-2', { unschedulable: true }),
      makeNode('ip-3', { annotations: { 'refit.dev/quarantine': 'ECC errors' } }),
      makeNode('ip-4', { ready: 'Unknown', kubeletVersion: 'v1.20.0' }),
    ];
    const connect = () => Promise.reject(new CliError('Temporal does not answer at temporal.example:7233'));
    const { exitCode, out, err } = await runRefit(['nodes'], { ...given, connect });
    expect(exitCode).toBe(0);
    expect(out).toMatch(/ip-1 .*draining +Ready,SchedulingDisabled/);
    expect(out).toMatch(/ip-2 .*cordoned-by-other/);
    expect(out).toMatch(/ip-3 .*quarantined/);
    expect(out).toMatch(/ip-4 .*NotReady +41d +unknown\*/);
    expect(err).toContain('Temporal does not answer at temporal.example:7233');
  });

  it('leaves a run of another cluster aside', async () => {
    const { temporal, given } = parts();
    temporal.add('upgrade.training.prod-west', { statuses: [makeStatus({ cluster: 'prod-west' })] });
    const { out } = await runRefit(['nodes', '-o', 'json'], given);
    expect(JSON.parse(out)).toMatchObject({ run: null });
  });

  it.each([
    [['nodes'], 'the fleet has 2 clusters; say which one: prod-east, prod-west'],
    [['nodes', 'prod-wets'], 'Did you mean prod-west?'],
    [['nodes', 'prod-east', '--pool', 'bath'], 'Did you mean batch?'],
  ])('refuses %j', async (args, why) => {
    const { side, given } = parts();
    side.fleets = [makeFleet({ clusters: ['prod-east', 'prod-west'] })];
    const { exitCode, out, err } = await runRefit(args, given);
    expect(exitCode).toBe(1);
    expect(err).toContain(why);
    expect(out).toBe('');
  });
});

describe('refit drain', () => {
  it('shows each pod once, blocked ones first, and gives programs the three lists', async () => {
    const { side, given } = parts();
    side.choice = {
      evict: [{ namespace: 'training', name: 'llama-7' }],
      skip: [{ namespace: 'kube-system', name: 'dp', why: 'of a DaemonSet' }],
      blocked: [{ namespace: 'dev', name: 'bare', why: 'of no controller' }],
    };
    const text = await runRefit(['drain', 'ip-1', '--dry-run', '--force'], given);
    expect(text.exitCode).toBe(0);
    expect(text.out.split('\n')[1]).toMatch(/^blocked +dev +bare +of no controller$/);
    expect(text.out).toContain('1 would be evicted, 1 skipped, 1 block the drain.');
    expect(side.drains).toEqual([{ node: 'ip-1', force: true }]);
    const json = await runRefit(['drain', 'ip-1', '--dry-run', '-o', 'json'], given);
    expect(JSON.parse(json.out)).toEqual(side.choice);
  });

  it('never drains by itself: without --dry-run it refuses and says what to do', async () => {
    const { side, given } = parts();
    const { exitCode, err } = await runRefit(['drain', 'ip-1'], given);
    expect(exitCode).toBe(1);
    expect(err).toContain('add --dry-run');
    expect(side.drains).toEqual([]);
  });
});
