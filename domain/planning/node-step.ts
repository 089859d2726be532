// One step of the plan: everything that the child of one node needs, from the newest observation.
// Must never carry a value that was not observed: a step is only made of a node whose instance was seen.
import type { Pool, Release } from '../fleet.ts';
import type { InstanceFacts, NodeFacts } from '../inventory.ts';
import type { BackStep, DrainImpact, DrainStep, NodeStep, PlanRow } from '../plan.ts';
import type { Policy } from '../policy.ts';
import { zoneOf } from './node-reading.ts';
import { releaseOf } from './release-of.ts';

/** A node with more DaemonSets than this is verified by the first of them; 40 steps must stay in one payload. */
const DAEMON_SETS_MAX = 40;

export function planStep(o: {
  row: PlanRow;
  node: NodeFacts;
  pool: Pool;
  release: Release;
  catalog: readonly Release[];
  instance: InstanceFacts;
  daemonSets: readonly { namespace: string; name: string }[];
  attempt: number;
  /** How often the node was deferred so far; absent: never. */
  deferrals?: number;
  impact?: DrainImpact | undefined;
  /** Absent: it goes forward. */
  back?: BackStep;
}): NodeStep {
  const { row, node, pool, release, instance } = o;
  const { reimage, verify } = pool.policy;
  return {
    node: node.name,
    uid: node.uid,
    pool: pool.name,
    zone: zoneOf(node),
    instanceId: instance.instanceId,
    attempt: o.attempt,
    from: releaseOf(node, o.catalog)?.name ?? null,
    release,
    before: {
      bootId: node.bootId,
      // A node that is broken now may show fewer than it had when the run was planned.
      gpusAllocatable: Math.max(node.gpusAllocatable, row.gpusAllocatable ?? 0),
      rootVolumeId: instance.rootVolumeId,
      imageId: instance.imageId,
      daemonSets: o.daemonSets.slice(0, DAEMON_SETS_MAX),
    },
    podsToMove: node.podsToMove,
    ...(o.impact === undefined ? {} : { impact: o.impact }),
    drain: o.back === undefined ? planDrainStep(pool.policy, o.deferrals ?? 0) : planDrainBack(pool.policy),
    reimage: {
      method: reimage.method,
      timeoutMs: reimage.timeoutMs,
      oldRootVolume: reimage.oldRootVolume,
    },
    ...(o.back === undefined ? planLaunch(pool, o.deferrals ?? 0) : {}),
    // The policy has one patience for the machine: its volume, its boot, and what must come back after it.
    rejoinTimeoutMs: reimage.timeoutMs,
    verifySoakMs: verify.soakMs,
    ...(o.back === undefined ? {} : { back: o.back }),
    ...(o.back !== undefined || row.noWayBack === undefined ? {} : { noWayBack: row.noWayBack }),
  };
}

function planLaunch(
  { policy, launchTemplate, matchLabels }: Pool,
  deferrals: number,
): Pick<NodeStep, 'launch'> {
  if (policy.reimage.method !== 'replaceInstance' || launchTemplate === undefined) return {};
  const deferralsLeft = Math.max(0, policy.drain.deferralsMax - deferrals);
  const { mayLoseCapacity } = policy.reimage;
  return {
    launch: {
      ...{ template: launchTemplate, matchLabels, deferralsLeft },
      ...(mayLoseCapacity === true ? { mayLoseCapacity } : {}),
    },
  };
}

/** A way back that cannot be drained stops for a person: it is neither deferred nor forced. */
function planDrainBack({ drain: { timeoutMs, rules } }: Policy): DrainStep {
  return { timeoutMs, ...(rules.length === 0 ? {} : { rules }) };
}

/** What is neutral is left out: a step travels with every activity of its node. */
export function planDrainStep({ drain }: Policy, deferrals: number): DrainStep {
  const { timeoutMs, onTimeout, deferralsMax, rules } = drain;
  return {
    timeoutMs,
    ...(deferrals === 0 ? {} : { deferrals }),
    ...(onTimeout === 'fail' ? {} : { onTimeout, deferralsLeft: Math.max(0, deferralsMax - deferrals) }),
    ...(rules.length === 0 ? {} : { rules }),
  };
}
