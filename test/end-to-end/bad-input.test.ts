// Every wrong input, against real servers: one clear error that tells where, what stood there and what was
// expected, and nothing touched. Told by what the commands print, the audit log and EC2's own account.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { arm64ImageId } from '../../sandbox/ec2/images.ts';
import { freePort } from '../../sandbox/ports.ts';
import {
  addFile,
  addFleet,
  expectError,
  expectReadable,
  expectRefused,
  expectWaiting,
  failureOf,
  inputOf,
  openBadInputBed,
} from './bad-input-bed.ts';
import type { BadInputBed } from './bad-input-bed.ts';
import { fault, kubectl, refit, stock, waitForStatus } from './bed.ts';
import { LONG_MS, UNTOUCHED, nodeView, runEnd, startRun, wayOf, writesSince } from './run-control.ts';

const TEST_MS = 3_600_000;
const nodes = ['ip-10-0-0-1', 'ip-10-0-0-2', 'ip-10-0-0-3'] as const;

let bed: BadInputBed;
let since: number;

beforeAll(async () => {
  bed = await openBadInputBed(nodes.length);
}, TEST_MS);

afterAll(async () => bed?.close());

beforeEach(() => {
  since = Date.now();
});

afterEach(async () => {
  expect(await writesSince(bed, since)).toEqual([]);
  for (const node of nodes) {
    const seen = await nodeView(bed, node);
    expect(await wayOf(bed, { ...seen, node }, since)).toEqual(UNTOUCHED);
  }
});

const notStarted = (workflowId: string) =>
  expect(bed.client.workflow.getHandle(workflowId).describe()).rejects.toThrow(/not found/i);

/** A list of nine lists of nine lists …: a billion values from a dozen lines. */
const explosion = Array.from({ length: 12 }, (_, at) => {
  const above = at === 0 ? '"x"' : `*a${String(at - 1)}`;
  return `a${String(at)}: &a${String(at)} [${Array.from({ length: 9 }, () => above).join(', ')}]`;
}).join('\n');

describe('a fleet file', () => {
  it.each([
    [
      'an unknown key',
      (text: string) => text.replace('unavailableMax: 3', 'unavailableMx: 3'),
      [/spec\.policies\[0\]\.disruption/, /unavailableMx/, /unavailableMax/],
    ],
    [
      'a bad duration',
      (text: string) =>
        text.replace('extends: default', 'extends: default\n      drain: {timeout: 5 minutes}'),
      [/spec\.policies\[0\]\.drain\.timeout/, /5 minutes/, /30s|10m/],
    ],
    [
      'an unknown policy',
      (text: string) => text.replace('policy: demo', 'policy: demmo'),
      [/spec\.clusters\[0\]\.pools\[0\]\.policy/, /demmo/, /demo/],
    ],
    [
      'an unknown release',
      (text: string) => text.replace('release: next', 'release: nxt'),
      [/spec\.clusters\[0\]\.pools\[0\]\.release/, /nxt/, /next/],
    ],
    [
      'a megabyte of text',
      (text: string) => `${text}# ${'x'.repeat(1024 * 1024)}\n`,
      [/10\d{5} bytes/, /at most/],
    ],
    ['anchors that explode', (text: string) => `${explosion}\n${text}`, [/anchors|alias/]],
  ])(
    'with %s is told by file and path, and nothing is started',
    async (_, change, parts) => {
      const text = change(bed.fleetText);
      expect(text).not.toBe(bed.fleetText);
      const path = addFile(bed, 'wrong.yaml', text);
      const [validated, upgrade] = await Promise.all([
        refit(bed, 'validate', path),
        refit(bed, 'upgrade', 'prod-east', '--fleet-file', path, '-w', 'wrong-file'),
      ]);
      expect(validated).toEqual({ ...validated, code: 1 });
      expectReadable(validated.stdout + validated.stderr, [/wrong\.yaml/, ...parts]);
      expectError(upgrade, 1, /wrong\.yaml/, ...parts);
      await notStarted('wrong-file');
    },
    TEST_MS,
  );
});

