// Cordon, and its reverse: each one write on the Node under our owner mark, each short enough for a
// local activity. Must never lift a cordon that is not ours, nor one of a quarantined node.
import type { KubernetesCluster, UncordonOutcome } from '../adapters/ports/kubernetes.ts';
import { QUARANTINE_ANNOTATION } from '../domain/planning/node-reading.ts';
import type { NodeActivities, PutBackResult } from './api.ts';
import { mapped } from './attempt.ts';
import type { ActivityDeps } from './deps.ts';
import { whyWithheld } from './grant.ts';

export function createCordonActivities(
  deps: ActivityDeps,
): Pick<NodeActivities, 'cordonNode' | 'uncordonNode' | 'putBackNode'> {
  return {
    cordonNode: (o) =>
      mapped(async () => {
        const withheld = await whyWithheld(deps.runs, o);
        if (withheld !== undefined) return withheld;
        const { node, uid } = o.step;
        const cordon = await deps.kubernetes
          .cluster(o.cluster)
          .ensureCordoned({ node, uid, owner: o.run.owner });
        return cordon.kind === 'alreadyOurs' ? { kind: 'cordoned' } : cordon;
      }),
    uncordonNode: (o) =>
      mapped(async () => {
        const { release } = o.step;
        const { node, uid } = o.replacement ?? o.step;
        const cluster = deps.kubernetes.cluster(o.cluster);
        return putBack(cluster, { node, uid, owner: o.run.owner, release: release.name });
      }),
    putBackNode: (o) =>
      mapped(async () => {
        const { node, uid } = o.step;
        const cluster = deps.kubernetes.cluster(o.cluster);
        const result = await putBack(cluster, { node, uid, owner: o.run.owner, release: null });
        return { ...result, why: `${o.why}; ${result.why}` };
      }),
  };
}

async function putBack(
  cluster: KubernetesCluster,
  o: Parameters<KubernetesCluster['ensureUncordoned']>[0],
): Promise<PutBackResult> {
  const seen = await cluster.collectRejoin(o.node);
  const quarantine = seen?.node.annotations[QUARANTINE_ANNOTATION];
  if (quarantine !== undefined) {
    return { uncordoned: false, why: `${o.node} is quarantined (${quarantine}): it stays cordoned` };
  }
  return describe(o.node, await cluster.ensureUncordoned(o));
}

function describe(node: string, outcome: UncordonOutcome): PutBackResult {
  switch (outcome.kind) {
    case 'uncordoned':
      return { uncordoned: true, why: `${node} is uncordoned` };
    case 'alreadyUncordoned':
      return { uncordoned: true, why: `${node} was uncordoned already` };
    case 'notOurs':
      return { uncordoned: false, why: `the cordon of ${node} is not ours to lift (${outcome.found})` };
  }
}
