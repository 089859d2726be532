// The port's implementation, composed: one connection pool, one rate limit, one set of shared watches
// for each cluster in this process, made at first use.
import { Drain } from './drain.ts';
import { DrainMemory } from './drain-memory.ts';
import { PdbSlots } from './pdb-slots.ts';
import { acquireLease, releaseLease } from './lease.ts';
import {
  checkEmpty,
  collectDaemonSets,
  collectForcePods,
  collectImpact,
  collectNodes,
  collectNodesCached,
  collectRejoin,
  collectVersion,
  planDrain,
} from './observe.ts';
import { collectDrainFacts } from './drain-facts.ts';
import { createApi } from './api.ts';
import { createCredentials } from './credentials.ts';
import { createWatches, stopWatches } from './watches.ts';
import { adoptNodes, ensureCordoned, ensureUncordoned } from './cordon.ts';
import { ensureRebootNoted } from './reboot-note.ts';
import { ensureNodeDeleted } from './node-delete.ts';
import { loadKubeConfig } from './kubeconfig.ts';
import type { ClusterRef } from '../../domain/fleet.ts';
import type { Kubernetes, KubernetesCluster } from '../ports/kubernetes.ts';
import type { Api } from './api.ts';

export type KubernetesOptions = {
  env?: NodeJS.ProcessEnv;
  now?: () => Date;
  random?: () => number;
  /** Requests a second to each API server. */
  requestsPerSecond?: number;
};

type Connected = { cluster: KubernetesCluster; close: () => Promise<void> };

export function createKubernetes(o: KubernetesOptions = {}): Kubernetes {
  const clusters = new Map<string, Connected>();
  return {
    cluster(ref) {
      // Two refs that reach the same place in the same way share everything.
      const key = JSON.stringify([ref.name, ref.connection]);
      const known = clusters.get(key);
      if (known !== undefined) return known.cluster;
      const connected = connect(ref, o);
      clusters.set(key, connected);
      return connected.cluster;
    },
    async close() {
      await Promise.all([...clusters.values()].map((each) => each.close()));
      clusters.clear();
    },
  };
}

function connect(ref: ClusterRef, o: KubernetesOptions): Connected {
  const credentials = createCredentials(() => loadKubeConfig(ref.connection, o.env));
  const { requestsPerSecond } = o;
  const api = createApi({
    cluster: ref.name,
    credentials,
    ...(requestsPerSecond === undefined ? {} : { requestsPerSecond }),
  });
  return createCluster(api, o);
}

function createCluster(api: Api, o: KubernetesOptions): Connected {
  const bed = {
    api,
    watches: createWatches(api),
    slots: new PdbSlots(),
    memory: new DrainMemory(),
    now: o.now ?? (() => new Date()),
    random: o.random ?? Math.random,
  };
  return {
    cluster: {
      collectVersion: () => collectVersion(api),
      collectNodes: () => collectNodes(bed),
      collectNodesCached: () => collectNodesCached(bed),
      collectDaemonSets: (node) => collectDaemonSets(bed, node),
      collectImpact: (node) => collectImpact(bed, node),
      collectDrainFacts: (asked) => collectDrainFacts(bed, asked),
      collectRejoin: (node) => collectRejoin(bed, node),
      ensureCordoned: (asked) => ensureCordoned(bed, asked),
      ensureNodeDeleted: (asked) => ensureNodeDeleted(bed, asked),
      ensureUncordoned: (asked) => ensureUncordoned(bed, asked),
      drain: (asked) => new Drain(bed, asked).run(),
      planDrain: (asked) => planDrain(api, asked),
      collectForcePods: (asked) => collectForcePods(bed, asked),
      checkEmpty: (asked) => checkEmpty(bed, asked),
      ensureRebootNoted: (asked) => ensureRebootNoted(bed, asked),
      acquireLease: (asked) => acquireLease(bed, asked),
      adoptNodes: (asked) => adoptNodes(bed, asked),
      releaseLease: (asked) => releaseLease(bed, asked),
    },
    async close() {
      await stopWatches(bed.watches);
      await api.close();
    },
  };
}