describe('names that nobody knows', () => {
  it.each([
    ['cluster', ['prod-eest'], /prod-eest.*prod-east/s],
    ['pool', ['prod-east', '--pool', 'h10'], /h10.*h100/s],
    ['release', ['prod-east', '--release', 'nxt'], /nxt.*next/s],
    ['fleet', ['prod-east', '--fleet', 'sandbx'], /sandbx.*sandbox/s],
  ])(
    'an unknown %s is told with those that there are',
    async (_, args, expected) => {
      const [plan, upgrade] = await Promise.all([
        refit(bed, 'plan', ...args),
        refit(bed, 'upgrade', ...args, '-w', 'unknown-name'),
      ]);
      expectError(plan, 1, expected);
      expectError(upgrade, 1, expected);
      await notStarted('unknown-name');
    },
    TEST_MS,
  );

  it(
    'fail a workflow of the stock tool as InvalidInput, with path, value and what was expected',
    async () => {
      const wrong: [string, RegExp][] = [
        [inputOf({ cluster: 'prod-eest' }), /cluster.*prod-eest.*prod-east/s],
        [inputOf({ pools: ['h10'] }), /pools\[0\].*h10.*h100/s],
        [inputOf({ release: 'nxt' }), /release.*nxt.*next/s],
        [inputOf({ fleet: 'sandbx' }), /fleet.*sandbx.*sandbox/s],
        [inputOf({ policy: { drain: { timeout: 'soon' } } }), /policy\.drain\.timeout.*soon.*duration/s],
        [inputOf({ policy: { verify: { checks: ['nccl'] } } }), /policy\.verify\.checks.*nccl/s],
        [inputOf({ realease: 'next' }), /realease.*release/s],
        [inputOf({ nodes: nodes[0] }), /nodes.*ip-10-0-0-1.*list/s],
        ['"upgrade everything"', /upgrade everything/],
      ];
      const failures = await Promise.all(
        wrong.map(([json], at) => failureOf(bed, `wrong-${String(at)}`, json)),
      );
      failures.forEach(({ type, message }, at) => {
        expect({ type, message }).toEqual({ type: 'InvalidInput', message });
        expectReadable(message, [wrong[at]?.[1] ?? /$^/]);
      });
      const alone = await failureOf(bed, 'wrong-node', inputOf({}), 'nodeUpgrade');
      expect(alone).toMatchObject({ type: 'InvalidInput', message: expect.stringContaining('node') });
    },
    TEST_MS,
  );

  it(
    'a JSON that the stock tool itself cannot read never becomes a run',
    async () => {
      const start = ['workflow', 'start', '--task-queue', 'refit', '--type', 'fleetUpgrade', '-w', 'no-json'];
      const said = await stock(bed, 'temporal', [...start, '--input', '{"fleet": ']);
      expect(said.code).not.toBe(0);
      await notStarted('no-json');
    },
    TEST_MS,
  );
});

async function kubeconfigOf(name: string, change: readonly string[]): Promise<string> {
  const path = addFile(bed, `${name}.kubeconfig`, await kubectl(bed, 'config', 'view', '--raw', '--flatten'));
  await kubectl(bed, '--kubeconfig', path, 'config', ...change);
  addFleet(bed, name, ({ clusters }) => {
    for (const cluster of clusters) cluster.connection = { kubeconfig: path, context: 'prod-east' };
  });
  return path;
}

