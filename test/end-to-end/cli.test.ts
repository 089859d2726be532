// The command line as a person uses it, on the sandbox: looks, plans, starts, approves, watches through
// a pipe, and reads the report; JSON is checked as a program would.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { WorkflowNotFoundError } from '@temporalio/client';
import type { RunStatus } from '../../domain/status.ts';
import { beginSaying, openBed, refit, startWorker, temporal } from './bed.ts';
import type { Bed, Said, Saying } from './bed.ts';
import { refitToEnd } from './people.ts';
import { awaitThat } from './run-control.ts';

const RUN = 'upgrade.sandbox.prod-east';
const CLI = ['clients/cli/main.ts'];
/** What the command line itself waits for a worker, in both commands together; the rest is its own start. */
const WAITS_MS = 60_000;
/** So many times as long as a command that asks nobody anything. */
const STARTS_MAX = 20;
const RUN_MS = 3_600_000;
// One at a time: two of the pool's two nodes away at once leave its pods no place, and their budgets hold both.
const POLICY = JSON.stringify({ disruption: { unavailableMax: 1 }, approval: { before: 'pool' } });

let bed: Bed;

beforeAll(async () => {
  bed = await openBed({ nodes: 3 });
});

afterAll(async () => {
  await bed?.close();
});

const isNotFound = (error: unknown): boolean => error instanceof WorkflowNotFoundError;

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
    expect((await refit(bed, '--version')).code).toBe(0);
    const startMs = Date.now() - begun;
    const said = await refit(bed, 'upgrade', 'prod-east', '-w', 'lonely');
    expect(said.code).toBe(0);
    expect(said.stderr).toContain('no worker serves task queue "refit"');
    const status = await refit(bed, 'status', '-w', 'lonely');
    expect(status.code).toBe(1);
    expect(status.stderr).toContain('refit worker');
    expect(Date.now() - begun).toBeLessThan(WAITS_MS + STARTS_MAX * startMs);
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
      const demands = ['--policy', POLICY, '--plan-digest', digestOfNone];
      const other = await refitToEnd(bed, 'upgrade', 'prod-east', '-w', 'other', ...demands);
      expect(other.code).toBe(3);
      expect(other.stderr).toContain(`the plan is ${digest} now`);

      const started = await refit(bed, 'upgrade', 'prod-east', '--policy', POLICY, '--plan-digest', digest);
      expect(started.stderr).toContain(`refit status -w ${RUN} --watch`);
      expect(started.code).toBe(0);
      const again = await refit(bed, 'upgrade', 'prod-east');
      expect(again.code).toBe(1);
      expect(again.stderr).toContain('is open already');

      const watching = beginSaying(bed, process.execPath, [...CLI, 'status', '--watch'], RUN_MS);
      await approveAll(watching);
      const { code, stdout } = await watching.ended;
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
    const known = () => bed.client.workflow.getHandle(RUN).describe();
    await awaitThat('Temporal to forget it', () => known().then(() => false, isNotFound));
    const said = await refit(bed, 'report', RUN);
    expect(said.code).toBe(0);
    expect(said.stdout).toContain(`${RUN}: succeeded`);
  });
});

/** Answers each gate of the run, once the watch has shown it, until the run has ended; one is asked for each pool. */
async function approveAll(watching: Saying): Promise<void> {
  const approved = new Set<string>();
  for (;;) {
    const said = await refit(bed, 'status', '-w', RUN, '-o', 'json');
    if (said.code !== 0) throw new Error(said.stderr);
    const status = json<RunStatus>(said);
    if (status.phase === 'ended') break;
    for (const gate of status.gates.filter(({ name }) => !approved.has(name))) {
      await awaitThat(`the watch to show ${gate.name}`, () =>
        watching.soFar().includes(`gate ${gate.name} is`),
      );
      const answer = await refit(bed, 'approve', gate.name, '-o', 'json');
      expect(answer.stderr).toBe('');
      expect(json(answer)).toMatchObject({ accepted: true });
      approved.add(gate.name);
    }
  }
  expect([...approved].every((name) => name.startsWith('pool/'))).toBe(true);
  expect(approved.size).toBeGreaterThan(0);
}
