// Canaries on real servers: they go first and are looked at before others follow; when one fails, it goes back
// to the image that it had, and the others are not touched. Judged by the API server's audit log and EC2's account.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { cordonHistory, evictions, otherPodWrites } from '../checker/audit-log.ts';
import { auditLog, ec2Calls, openBed, refit, say, startWorker } from './bed.ts';
import type { Bed } from './bed.ts';
import { expectNormal, readyView } from './people.ts';
import type { NodeView } from './run-control.ts';
import { ONCE, UNTOUCHED, nodeView, runEnd, shrinkWorkloads, startRun, wayOf } from './run-control.ts';

const TEST_MS = 3_600_000;
const SOAK_MS = 5_000;
/** For the task, for the boot and for the checks, each; the checks never pass. */
const CHECKS_TIMEOUT = '90s';
const CLI = ['clients/cli/main.ts'];

let bed: Bed;
let since: number;

beforeAll(async () => {
  // Six of pool h100, three of pool batch.
  bed = await openBed({ nodes: 9 });
  await shrinkWorkloads(bed);
  await startWorker(bed);
}, TEST_MS);

afterAll(async () => bed?.close());

beforeEach(() => {
  since = Date.now();
});

const H100 = ['ip-10-0-0-1', 'ip-10-0-0-2', 'ip-10-0-0-3', 'ip-10-0-0-4', 'ip-10-0-0-5', 'ip-10-0-0-6'];
const BATCH = ['ip-10-0-0-7', 'ip-10-0-0-8', 'ip-10-0-0-9'];

const way = async (node: string) => wayOf(bed, { ...(await nodeView(bed, node)), node }, since);

const policyOf = (more: Record<string, unknown> = {}): Record<string, unknown> => ({
  disruption: { unavailableMax: 3 },
  approval: { before: 'never' },
  canary: { nodes: 1, soak: `${String(SOAK_MS / 1000)}s` },
  ...more,
});

/** Which of these nodes were begun, in the order in which they were. */
function begunOf(nodes: readonly string[]): readonly string[] {
  const { cordonTimes } = cordonHistory(auditLog(bed, since));
  const first = (node: string) => cordonTimes.get(node)?.[0] ?? Infinity;
  return nodes.filter((node) => first(node) < Infinity).sort((a, b) => first(a) - first(b));
}

async function viewsOf(nodes: readonly string[]): Promise<Map<string, NodeView>> {
  return new Map(await Promise.all(nodes.map(async (node) => [node, await readyView(bed, node)] as const)));
}

/** That were asked for as the node's root, each once however often the call was made, in their order. */
async function imagesOf(node: string): Promise<readonly string[]> {
  const { instance } = await nodeView(bed, node);
  const calls = (await ec2Calls(bed, since)).filter(
    ({ action, parameters }) =>
      action === 'CreateReplaceRootVolumeTask' && parameters['InstanceId'] === instance,
  );
  const byTask = new Map(calls.map(({ parameters, result }) => [result.taskId, parameters['ImageId'] ?? '']));
  byTask.delete(null);
  return [...byTask.values()];
}

describe('a canary', () => {
  it(
    'goes alone, and the others follow when it has soaked [I113]',
    async () => {
      await startRun(bed, 'soaked', { release: 'next', nodes: BATCH, policy: policyOf() });
      const { result } = await runEnd(bed, 'soaked');
      expect(result).toMatchObject({ outcome: 'succeeded', counts: { done: BATCH.length, failed: 0 } });
      const [canary = '', ...others] = begunOf(BATCH);
      expect(others).toHaveLength(BATCH.length - 1);
      const { cordonTimes, uncordons } = cordonHistory(auditLog(bed, since));
      const soaked = (uncordons.get(canary)?.[0] ?? Infinity) + SOAK_MS;
      for (const node of others) expect(cordonTimes.get(node)?.[0]).toBeGreaterThanOrEqual(soaked);
      for (const node of BATCH) expect(await way(node)).toEqual(ONCE);
      await expectNormal(bed, BATCH);
    },
    TEST_MS,
  );

  it(
    'that fails goes back to the image that it had, and nobody else is touched [I113, I117, I185]',
    async () => {
      const run = 'rolled-back';
      // Two failures would be allowed: a canary's is one too many all the same.
      const policy = policyOf({
        canary: { nodes: 2, soak: '1h' },
        failure: { failuresMax: 2, onExceeded: 'rollback' },
        reimage: { timeout: CHECKS_TIMEOUT },
      });
      const before = await viewsOf(H100);
      await startRun(bed, run, { release: 'failsChecks', nodes: H100, policy });
      const watching = say(bed, process.execPath, [...CLI, 'status', '-w', run, '--watch'], TEST_MS);
      const { status, result } = await runEnd(bed, run);
      expect(status).toBe('COMPLETED');
      expect(result).toMatchObject({ outcome: 'rolledBack', counts: { done: 0, wentBack: 2 } });
      expect((await watching).code).toBe(4);
      const canaries = begunOf(H100);
      expect(canaries).toHaveLength(2);
      const after = await viewsOf(H100);
      for (const node of H100) {
        const [was, is] = [before.get(node), after.get(node)];
        if (!canaries.includes(node)) {
          expect(await way(node)).toEqual(UNTOUCHED);
          expect(is).toEqual(was);
          continue;
        }
        expect(await imagesOf(node)).toEqual([bed.sandbox.images.failsChecks, bed.sandbox.images.good]);
        expect(is).toMatchObject({ kubelet: was?.kubelet, instance: was?.instance, ready: true });
        expect(is?.bootId).not.toBe(was?.bootId);
        expect(is?.marks['refit.dev/release']).toBe('good');
      }
      await expectNormal(bed, H100);
      const report = await refit(bed, 'report', run);
      expect(report.stdout).toMatch(/policy \S+ +rollback.*canary ip-10-0-0-\d of pool h100 failed/);
      for (const node of canaries) expect(report.stdout).toMatch(new RegExp(`${node}.*went back to good`));
    },
    TEST_MS,
  );
});

describe('over all of these runs', () => {
  it('pods went by the eviction API alone, each by its UID [I1]', () => {
    const log = auditLog(bed);
    const sent = evictions(log);
    expect(sent.length).toBeGreaterThan(0);
    expect(sent.filter((one) => !one.hasUid)).toEqual([]);
    expect(otherPodWrites(log)).toEqual([]);
  });
});