describe('servers that cannot be had', () => {
  it(
    'a missing kubeconfig context is told with those that there are',
    async () => {
      addFleet(bed, 'no-context', ({ clusters }) => {
        for (const cluster of clusters) cluster.connection = { context: 'nowhere' };
      });
      const [plan, failure] = await Promise.all([
        refit(bed, 'plan', 'prod-east', '--fleet', 'no-context'),
        failureOf(bed, 'no-context', inputOf({ fleet: 'no-context' })),
      ]);
      expectError(plan, 1, /no context nowhere/, /prod-east/);
      expect(failure).toEqual({ type: 'Invalid', message: failure.message });
      expectReadable(failure.message, [/no context nowhere/, /prod-east/]);
    },
    TEST_MS,
  );

  it(
    'an API server that does not answer is named, in the plan and in the run that waits for it',
    async () => {
      const server = `https://127.0.0.1:${String(await freePort())}`;
      await kubeconfigOf('unreachable', ['set-cluster', 'prod-east', `--server=${server}`]);
      expectError(await refit(bed, 'plan', 'prod-east', '--fleet', 'unreachable'), 1, server, /ECONNREFUSED/);
      await expectWaiting(bed, 'unreachable', new RegExp(`${server}.*ECONNREFUSED`, 's'));
    },
    TEST_MS,
  );

  it(
    'a missing right is named by verb and resource, in the plan and in the run that waits for it',
    async () => {
      await kubectl(bed, '-n', 'default', 'create', 'serviceaccount', 'weak');
      const token = (await kubectl(bed, '-n', 'default', 'create', 'token', 'weak')).trim();
      const path = await kubeconfigOf('weak', ['set-credentials', 'weak', `--token=${token}`]);
      await kubectl(bed, '--kubeconfig', path, 'config', 'set-context', 'prod-east', '--user=weak');
      const plan = await refit(bed, 'plan', 'prod-east', '--fleet', 'weak');
      expectError(plan, 1, /refused to list (pods|nodes)/, /system:serviceaccount:default:weak/);
      await expectWaiting(bed, 'weak', /refused to (get|create|update) leases/);
    },
    TEST_MS,
  );

  it(
    'a Temporal that does not answer, and a namespace that is not there, are named',
    async () => {
      const address = `127.0.0.1:${String(await freePort())}`;
      const upgrade = ['upgrade', 'prod-east', '--fleet', 'sandbox'];
      const [noServer, noNamespace] = await Promise.all([
        refit(bed, ...upgrade, '--address', address),
        refit(bed, ...upgrade, '--namespace', 'prod'),
      ]);
      expectError(noServer, 1, address);
      expectError(noNamespace, 1, /no namespace "prod"/, bed.sandbox.temporal.address);
    },
    TEST_MS,
  );

  it(
    'a worker says the same of both, and ends with 1',
    async () => {
      const address = `127.0.0.1:${String(await freePort())}`;
      const [noServer, noNamespace] = await Promise.all([
        refit({ ...bed, env: { ...bed.env, TEMPORAL_ADDRESS: address } }, 'worker'),
        refit({ ...bed, env: { ...bed.env, TEMPORAL_NAMESPACE: 'prod' } }, 'worker'),
      ]);
      expectError(noServer, 1, address);
      expectError(noNamespace, 1, /namespace prod/);
    },
    TEST_MS,
  );
});

describe('a cluster that is not as the fleet file says', () => {
  it.each([
    [
      'a selector that matches nothing',
      'nothing',
      (spec) => {
        for (const pool of spec.clusters[0]?.pools ?? []) {
          if (pool.name === 'h100') pool.selector.matchLabels = { 'refit.dev/pool': 'none' };
        }
      },
      [/h100/, /refit\.dev\/pool=none/],
    ],
    [
      'two pools that match the same node',
      'overlap',
      (spec) => {
        for (const pool of spec.clusters[0]?.pools ?? []) {
          if (pool.name === 'batch') pool.selector.matchLabels = { 'nvidia.com/gpu.present': 'true' };
        }
      },
      [/ip-10-0-0-1/, /h100/, /batch/],
    ],
    [
      'a kubelet that is newer than the API server',
      'newer',
      (spec) => {
        for (const release of spec.releases) release.expects = { kubeletVersion: 'v1.37.0' };
      },
      [/release next/, /v1\.37\.0/, /newer than the API server/],
    ],
    [
      'a kubelet more than three minor versions older than the API server',
      'older',
      (spec) => {
        for (const release of spec.releases) release.expects = { kubeletVersion: 'v1.32.9' };
      },
      [/release next/, /v1\.32\.9/, /more than 3 minor versions older/],
    ],
    [
      'an image of another architecture',
      'arm',
      (spec) => {
        for (const release of spec.releases) release.image.ec2 = arm64ImageId;
      },
      [/arm64/, /x86_64/],
    ],
    [
      'an image that is not there',
      'no-image',
      (spec) => {
        for (const release of spec.releases) release.image.ec2 = 'ami-0aaaaaaaaaaaaaaaa';
      },
      [/ami-0aaaaaaaaaaaaaaaa/],
    ],
  ] as [string, string, Parameters<typeof addFleet>[2], RegExp[]][])(
    '%s refuses the run',
    async (_, name, change, parts) => {
      addFleet(bed, name, change);
      await expectRefused(bed, { id: name, fleet: name }, parts);
    },
    TEST_MS,
  );
});

