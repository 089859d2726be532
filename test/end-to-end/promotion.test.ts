// One release through three real clusters, dev to qa to prod: started with the stock `temporal` CLI and judged
// by the audit logs of the three API servers. Never by what the promotion says of itself.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readFileSync, writeFileSync } from 'node:fs';
import { parse, stringify } from 'yaml';
import { byRefit, cordonHistory, readAuditLog } from '../checker/audit-log.ts';
import type { CordonHistory } from '../checker/audit-log.ts';
import { kubectl, openBed, refit, startWorker, temporal, waitForStatus } from './bed.ts';
import type { Bed } from './bed.ts';
import { mustSay } from './people.ts';
import { runEnd, startRun } from './run-control.ts';

const TEST_MS = 3_600_000;
const NODES = 3;
const SOAK_MS = 10_000;
/** For the task, for the boot and for the checks, each; the checks never pass. */
const CHECKS_TIMEOUT = '45s';
/** The sandbox knows no tiers; these are its clusters, the last first. */
const TIERS = { 'prod-east-3': 'dev', 'prod-east-2': 'qa', 'prod-east': 'prod' } as const;
const [DEV, QA, PROD] = Object.keys(TIERS) as [keyof typeof TIERS, keyof typeof TIERS, keyof typeof TIERS];
const POLICY = { disruption: { unavailableMax: 2 }, approval: { before: 'never' } };

let bed: Bed;

type FleetFile = { spec: { clusters: { name: string; tier: string }[]; promotion?: object } };

/** As a platform team would write it, before any worker reads it. */
function giveTiers(path: string): void {
  const file = parse(readFileSync(path, 'utf8')) as FleetFile;
  const clusters = file.spec.clusters.map((one) => ({ ...one, tier: TIERS[one.name as keyof typeof TIERS] }));
  const promotion = { soak: `${String(SOAK_MS / 1000)}s` };
  writeFileSync(path, stringify({ ...file, spec: { ...file.spec, clusters, promotion } }));
}

/** Fleets of three nodes have no room for what two of them carried. */
async function removeWorkloads(): Promise<void> {
  for (const { context } of bed.sandbox.clusters) {
    const kinds = 'deployments,statefulsets,jobs,poddisruptionbudgets';
    await kubectl(bed, '--context', context, 'delete', kinds, '--all', '-A', '--wait=false');
  }
}

beforeAll(async () => {
  bed = await openBed({ nodes: NODES, clusters: 3 });
  await removeWorkloads();
  giveTiers(bed.sandbox.fleet);
  await startWorker(bed);
}, TEST_MS);

afterAll(async () => bed?.close());

const requestsOf = (cluster: string, since = 0) => {
  const log = bed.sandbox.clusters.find(({ name }) => name === cluster)?.auditLog ?? '';
  return readAuditLog(log).filter(({ at }) => at >= since);
};

const cordonsOf = (cluster: string, since: number): CordonHistory =>
  cordonHistory(requestsOf(cluster, since));

/** What Refit wrote to the nodes and pods of a cluster. */
const writesTo = (cluster: string, since: number): readonly string[] =>
  requestsOf(cluster, since)
    .filter((one) => byRefit(one) && !['get', 'list', 'watch'].includes(one.verb))
    .filter(({ resource }) => resource === 'nodes' || resource === 'pods')
    .map(({ verb, name }) => `${verb} ${name}`);

const first = ({ cordonTimes }: CordonHistory): number => Math.min(...[...cordonTimes.values()].flat());
const last = ({ uncordons }: CordonHistory): number => Math.max(...[...uncordons.values()].flat());

async function startPromotion(id: string, release: string, policy: Record<string, unknown>): Promise<void> {
  const input = { fleet: 'sandbox', release, promote: true, requestedBy: 'ana', policy };
  await temporal(
    bed,
    ...['workflow', 'start', '--task-queue', 'refit', '--type', 'fleetUpgrade'],
    ...['--workflow-id', id, '--input', JSON.stringify(input)],
  );
}

