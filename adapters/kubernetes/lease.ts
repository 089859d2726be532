// One run at a time holds a cluster: the Lease `refit` in `refit-system`, taken, handed over and given
// back by compare-and-swap on its resourceVersion. Never breaks a holder's lease by its age: only the
// one who asks for a takeover by the holder's name may take it.
import { PortError } from '../ports/errors.ts';
import { OWNER } from '../../domain/drain/cordon.ts';
import { FIELD_MANAGER } from '../../domain/drain/cordon.ts';
import type { OwnerMark } from '../../domain/run.ts';
import type { AcquireOutcome, LeaseHolder } from '../ports/kubernetes.ts';
import type { Api, Call } from './api.ts';
import type { Watches } from './watches.ts';

const NAMESPACE = 'refit-system';
const NAME = 'refit';
const LEASES = `/apis/coordination.k8s.io/v1/namespaces/${NAMESPACE}/leases`;
/** Two runs that start at once meet once or twice; more is somebody writing the Lease by hand. */
const CONFLICTS_MAX = 5;

type Lease = {
  metadata: { resourceVersion: string; creationTimestamp?: string };
  spec?: { holderIdentity?: string | null; acquireTime?: string | null };
};

type Bed = { api: Api; watches: Watches; now: () => Date };

export async function acquireLease(
  bed: Bed,
  o: { owner: OwnerMark; takeOverFrom: OwnerMark | null },
): Promise<AcquireOutcome> {
  for (let conflicts = 0; conflicts < CONFLICTS_MAX; conflicts += 1) {
    const lease = await readLease(bed.api);
    if (lease === undefined) {
      if (await createLease(bed, o.owner)) return { kind: 'held' };
      continue;
    }
    const holder = lease.spec?.holderIdentity ?? '';
    if (holder === o.owner) return { kind: 'held' };
    if (holder !== '' && holder !== o.takeOverFrom) {
      const by: LeaseHolder = {
        holder,
        since: lease.spec?.acquireTime ?? lease.metadata.creationTimestamp ?? '',
        resourceVersion: lease.metadata.resourceVersion,
      };
      return { kind: 'heldByOther', by, nodesMarked: await findMarked(bed.watches, holder) };
    }
    if (await swapHolder(bed, lease, o.owner)) return { kind: 'held' };
  }
  throw new PortError(
    'conflict',
    `the Lease ${NAMESPACE}/${NAME} was changed ${CONFLICTS_MAX} times while we took it`,
  );
}

export async function releaseLease(bed: Bed, o: { owner: OwnerMark }): Promise<void> {
  for (let conflicts = 0; conflicts < CONFLICTS_MAX; conflicts += 1) {
    const lease = await readLease(bed.api);
    // Somebody else's by now, or nobody's: there is nothing of ours to give back.
    if (lease?.spec?.holderIdentity !== o.owner) return;
    if (await swapHolder(bed, lease, null)) return;
  }
  throw new PortError(
    'conflict',
    `the Lease ${NAMESPACE}/${NAME} was changed ${CONFLICTS_MAX} times while we gave it back`,
  );
}

async function readLease(api: Api): Promise<Lease | undefined> {
  const call: Call = {
    subject: { verb: 'get', resource: 'leases.coordination.k8s.io', name: NAME, namespace: NAMESPACE },
    path: `${LEASES}/${NAME}`,
  };
  const answer = await api.call(call);
  if (answer.status === 404) return undefined;
  if (answer.status !== 200) throw api.refusal(call, answer);
  return answer.body as Lease;
}

/** True when we hold it now; false when somebody was faster. */
async function createLease(bed: Bed, owner: OwnerMark): Promise<boolean> {
  const call: Call = {
    subject: { verb: 'create', resource: 'leases.coordination.k8s.io', name: NAME, namespace: NAMESPACE },
    path: LEASES,
    query: { fieldManager: FIELD_MANAGER },
    body: {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: NAME, namespace: NAMESPACE },
      spec: { holderIdentity: owner, acquireTime: microTime(bed.now()) },
    },
  };
  const answer = await bed.api.call(call);
  if (answer.status === 201) return true;
  if (answer.status === 409) return false;
  // No such namespace yet.
  if (answer.status !== 404) throw bed.api.refusal(call, answer);
  await ensureNamespace(bed.api);
  return false;
}

async function ensureNamespace(api: Api): Promise<void> {
  const call: Call = {
    subject: { verb: 'create', resource: 'namespaces', name: NAMESPACE },
    path: '/api/v1/namespaces',
    query: { fieldManager: FIELD_MANAGER },
    body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } },
  };
  const answer = await api.call(call);
  if (answer.status !== 201 && answer.status !== 409) throw api.refusal(call, answer);
}

async function swapHolder({ api, now }: Bed, lease: Lease, holder: OwnerMark | null): Promise<boolean> {
  const call: Call = {
    subject: { verb: 'patch', resource: 'leases.coordination.k8s.io', name: NAME, namespace: NAMESPACE },
    path: `${LEASES}/${NAME}`,
    query: { fieldManager: FIELD_MANAGER },
    body: {
      metadata: { resourceVersion: lease.metadata.resourceVersion },
      spec: { holderIdentity: holder, acquireTime: holder === null ? null : microTime(now()) },
    },
  };
  const answer = await api.call(call);
  if (answer.status === 200) return true;
  // 404: deleted in between; the next round creates it.
  if (answer.status === 409 || answer.status === 404) return false;
  throw api.refusal(call, answer);
}

async function findMarked(watches: Watches, holder: OwnerMark): Promise<readonly string[]> {
  await watches.nodes.synced();
  return [...watches.nodes.values()]
    .filter((node) => node.annotations[OWNER] === holder)
    .map((node) => node.name)
    .sort();
}

/** Leases carry microseconds; the API refuses plain milliseconds. */
function microTime(date: Date): string {
  return date.toISOString().replace('Z', '000Z');
}