describe('nodes that cannot be taken', () => {
  afterEach(async () => {
    await fault(bed, 'clear');
  });

  it(
    'an instance of an Auto Scaling group refuses the run',
    async () => {
      await fault(bed, 'asg-owned', nodes[0]);
      await expectRefused(bed, { id: 'asg', fleet: 'sandbox' }, [
        /ip-10-0-0-1/,
        /sandbox-group/,
        /autoScalingGroup/,
      ]);
    },
    TEST_MS,
  );

  it.each([
    ['a node group', 'group', 'eks.amazonaws.com/nodegroup', /eksNodeGroup/],
    ['Karpenter', 'karpenter', 'karpenter.sh/nodepool', /karpenter/],
  ])(
    'an instance of %s refuses the run',
    async (_, id, label, owner) => {
      await kubectl(bed, 'label', 'node', nodes[0], `${label}=gpus`);
      try {
        await expectRefused(bed, { id, fleet: 'sandbox' }, [/ip-10-0-0-1/, /gpus/, owner]);
      } finally {
        await kubectl(bed, 'label', 'node', nodes[0], `${label}-`);
      }
    },
    TEST_MS,
  );

  it(
    'a node whose instance is gone refuses the run that names it',
    async () => {
      await fault(bed, 'instance-gone', nodes[0]);
      await expectRefused(bed, { id: 'gone', fleet: 'sandbox', node: nodes[0] }, [
        /ip-10-0-0-1/,
        /does not exist/,
      ]);
    },
    TEST_MS,
  );

  it(
    'a node without providerID refuses the run that names it',
    async () => {
      await fault(bed, 'no-provider-id', nodes[1]);
      await expectRefused(bed, { id: 'no-provider', fleet: 'sandbox', node: nodes[1] }, [
        /ip-10-0-0-2/,
        /providerID/,
      ]);
    },
    TEST_MS,
  );
});

describe('a cluster that another run holds', () => {
  it(
    'is told to whoever comes second, who may give up; and the same id is never started twice',
    async () => {
      const id = 'upgrade.sandbox.prod-east';
      const asking = { release: 'next', policy: { approval: { before: 'node' } } };
      await startRun(bed, id, asking);
      await waitForStatus(bed, id, 'a gate', (seen) => seen.gates.length > 0, LONG_MS);
      const again = await refit(bed, 'upgrade', 'prod-east', '--fleet', 'sandbox');
      expectError(again, 1, /upgrade\.sandbox\.prod-east is open already/);
      await startRun(bed, 'second', asking);
      const waits = (phase: string) => phase === 'waiting-for-cluster';
      const second = await waitForStatus(bed, 'second', 'to wait', (seen) => waits(seen.phase), LONG_MS);
      expect(second.phaseWhy).toContain(`default/${id}/`);
      for (const workflowId of ['second', id]) {
        const aborted = await refit(bed, 'abort', '-w', workflowId, '--reason', 'a test');
        expect(aborted).toEqual({ ...aborted, code: 0 });
        expect((await runEnd(bed, workflowId)).result).toMatchObject({ outcome: 'aborted' });
      }
    },
    TEST_MS,
  );
});
