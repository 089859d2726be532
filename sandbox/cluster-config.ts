// What kwokctl is told about a cluster: local binaries, chosen ports, and times short enough that a dead
// node is noticed while somebody watches. Nothing in it may make kwokctl download anything.
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import type { BinaryName } from './binary-pins.ts';
import { freePort } from './ports.ts';

const auditPolicyFile = fileURLToPath(new URL('audit-policy.yaml', import.meta.url));
const stageFiles = ['node.yaml', 'pod.yaml'].map((file) =>
  fileURLToPath(new URL(`stages/${file}`, import.meta.url)),
);

// The Lease is renewed every quarter of it. Half of the usual grace, so that a dead node is Unknown in
// seconds; shorter, and a busy machine of two cores loses nodes that are alive.
const NODE_LEASE_SECONDS_MIN = 40;
/** More writes of Leases than this, and a large fleet on two cores is lost sight of while it is alive. */
const LEASES_PER_SECOND_MAX = 20;
const LEASE_RENEWALS = 4;
/** Of the Lease's duration, in thousandths: 16 s of 40. */
const NODE_MONITOR_GRACE = 400;
const NODE_MONITOR_PERIOD_MS = 1_000;
// In megabytes. By default the log is rotated at 100, and what was rotated away no test would read.
const AUDIT_LOG_SIZE_MAX = 4_096;

// The controller manager allows itself 20 requests a second by default: a drain of many nodes would be
// measured against that, and a new fleet would fill slowly. The API server's own fairness stays on.
const CLIENT_REQUESTS_PER_SECOND = 200;
const clientRate = [
  { key: 'kube-api-qps', value: String(CLIENT_REQUESTS_PER_SECOND) },
  { key: 'kube-api-burst', value: String(2 * CLIENT_REQUESTS_PER_SECOND) },
];

export type ClusterBinaries = Record<Exclude<BinaryName, 'temporal'>, string>;

interface ClusterPorts {
  apiServer: number;
  etcd: number;
  etcdPeer: number;
  controllerManager: number;
  scheduler: number;
  kwok: number;
}

export interface ClusterConfig {
  binaries: ClusterBinaries;
  ports: ClusterPorts;
  kubeVersion: string;
  /** How many nodes it will hold. */
  nodes: number;
}

export async function chooseClusterPorts(): Promise<ClusterPorts> {
  return {
    apiServer: await freePort(),
    etcd: await freePort(),
    etcdPeer: await freePort(),
    controllerManager: await freePort(),
    scheduler: await freePort(),
    kwok: await freePort(),
  };
}

/** Seconds: from 200 nodes on the Leases of a fleet are written at the same rate, whatever its size. */
export function nodeLeaseSeconds(nodes: number): number {
  return Math.max(NODE_LEASE_SECONDS_MIN, Math.ceil((nodes * LEASE_RENEWALS) / LEASES_PER_SECOND_MAX));
}

function kwokctlConfiguration(o: ClusterConfig): unknown {
  const { binaries, ports, kubeVersion } = o;
  const leaseSeconds = nodeLeaseSeconds(o.nodes);
  return {
    kind: 'KwokctlConfiguration',
    apiVersion: 'config.kwok.x-k8s.io/v1alpha1',
    options: {
      runtime: 'binary',
      kubeVersion: `v${kubeVersion}`,
      bindAddress: '127.0.0.1',
      etcdBinary: binaries.etcd,
      kubeApiserverBinary: binaries['kube-apiserver'],
      kubeControllerManagerBinary: binaries['kube-controller-manager'],
      kubeSchedulerBinary: binaries['kube-scheduler'],
      kubectlBinary: binaries.kubectl,
      kwokControllerBinary: binaries.kwok,
      kubeApiserverPort: ports.apiServer,
      etcdPort: ports.etcd,
      etcdPeerPort: ports.etcdPeer,
      kubeControllerManagerPort: ports.controllerManager,
      kubeSchedulerPort: ports.scheduler,
      kwokControllerPort: ports.kwok,
      kubeAuditPolicy: auditPolicyFile,
      heartbeatFactor: 1,
      nodeLeaseDurationSeconds: leaseSeconds,
      kubeControllerManagerNodeMonitorPeriodMilliseconds: NODE_MONITOR_PERIOD_MS,
      kubeControllerManagerNodeMonitorGracePeriodMilliseconds: leaseSeconds * NODE_MONITOR_GRACE,
      enableCRDs: ['Logs', 'ClusterLogs', 'Exec', 'ClusterExec'],
    },
    componentsPatches: [
      // The data lives as long as the sandbox: nothing is lost by not waiting for the disk.
      { name: 'etcd', extraArgs: [{ key: 'unsafe-no-fsync', value: 'true' }] },
      {
        name: 'kube-apiserver',
        extraArgs: [{ key: 'audit-log-maxsize', value: String(AUDIT_LOG_SIZE_MAX) }],
      },
      // There is one of each: an election only costs requests, and the wait for the first one.
      {
        name: 'kube-controller-manager',
        extraArgs: [{ key: 'leader-elect', value: 'false' }, ...clientRate],
      },
      { name: 'kube-scheduler', extraArgs: [{ key: 'leader-elect', value: 'false' }, ...clientRate] },
    ],
  };
}

/**
 * Real kubelets work side by side; kwok's four hands would make a whole fleet wait in one line, and a drain
 * would be measured against that. A document of one's own drops kwok's defaults: the rest is them again.
 */
const kwokConfiguration = {
  kind: 'KwokConfiguration',
  apiVersion: 'config.kwok.x-k8s.io/v1alpha1',
  options: {
    podPlayStageParallelism: 32,
    cidr: '10.0.0.0/24',
    nodePlayStageParallelism: 4,
    nodeLeaseParallelism: 4,
    podsOnNodeSyncParallelism: 1,
    enablePodsOnNodeSyncListPager: true,
    enableDebuggingHandlers: true,
    enableProfilingHandler: true,
  },
};

/** The configuration and the stages as one YAML stream. */
export async function renderClusterConfig(o: ClusterConfig): Promise<string> {
  const stages = await Promise.all(stageFiles.map((file) => readFile(file, 'utf8')));
  const kwokctl = stringify(kwokctlConfiguration(o));
  return [kwokctl, stringify(kwokConfiguration), ...stages].join('---\n');
}
