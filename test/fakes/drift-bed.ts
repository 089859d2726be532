// A fleet of two clusters in memory, whose nodes a test lets fall behind, and a notifier that keeps what it is given.
import type { ActivityDeps } from '../../activities/deps.ts';
import type { NoticeMessage } from '../../adapters/ports/notifier.ts';
import { PortError } from '../../adapters/ports/errors.ts';
import { InvalidFleet } from '../../domain/invalid-fleet.ts';
import { NOTIFICATION_EVENTS } from '../../domain/notification.ts';
import type { RunDefinition } from '../../domain/run.ts';
import {
  NEW,
  OLD,
  instanceOf,
  sampleDefinition,
  sampleNode,
  samplePool,
} from '../domain/planning/sample-fleet.ts';
import { imageFacts } from './fake-instances.ts';
import { createFakeBed } from './node-input.ts';
import { createFakeKubernetes } from './fake-kubernetes.ts';

export type DriftBed = {
  deps: ActivityDeps;
  records: ReturnType<typeof createFakeBed>['records'];
  /** Names of variables are all that a definition has of it. */
  told: NoticeMessage[];
  /** Nobody takes a message while it is set. */
  deaf: { now: boolean };
  /** The node shows this kubelet from now on. */
  show: (cluster: string, node: string, kubeletVersion: string) => void;
  /** The cluster cannot be asked from now on; null: it can. */
  fail: (cluster: string, error: PortError | null) => void;
};

const CLUSTERS = ['dev', 'prod-east'];

export function createDriftBed(o: { notifies: boolean } = { notifies: true }): DriftBed {
  const bed = createFakeBed();
  const kubernetes = createFakeKubernetes();
  const told: NoticeMessage[] = [];
  const deaf = { now: false };
  for (const { imageId } of [OLD, NEW]) bed.instances.images.set(imageId, imageFacts({ imageId }));
  const target = { name: 'oncall', form: 'binary' as const, urlEnv: 'REFIT_NOTIFY_URL', headers: [] };
  const notifications = [{ ...target, events: NOTIFICATION_EVENTS }];
  const show = (cluster: string, name: string, kubeletVersion: string) => {
    const node = sampleNode('h100', 1, { name, kubeletVersion });
    kubernetes.fakeCluster(cluster).nodes.set(name, node);
    bed.instances.instances.set(`i-${name}`, instanceOf(node));
  };
  for (const cluster of CLUSTERS) for (const node of ['n1', 'n2']) show(cluster, node, 'v1.36.1');
  const definitionOf = (name: string): RunDefinition => {
    const { cluster } = sampleDefinition();
    const pools = [samplePool('h100')];
    const connection = { kind: 'context' as const, context: name };
    const definition = sampleDefinition({ pools, cluster: { ...cluster, name, connection } });
    return o.notifies ? { ...definition, notifications } : definition;
  };
  const deps: ActivityDeps = {
    ...bed.deps,
    kubernetes,
    notifier: {
      send: (_, message) => {
        if (deaf.now) return Promise.reject(new PortError('invalid', 'notification oncall answered 404'));
        told.push(message);
        return Promise.resolve();
      },
    },
    fleetFiles: {
      ...bed.deps.fleetFiles,
      collectTiers: async (asked) => {
        const tiers = await bed.deps.fleetFiles.collectTiers(asked);
        const clusters = CLUSTERS.map((name) => ({
          name,
          tier: 'prod' as const,
          region: 'r',
          sla: true,
          pools: [],
        }));
        return { ...tiers, clusters };
      },
      resolveRun: ({ cluster }) => {
        if (CLUSTERS.includes(cluster)) return Promise.resolve(definitionOf(cluster));
        const place = { file: 'input', line: null, column: null, path: 'cluster', fix: null };
        return Promise.reject(
          new InvalidFleet([{ ...place, found: cluster, expected: CLUSTERS.join(', ') }]),
        );
      },
    },
  };
  const fail = (cluster: string, error: PortError | null) => {
    kubernetes.fakeCluster(cluster).failure = error;
  };
  return { deps, records: bed.records, told, deaf, show, fail };
}