async function nodesOf(cluster: string): Promise<readonly { pool: string; kubelet: string; name: string }[]> {
  const text = await kubectl(bed, '--context', cluster, 'get', 'nodes', '-o', 'json');
  const { items } = JSON.parse(text) as {
    items: {
      metadata: { name: string; labels: Record<string, string> };
      status: { nodeInfo: { kubeletVersion: string } };
    }[];
  };
  return items.map(({ metadata, status }) => ({
    name: metadata.name,
    pool: metadata.labels['refit.dev/pool'] ?? '',
    kubelet: status.nodeInfo.kubeletVersion,
  }));
}

describe('prod asked for directly', () => {
  it(
    'asks at a gate of its own before anything is touched, and a no leaves it so [I197]',
    async () => {
      const since = Date.now();
      await startRun(bed, 'direct', { release: 'next', policy: POLICY });
      const { gates } = await waitForStatus(bed, 'direct', 'gate tier/prod', (status) =>
        status.gates.some(({ name }) => name === 'tier/prod'),
      );
      const evidence = gates.find(({ name }) => name === 'tier/prod')?.evidence.join('\n');
      for (const below of [DEV, QA]) expect(evidence).toMatch(new RegExp(`${below} has not soaked next`));
      await mustSay(bed, 'sam', 'direct', 'reject', 'tier/prod', '--reason', 'dev first');
      await runEnd(bed, 'direct');
      expect(writesTo(PROD, since)).toEqual([]);
    },
    TEST_MS,
  );
});

describe('a promotion over three clusters', () => {
  it(
    'takes each tier only after the one below has ended and soaked, and in each the pool without SLA first [I199]',
    async () => {
      const since = Date.now();
      await startPromotion('promotion', 'next', POLICY);
      const { status, result } = await runEnd(bed, 'promotion');
      expect([status, result]).toMatchObject([
        'COMPLETED',
        { outcome: 'succeeded', counts: { done: 3 * NODES, failed: 0 } },
      ]);
      const [dev, qa, prod] = [DEV, QA, PROD].map((cluster) => cordonsOf(cluster, since));
      if (dev === undefined || qa === undefined || prod === undefined) throw new Error('three clusters');
      for (const cordons of [dev, qa, prod]) {
        expect([...cordons.cordons.values()]).toEqual(Array.from({ length: NODES }, () => 1));
        expect(cordons.cordonedAtEnd).toEqual([]);
      }
      expect(first(qa)).toBeGreaterThanOrEqual(last(dev) + SOAK_MS);
      expect(first(prod)).toBeGreaterThanOrEqual(last(qa) + SOAK_MS);
      for (const [cluster, cordons] of [[DEV, dev] as const, [QA, qa] as const, [PROD, prod] as const]) {
        const nodes = await nodesOf(cluster);
        expect(nodes.map(({ kubelet }) => kubelet)).toEqual(nodes.map(() => 'v1.36.1'));
        const times = (pool: string) =>
          nodes
            .filter((node) => node.pool === pool)
            .flatMap(({ name }) => cordons.cordonTimes.get(name) ?? []);
        expect(Math.max(...times('batch'))).toBeLessThan(Math.min(...times('h100')));
      }
      const report = await refit(bed, 'report', 'promotion');
      for (const cluster of [DEV, QA, PROD]) expect(report.stdout).toContain(cluster);
    },
    TEST_MS,
  );

  it(
    'is halted by a tier that fails: nothing above it is touched [I200]',
    async () => {
      const since = Date.now();
      const policy = {
        ...POLICY,
        failure: { onExceeded: 'stop' },
        reimage: { timeout: CHECKS_TIMEOUT },
      };
      await startPromotion('halted', 'failsChecks', policy);
      const { result } = await runEnd(bed, 'halted');
      expect(result?.outcome).toBe('failed');
      expect(writesTo(DEV, since)).not.toEqual([]);
      expect([writesTo(QA, since), writesTo(PROD, since)]).toEqual([[], []]);
    },
    TEST_MS,
  );
});
