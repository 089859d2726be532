// The three ways to drain that are compared. Each answers when every node that it was given is empty, with how
// often it had to be called again; none is told how it will be measured.
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import PQueue from 'p-queue';
import { createKubernetes } from '../adapters/kubernetes/connect.ts';
import type { DrainResume, KubernetesCluster } from '../adapters/ports/kubernetes.ts';
import { renderOwnerMark } from '../domain/owner-mark.ts';
import type { BenchBed } from './bed.ts';
import { LANES, SELECTORS } from './load.ts';
import type { DrainedNode } from './load.ts';

/** As many as a run with a budget of a tenth of 200 nodes has under way. */
export const NODES_IN_FLIGHT = 20;
/** What drainNode's stalled attempt asks the server to wait before the next one. */
const STALLED_PAUSE_MS = 600;
const KUBECTL_TIMEOUT = '20m';
const KUBECTL_AGAIN_MAX = 20;

/** What kubectl said when it gave up, or undefined when the nodes are drained. */
async function kubectlDrainOnce(bed: BenchBed, selector: string): Promise<string | undefined> {
  const args = ['--kubeconfig', bed.cluster.kubeconfig, '--context', bed.cluster.context];
  args.push('--cache-dir', join(bed.dir, 'kubectl-cache'), 'drain', '--selector', selector);
  args.push('--ignore-daemonsets', '--delete-emptydir-data', '--timeout', KUBECTL_TIMEOUT);
  const child = spawn('kubectl', args, { env: bed.env, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-2000)));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return code === 0 ? undefined : said;
}

/**
 * kubectl gives up at the first conflict on a PDB's status: then it is called again, as a person would, for
 * the nodes that are left. Answers how often that was needed.
 */
async function kubectlDrain(bed: BenchBed, selector: string): Promise<number> {
  for (let again = 0; ; again += 1) {
    const said = await kubectlDrainOnce(bed, selector);
    if (said === undefined) return again;
    if (again === KUBECTL_AGAIN_MAX)
      throw new Error(`kubectl drain --selector ${selector} ended with: ${said}`);
  }
}

export async function kubectlSequential(bed: BenchBed): Promise<number> {
  return kubectlDrain(bed, SELECTORS.sequential);
}

export async function kubectlSideBySide(bed: BenchBed): Promise<number> {
  const lanes = Array.from({ length: LANES }, (_, lane) => kubectlDrain(bed, SELECTORS.lane(lane)));
  return (await Promise.all(lanes)).reduce((sum, again) => sum + again, 0);
}

/** A worker's own connection, with its own watches; cold, as after a worker's start. */
async function withRefit<T>(bed: BenchBed, work: (cluster: KubernetesCluster) => Promise<T>): Promise<T> {
  const kubernetes = createKubernetes({ env: bed.env });
  const { kubeconfig, context, name } = bed.cluster;
  try {
    return await work(
      kubernetes.cluster({
        name,
        connection: { kind: 'kubeconfig', path: kubeconfig, context },
        provider: { kind: 'ec2', region: 'us-east-1' },
      }),
    );
  } finally {
    await kubernetes.close();
  }
}

export async function refitSideBySide(bed: BenchBed, nodes: readonly DrainedNode[]): Promise<number> {
  await withRefit(bed, (cluster) => drainAll(cluster, nodes));
  return 0;
}

async function drainAll(cluster: KubernetesCluster, nodes: readonly DrainedNode[]): Promise<void> {
  const owner = renderOwnerMark({
    namespace: 'default',
    workflowId: 'bench',
    firstExecutionRunId: randomUUID(),
  });
  const queue = new PQueue({ concurrency: NODES_IN_FLIGHT });
  const failed = new AbortController();
  const drain = async (node: DrainedNode): Promise<void> => {
    try {
      await drainNode(cluster, { node: node.name, uid: node.uid, owner }, failed.signal);
    } catch (error) {
      queue.clear();
      failed.abort(error);
      throw error;
    }
  };
  await Promise.all(nodes.map((node) => queue.add(() => drain(node))));
}

/** From cordon to uncordon, with the consistent look that stands right before a reimage. */
async function drainNode(
  cluster: KubernetesCluster,
  o: { node: string; uid: string; owner: string },
  signal: AbortSignal,
): Promise<void> {
  const cordon = await cluster.ensureCordoned(o);
  if (cordon.kind !== 'cordoned') throw new Error(`${o.node} was not cordoned: ${JSON.stringify(cordon)}`);
  await drainUntilEmpty(cluster, o, signal);
  const check = await cluster.checkEmpty(o);
  if (check.kind !== 'empty') throw new Error(`${o.node} is not empty: ${JSON.stringify(check)}`);
  const uncordon = await cluster.ensureUncordoned({ ...o, release: null });
  if (uncordon.kind !== 'uncordoned')
    throw new Error(`${o.node} stays cordoned: ${JSON.stringify(uncordon)}`);
}

async function drainUntilEmpty(
  cluster: KubernetesCluster,
  o: { node: string; uid: string; owner: string },
  signal: AbortSignal,
): Promise<void> {
  let resume: DrainResume | null = null;
  for (;;) {
    const outcome = await cluster.drain({
      ...o,
      resume,
      signal,
      beforeEvicting: () => Promise.resolve(),
      onBlockersChanged: () => undefined,
      onHeartbeat: () => undefined,
    });
    if (outcome.kind === 'drained') return;
    if (outcome.kind === 'unsafe') throw new Error(`${o.node}: ${outcome.why}`);
    resume = outcome.resume;
    await pause(STALLED_PAUSE_MS, undefined, { signal });
  }
}
