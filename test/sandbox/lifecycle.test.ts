// Whole sandboxes, side by side, up and down, and what is left of them.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { clusterProcess, restartApiServer, startApiServer } from '../../sandbox/cluster.ts';
import { processIdentity } from '../../sandbox/process-identity.ts';
import { crashProcess, recordedProcesses, runningPid } from '../../sandbox/processes.ts';
import { down, env, environment, status, up } from '../../sandbox/sandbox.ts';
import type { SandboxStatus } from '../../sandbox/status.ts';
import { restartTemporal, searchAttributes, stopTemporal } from '../../sandbox/temporal-server.ts';
import { waitUntil } from '../../sandbox/waiting.ts';

const run = promisify(execFile);

// The servers' binaries may have to be built first.
const UP_TIMEOUT_MS = 60 * 60_000;
const SERVER_TIMEOUT_MS = 1_800_000;

let base: string;
let first: string;
let second: string;

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'refit-lifecycle-'));
  first = join(base, 'first');
  second = join(base, 'second');
  await Promise.all([up({ dir: first, nodes: 2, clusters: 2 }), up({ dir: second, nodes: 2, seed: 7 })]);
}, UP_TIMEOUT_MS);

afterAll(async () => {
  await Promise.all([down({ dir: first }), down({ dir: second })]);
  await rm(base, { recursive: true, force: true });
}, SERVER_TIMEOUT_MS);

async function seen(dir: string): Promise<SandboxStatus> {
  return (await status({ dir })).status;
}

function portsOf(s: SandboxStatus): number[] {
  const urls = [
    `http://${s.temporal.address}`,
    s.temporal.ui,
    s.ec2.endpoint,
    ...s.clusters.map((c) => c.server),
  ];
  return urls.map((url) => Number(new URL(url).port));
}

async function recordedPids(dir: string): Promise<number[]> {
  const names = await recordedProcesses(dir);
  const pids = await Promise.all(names.map((name) => runningPid({ name, dir })));
  return pids.filter((pid) => pid !== undefined);
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

async function inShell(dir: string, command: string, before = ''): Promise<string> {
  const { stdout } = await run('sh', ['-c', `${before}\n${await env({ dir })}\n${command}`]);
  return stdout;
}

describe('two sandboxes side by side', () => {
  it('have the shape that scripts rely on, and every process runs', async () => {
    const s = await seen(first);
    expect(s).toEqual({
      dir: first,
      temporal: {
        address: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
        namespace: 'default',
        ui: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
        pid: expect.any(Number),
      },
      clusters: ['prod-east', 'prod-east-2'].map((name) => ({
        name,
        context: name,
        kubeconfig: join(first, 'kubeconfig'),
        server: expect.stringMatching(/^https:\/\/127\.0\.0\.1:\d+$/),
        auditLog: expect.stringContaining(first),
        pids: {
          etcd: expect.any(Number),
          'kube-apiserver': expect.any(Number),
          'kube-controller-manager': expect.any(Number),
          'kube-scheduler': expect.any(Number),
          'kwok-controller': expect.any(Number),
        },
      })),
      ec2: { endpoint: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+/), pid: expect.any(Number) },
      fleet: join(first, 'fleet.yaml'),
      images: {
        good: expect.stringMatching(/^ami-/),
        next: expect.stringMatching(/^ami-/),
        neverRejoins: expect.stringMatching(/^ami-/),
        wrongVersion: expect.stringMatching(/^ami-/),
        failsChecks: expect.stringMatching(/^ami-/),
      },
    });
    expect((await status({ dir: second })).ended).toEqual([]);
  });

  it('share no port', async () => {
    const ports = [...portsOf(await seen(first)), ...portsOf(await seen(second))];
    expect(new Set(ports).size).toBe(ports.length);
    for (const port of ports) expect(await listens(port)).toBe(true);
  });

  it('answer in a shell that evaluated the lines of env', async () => {
    expect(await inShell(first, 'kubectl get namespace refit-system -o name')).toBe(
      'namespace/refit-system\n',
    );
    expect(await inShell(first, 'kubectl --context prod-east-2 version -o json')).toContain(
      '"gitVersion": "v1.36.1"',
    );
    expect(await inShell(second, 'temporal operator cluster health')).toContain('SERVING');
    const attributes = await inShell(second, 'temporal operator search-attribute list -o json');
    for (const name of Object.keys(searchAttributes)) expect(attributes).toContain(name);
  });

  it("answer in a shell that was set up for somebody's own server", async () => {
    const own = [
      "export TEMPORAL_TLS=true TEMPORAL_TLS_SERVER_CA_CERT_DATA='a certificate' TEMPORAL_PROFILE=prod",
      'export AWS_PROFILE=prod AWS_ENDPOINT_URL=https://ec2.example',
    ].join('\n');
    expect(await inShell(first, 'temporal operator cluster health', own)).toContain('SERVING');
  });

  it('are left alone by a second up, which says so', async () => {
    const before = await recordedPids(first);
    const said: string[] = [];
    const again = await up({ dir: first, onProgress: (event) => said.push(event.text) });
    expect(again.started).toBe(false);
    expect(said.join('\n')).toContain('is up already');
    expect(await recordedPids(first)).toEqual(before);
  });

  it('refuse to be taken for one of another size', async () => {
    const before = await recordedPids(first);
    await expect(up({ dir: first, nodes: 7 })).rejects.toThrow(
      /is up already, with nodes \d+, not 7\. Take it down first \(refit sandbox down\)/,
    );
    expect(await recordedPids(first)).toEqual(before);
  });

  it('write down who changed what of a node, with its content', async () => {
    const node = JSON.stringify({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'audited' } });
    await inShell(second, `echo '${node}' | kubectl create -f - && kubectl delete node audited`);
    const log = await readFile((await seen(second)).clusters[0]?.auditLog ?? '', 'utf8');
    const events = log
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const writes = events.filter(
      (e) => String(e['requestURI']).startsWith('/api/v1/nodes') && e['verb'] === 'create',
    );
    expect(
      writes.some((e) => e['level'] === 'Request' && JSON.stringify(e['requestObject']).includes('audited')),
    ).toBe(true);
    const leases = events.filter(
      (e) => (e['objectRef'] as { resource?: string } | undefined)?.resource === 'leases',
    );
    expect(leases).toEqual([]);
  });
});

