// Nodes that are replaced by other instances, launched first: judged by the API server's audit log, EC2's account
// of its calls and kubectl; never by what Refit says of itself.
import { writeFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CreateLaunchTemplateCommand, CreateLaunchTemplateVersionCommand } from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse, stringify } from 'yaml';
import { REGION } from '../../sandbox/ec2/front.ts';
import { sandboxClient } from '../../sandbox/ec2/moto.ts';
import { byRefit } from '../checker/audit-log.ts';
import type { Request } from '../checker/audit-log.ts';
import { auditLog, ec2Calls, fault, kubectl, openBed, refit, startWorker, waitForStatus } from './bed.ts';
import type { Bed } from './bed.ts';
import { runEnd, shrinkWorkloads, startRun } from './run-control.ts';

const TEST_MS = 900_000;
const ID = 'replacing';
const TEMPLATE = 'batch-nodes';

let bed: Bed;

type FleetFile = {
  spec: {
    clusters: { pools: { name: string; policy: string; launchTemplate?: unknown }[] }[];
    policies: Record<string, unknown>[];
  };
};

/** The sandbox's own file, its pool `batch` replaced from a template. */
function writeFleet(): void {
  const file = parse(readFileSync(bed.sandbox.fleet, 'utf8')) as FleetFile;
  for (const pool of file.spec.clusters.flatMap(({ pools }) => pools)) {
    if (pool.name !== 'batch') continue;
    pool.launchTemplate = { name: TEMPLATE, version: '$Latest' };
    pool.policy = 'replaced';
  }
  file.spec.policies.push({ name: 'replaced', extends: 'default', ...policy });
  const path = join(bed.dir, '..', 'fleet.yaml');
  writeFileSync(path, stringify(file));
  bed.env['REFIT_FLEET'] = path;
}

const policy = {
  reimage: { method: 'replaceInstance', timeout: '5m' },
  disruption: { unavailableMax: 1, surge: 1 },
  approval: { before: 'never' },
  drain: { deferFor: '5s', deferralsMax: 20 },
};

function templateData(imageId: string) {
  const tags = { 'refit.dev/pool': 'batch', 'kubernetes.io/cluster/prod-east': 'owned' };
  return {
    ImageId: imageId,
    TagSpecifications: [
      {
        ResourceType: 'instance' as const,
        Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
      },
    ],
  };
}

async function nodesOf(
  pool: string,
): Promise<Map<string, { instance: string; driver: string; gpus: string }>> {
  const text = await kubectl(bed, 'get', 'nodes', '-l', `refit.dev/pool=${pool}`, '-o', 'json');
  const { items } = JSON.parse(text) as {
    items: {
      metadata: { name: string; labels: Record<string, string> };
      spec: { providerID: string; unschedulable?: boolean };
      status: { allocatable: Record<string, string> };
    }[];
  };
  return new Map(
    items.map(({ metadata, spec, status }) => [
      metadata.name,
      {
        instance: spec.providerID.split('/').at(-1) ?? '',
        driver: metadata.labels['nvidia.com/cuda.driver-version.full'] ?? '',
        gpus: `${status.allocatable['nvidia.com/gpu'] ?? ''}${spec.unschedulable === true ? ' cordoned' : ''}`,
      },
    ]),
  );
}

const cordon = (value: true | null) => (request: Request) =>
  byRefit(request) &&
  request.resource === 'nodes' &&
  request.verb === 'patch' &&
  (request.body['spec'] as { unschedulable?: unknown } | undefined)?.unschedulable === value;

beforeAll(async () => {
  bed = await openBed({ nodes: 6 });
  await shrinkWorkloads(bed);
  const { good, next } = bed.sandbox.images;
  const ec2 = sandboxClient(bed.sandbox.ec2.endpoint, REGION, 'test');
  await ec2.send(
    new CreateLaunchTemplateCommand({ LaunchTemplateName: TEMPLATE, LaunchTemplateData: templateData(good) }),
  );
  writeFleet();
  await startWorker(bed);
  const refused = await refit(bed, 'plan', 'prod-east', '--pool', 'batch');
  planned = `${String(refused.code)} ${refused.stdout} ${refused.stderr}`;
  await ec2.send(
    new CreateLaunchTemplateVersionCommand({
      LaunchTemplateName: TEMPLATE,
      LaunchTemplateData: templateData(next),
    }),
  );
  ec2.destroy();
}, TEST_MS);
let planned: string;

afterAll(async () => bed?.close());

describe('a pool whose instances are replaced', () => {
  it('is refused by the plan while its template has an older image [I210]', () => {
    expect(planned).toContain(`launch template ${TEMPLATE} version $Latest`);
    expect(planned).toContain(`has image ${bed.sandbox.images.good}`);
    expect(planned.startsWith('3 ')).toBe(true);
  });

  it(
    'waits without harm while there is no capacity, then takes every node launch-first [I205] [I207] [I208] [I209]',
    async () => {
      const before = await nodesOf('batch');
      const others = await nodesOf('h100');
      const since = Date.now();
      await fault(bed, 'insufficient-capacity');
      await startRun(bed, ID, { release: 'next', pools: ['batch'] });
      await waitForStatus(bed, ID, 'no capacity', (s) =>
        s.waiting.some(({ on }) => on.includes('InsufficientInstanceCapacity')),
      );
      expect(await nodesOf('batch')).toEqual(before);
      expect(auditLog(bed, since).filter(cordon(true))).toEqual([]);
      await fault(bed, 'clear', 'insufficient-capacity');
      expect(await runEnd(bed, ID)).toMatchObject({
        result: { outcome: 'succeeded', counts: { done: 2, failed: 0 } },
      });

      const after = await nodesOf('batch');
      expect([...after.keys()].filter((name) => before.has(name))).toEqual([]);
      expect([...after.values()].map(({ driver, gpus }) => [driver, gpus])).toEqual([
        ['580.95.05', '8'],
        ['580.95.05', '8'],
      ]);
      expect(await nodesOf('h100')).toEqual(others);

      const calls = await ec2Calls(bed, since);
      const done = (action: string) =>
        calls.filter((call) => call.action === action && call.result.code === null);
      expect(new Set(done('RunInstances').map(({ clientToken }) => clientToken)).size).toBe(2);
      expect(
        done('TerminateInstances')
          .map(({ parameters }) => parameters['InstanceId.1'])
          .sort(),
      ).toEqual([...before.values()].map(({ instance }) => instance).sort());
      const log = auditLog(bed, since);
      for (const name of before.keys()) {
        const cordoned = log.find((request) => cordon(true)(request) && request.name === name);
        const deleted = log.find(
          ({ verb, resource, name: of }) => verb === 'delete' && resource === 'nodes' && of === name,
        );
        const served = log.filter((request) => cordon(null)(request) && after.has(request.name));
        expect(served.some(({ at }) => at <= (cordoned?.at ?? 0))).toBe(true);
        expect(deleted).toMatchObject({ status: 200, body: { preconditions: { uid: expect.any(String) } } });
        expect(deleted?.at ?? 0).toBeGreaterThan(cordoned?.at ?? Infinity);
      }
      const report = await refit(bed, 'report', '-w', ID);
      for (const name of before.keys()) expect(report.stdout).toContain(name);
      for (const name of after.keys()) expect(report.stdout).toContain(`replaced by ${name}`);
    },
    TEST_MS,
  );
});
