// What happens to one node in a run: upgraded, up to date already, or left alone with the reason.
// Asked for the whole plan, and again for a node whose turn has come. One node's trouble leaves that
// node alone; what refuses the whole run stands in check-run.ts. Must never pick a node that somebody
// else has cordoned.
import type { Pool, Release } from '../fleet.ts';
import type { ImageFacts, InstanceFacts, NodeFacts } from '../inventory.ts';
import type { Disposition, Refusal, Why, WhyKind } from '../plan.ts';
import { whyOwned } from '../reimage/instance-owner.ts';
import { whyNoReplacement } from '../reimage/replacement.ts';
import { whyNotReimage } from '../reimage/reimage-fit.ts';
import type { OwnerMark } from '../run.ts';
import { cordonOf, instanceIdOf, QUARANTINE_ANNOTATION } from './node-reading.ts';
import { isUpToDate } from './release-of.ts';

const LEAVE = (kind: WhyKind, text: string): Disposition => ({
  kind: 'leftAlone',
  why: { kind, text: cutText(text) },
});

/** A reason travels in the plan's rows: at 160 characters 500 rows stay far below 256 KB. */
const WHY_TEXT_MAX = 160;

export function cutText(text: string): string {
  return text.length <= WHY_TEXT_MAX ? text : `${text.slice(0, WHY_TEXT_MAX - 1)}…`;
}

/** As far as the Node itself tells. A node that this run has cordoned is never done with: it is upgraded. */
export function dispositionOf(
  node: NodeFacts,
  o: { release: Release; catalog: readonly Release[]; owner: OwnerMark | null },
): Disposition {
  const cordon = cordonOf(node, o.owner);
  if (cordon.kind !== 'ours' && isUpToDate(node, o.release, o.catalog)) return { kind: 'upToDate' };
  const quarantine = node.annotations[QUARANTINE_ANNOTATION];
  if (quarantine !== undefined) {
    return LEAVE('quarantined', `in quarantine: ${quarantine || 'no reason given'}`);
  }
  if (cordon.kind === 'otherRun') {
    return LEAVE(
      'cordonedByOther',
      `cordoned by another run of Refit, ${cordon.mark}; when that has ended: kubectl uncordon ${node.name}`,
    );
  }
  if (cordon.kind === 'other') {
    return LEAVE(
      'cordonedByOther',
      `cordoned by somebody else; who did may run: kubectl uncordon ${node.name}`,
    );
  }
  return whereIsInstance(node);
}

function whereIsInstance(node: NodeFacts): Disposition {
  if (instanceIdOf(node) !== null) return { kind: 'upgrade' };
  return LEAVE(
    'noProviderId',
    node.providerId === ''
      ? 'the Node has no providerID, so its instance is unknown'
      : `its providerID ${node.providerId} is not of the form aws:///<zone>/i-…`,
  );
}

/** What the instance adds: gone or not running leaves the node alone; the rest is for `listMismatches`. */
export function whyNoInstance(instanceId: string, instance: InstanceFacts | undefined): Why | undefined {
  if (instance === undefined) {
    return { kind: 'instanceGone', text: `instance ${instanceId} does not exist any more` };
  }
  if (instance.state === 'running') return undefined;
  return {
    kind: 'instanceNotRunning',
    text: `instance ${instanceId} is ${instance.state}; only a running one can be reimaged`,
  };
}

/** Everything that forbids to reimage this instance: its owner, and each point in which the image differs. */
export function listMismatches(
  node: NodeFacts,
  o: {
    pool: Pool;
    release: Release;
    instanceId: string;
    instance: InstanceFacts;
    image: ImageFacts | undefined;
  },
): readonly Refusal[] {
  const owned = whyOwned(node.name, o.instance.tags, node.labels, o.pool);
  const unfit = whyNotReimage(o.instance, o.image, {
    node: node.name,
    instanceId: o.instanceId,
    release: o.release,
    reimage: o.pool.policy.reimage,
  });
  const unfounded = whyNoReplacement(node.name, o.pool);
  return [...(owned === undefined ? [] : [owned]), ...unfounded, ...unfit];
}