describe('a server that is killed', () => {
  it(
    'is told by status, and up does not pretend that all is well',
    async () => {
      await crashProcess({ name: 'temporal', dir: second });
      const s = await status({ dir: second });
      expect(s.ended).toEqual(['temporal']);
      expect(s.status.temporal.pid).toBeNull();
      await expect(up({ dir: second })).rejects.toThrow(/temporal ended/);
      await stopTemporal({ dir: second });
      await restartTemporal({ dir: second });
      expect((await status({ dir: second })).ended).toEqual([]);
    },
    SERVER_TIMEOUT_MS,
  );

  it(
    'comes back on the same address with every workflow, when it is Temporal',
    async () => {
      const { temporal } = await seen(first);
      await inShell(first, 'temporal workflow start -w survivor --type any -t nobody');
      await crashProcess({ name: 'temporal', dir: first });
      const back = await restartTemporal({ dir: first });
      expect(back.address).toBe(temporal.address);
      let told = '';
      await waitUntil({
        condition: async () => {
          // It answers before all of its shards are there again.
          told = await inShell(first, 'temporal workflow describe -w survivor -o json').catch(() => '');
          return told !== '';
        },
        timeoutMs: SERVER_TIMEOUT_MS,
        onTimeout: () => new Error('the server never said what became of the workflow'),
      });
      expect(told).toContain('WORKFLOW_EXECUTION_STATUS_RUNNING');
    },
    SERVER_TIMEOUT_MS,
  );

  it(
    'comes back on the same port with every object, when it is the API server',
    async () => {
      const cluster = (await seen(first)).clusters[0];
      await inShell(first, 'kubectl create namespace survivor');
      const { pid } = await restartApiServer({
        dir: first,
        name: 'prod-east',
        server: cluster?.server ?? '',
      });
      expect(pid).not.toBe(cluster?.pids['kube-apiserver']);
      expect(await inShell(first, 'kubectl get namespace survivor -o name')).toBe('namespace/survivor\n');
      expect(await runningPid(clusterProcess({ dir: first, name: 'prod-east' }, 'kube-apiserver'))).toBe(pid);
    },
    SERVER_TIMEOUT_MS,
  );

  it(
    'can stay away for a while, when it is the API server',
    async () => {
      const cluster = (await seen(first)).clusters[1];
      const place = { dir: first, name: 'prod-east-2', server: cluster?.server ?? '' };
      await crashProcess(clusterProcess(place, 'kube-apiserver'));
      expect((await status({ dir: first })).ended).toEqual(['prod-east-2.kube-apiserver']);
      await expect(inShell(first, 'kubectl --context prod-east-2 get nodes')).rejects.toThrow(/refused/);
      await startApiServer(place);
      expect((await status({ dir: first })).ended).toEqual([]);
    },
    SERVER_TIMEOUT_MS,
  );
});

