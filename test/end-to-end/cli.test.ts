// The command line as a person uses it, on the sandbox: looks, plans, starts, approves, watches through
// a pipe, and reads the report; JSON is checked as a program would.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RunStatus } from '../../domain/status.ts';
import { openBed, refit, startWorker, temporal } from './bed.ts';
import type { Bed, Said } from './bed.ts';

const RUN = 'upgrade.sandbox.prod-east';
/** Two commands on a busy machine; one that hangs is ended after more than this. */
const SECONDS_MS = 120_000;
const RUN_MS = 900_000;
// One at a time: two of the pool's two nodes away at once leave its pods no place, and their budgets hold both.
const POLICY = JSON.stringify({ disruption: { unavailableMax: 1 }, approval: { before: 'pool' } });

let bed: Bed;

beforeAll(async () => {
  bed = await openBed({ nodes: 3 });
});

afterAll(async () => {
  await bed?.close();
});

function json<T>(said: Said): T {
  return JSON.parse(said.stdout) as T;
}

describe('the command line on the sandbox', () => {
  it('shows the nodes, that an update is there, and exits with 2 under --check', async () => {
    const said = await refit(bed, 'nodes', '--check', '-o', 'json');
    expect(said.code).toBe(2);
    const { nodes } = json<{ nodes: { state: string; release: string; updateAvailable: boolean }[] }>(said);
    expect(nodes).toHaveLength(3);
    expect(nodes.every((node) => node.state === 'normal' && node.updateAvailable)).toBe(true);
  });

  it('puts every pod of a node into exactly one list of drain --dry-run', async () => {
    const { nodes } = json<{ nodes: { node: string }[] }>(await refit(bed, 'nodes', '-o', 'json'));
    const node = nodes[0]?.node ?? '';
    const choice = json<Record<'evict' | 'skip' | 'blocked', { namespace: string; name: string }[]>>(
      await refit(bed, 'drain', node, '--dry-run', '-o', 'json'),
    );
    const names = [...choice.evict, ...choice.skip, ...choice.blocked].map(
      (pod) => `${pod.namespace}/${pod.name}`,
    );
    expect(new Set(names).size).toBe(names.length);
    expect(names.length).toBeGreaterThan(0);
  });

  it('says within seconds that no worker is there, instead of hanging', async () => {
    const begun = Date.now();
    const said = await refit(bed, 'upgrade', 'prod-east', '-w', 'lonely');
    expect(said.code).toBe(0);
    expect(said.stderr).toContain('no worker serves task queue "refit"');
    const status = await refit(bed, 'status', '-w', 'lonely');
    expect(status.code).toBe(1);
    expect(status.stderr).toContain('refit worker');
    expect(Date.now() - begun).toBeLessThan(SECONDS_MS);
    await temporal(bed, 'workflow', 'terminate', '-w', 'lonely');
  });

  it(
    'plans, starts exactly that plan, approves by pool, is watched through a pipe, and reports',
    async () => {
      await startWorker(bed);
      const planned = json<{ summary: { digest: string } }>(
        await refit(bed, 'plan', '--policy', POLICY, '-o', 'json'),
      );
      const digest = planned.summary.digest;
      const digestOfNone = `sha256:${'0'.repeat(64)}`;
      const other = await refit(
        bed,
        'upgrade',
        'prod-east',
        '-w',
        'other',
        '--policy',
        POLICY,
        '--plan-digest',
        digestOfNone,
      );
      expect(other.code).toBe(3);
      expect(other.stderr).toContain(`the plan is ${digest} now`);

      const started = await refit(bed, 'upgrade', 'prod-east', '--policy', POLICY, '--plan-digest', digest);
      expect(started.stderr).toContain(`refit status -w ${RUN} --watch`);
      expect(started.code).toBe(0);
      const again = await refit(bed, 'upgrade', 'prod-east');
      expect(again.code).toBe(1);
      expect(again.stderr).toContain('is open already');

      const watched = refit(bed, 'status', '--watch');
      await approveAll();
      const { code, stdout } = await watched;
      expect(code).toBe(0);
      expect(stdout).toMatch(/gate pool\/\S+ is open; answer it: refit approve/);
      expect(stdout).toMatch(/ip-\S+: reimaging/);
      expect(stdout).toMatch(/ended, succeeded/);

      const report = await refit(bed, 'report', RUN, '-o', 'json');
      expect(json(report)).toMatchObject({
        source: 'records',
        report: { outcome: 'succeeded', counts: { done: 3 } },
      });
      expect((await refit(bed, 'nodes', '--check')).code).toBe(0);
    },
    RUN_MS,
  );

  it('explains after the end that a decision comes too late', async () => {
    const said = await refit(bed, 'approve', 'pool/h100', '-w', RUN);
    expect(said.code).toBe(1);
    expect(said.stderr).toContain('has ended (completed');
  });

  it('prints the report still when Temporal has forgotten the run', async () => {
    await temporal(bed, 'workflow', 'delete', '--yes', '-w', RUN);
    const said = await refit(bed, 'report', RUN);
    expect(said.code).toBe(0);
    expect(said.stdout).toContain(`${RUN}: succeeded`);
  });
});

/** Answers each gate of the run by the command line until it has ended; one is asked for each pool. */
async function approveAll(): Promise<void> {
  const approved = new Set<string>();
  for (;;) {
    const said = await refit(bed, 'status', '-w', RUN, '-o', 'json');
    if (said.code !== 0) throw new Error(said.stderr);
    const status = json<RunStatus>(said);
    if (status.phase === 'ended') break;
    for (const gate of status.gates.filter(({ name }) => !approved.has(name))) {
      const answer = await refit(bed, 'approve', gate.name, '-o', 'json');
      expect(answer.stderr).toBe('');
      expect(json(answer)).toMatchObject({ accepted: true });
      approved.add(gate.name);
    }
  }
  expect([...approved].every((name) => name.startsWith('pool/'))).toBe(true);
  expect(approved.size).toBeGreaterThan(0);
}