describe('down', () => {
  it(
    'leaves nothing: no process, no port, no file; and a second one has nothing to do',
    async () => {
      for (const dir of [first, second]) {
        const ports = portsOf(await seen(dir));
        const pids = await recordedPids(dir);
        expect(pids.length).toBeGreaterThan(5);
        expect(await down({ dir })).toBe(true);
        for (const pid of pids) expect(await processIdentity(pid)).toBeUndefined();
        for (const port of ports) expect(await listens(port)).toBe(false);
        expect(existsSync(dir)).toBe(false);
        expect(await down({ dir })).toBe(false);
        await expect(environment({ dir })).rejects.toThrow(/no sandbox in/);
      }
    },
    SERVER_TIMEOUT_MS,
  );
});

describe('a start that does not come to its end', () => {
  it(
    'stops what it had started, when it is interrupted',
    async () => {
      const dir = join(base, 'interrupted');
      const interrupt = new AbortController();
      const started: number[] = [];
      const start = up({
        dir,
        nodes: 1,
        signal: interrupt.signal,
        onProgress: (event) => {
          if (event.text.startsWith('Cluster')) interrupt.abort(new Error('stopped by hand'));
        },
      });
      const watch = setInterval(() => {
        void recordedPids(dir).then((pids) => started.push(...pids));
      }, 200);
      await expect(start).rejects.toThrow('stopped by hand');
      clearInterval(watch);
      expect(started.length).toBeGreaterThan(0);
      for (const pid of new Set(started)) expect(await processIdentity(pid)).toBeUndefined();
      expect(existsSync(dir)).toBe(false);
    },
    SERVER_TIMEOUT_MS,
  );

  it(
    'can be taken down after it was killed in the middle',
    async () => {
      const dir = join(base, 'killed');
      const sandbox = new URL('../../sandbox/sandbox.ts', import.meta.url).href;
      const script = `(await import(${JSON.stringify(sandbox)})).up({ dir: ${JSON.stringify(dir)}, nodes: 1, onProgress: (e) => console.log(e.text) })`;
      const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await new Promise<void>((resolve) => {
        let said = '';
        child.stdout.on('data', (chunk: Buffer) => {
          said += chunk.toString();
          if (said.includes('Temporal: ready after')) resolve();
        });
      });
      child.kill('SIGKILL');
      const pids = await recordedPids(dir);
      expect(pids.length).toBeGreaterThan(0);
      await expect(status({ dir })).rejects.toThrow(/broke off/);
      expect(await down({ dir })).toBe(true);
      for (const pid of pids) expect(await processIdentity(pid)).toBeUndefined();
      expect(existsSync(dir)).toBe(false);
    },
    SERVER_TIMEOUT_MS,
  );

  it('is refused before anything is touched: a folder with other things in it, or a silly number', async () => {
    const dir = await mkdtemp(join(base, 'taken-'));
    await writeFile(join(dir, 'thesis.txt'), 'years of work');
    await expect(up({ dir })).rejects.toThrow(/thesis\.txt/);
    expect(await down({ dir })).toBe(false);
    expect(existsSync(join(dir, 'thesis.txt'))).toBe(true);
    await expect(up({ dir: join(base, 'a b') })).rejects.toThrow(/has a space in its name/);
    await expect(up({ dir: join(base, 'many'), nodes: 5000 })).rejects.toThrow(/--nodes is 5000/);
    expect(existsSync(join(base, 'many'))).toBe(false);
  });
});
