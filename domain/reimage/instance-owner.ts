// Whose instance is this, if not ours alone? An Auto Scaling group, an EKS node group or Karpenter
// relaunches, replaces or removes what it owns, so that a reimage under its eyes may end in a
// terminated node. Must never overlook an owner: any sign of one counts.
//
// Tags and labels may be minutes old; an owner does not change under a running instance.
import type { OwnerKind } from '../fleet.ts';
import type { Refusal } from '../plan.ts';
import type { ReimageMethod } from '../policy.ts';

/** An owner and the tag or label that shows it. */
type InstanceOwner = { kind: OwnerKind; name: string; shownBy: string };

type Marks = Readonly<Record<string, string>>;

/** The part of a `Pool` that this question is about. */
export type OwnedPool = {
  name: string;
  owner: OwnerKind | null;
  policy: { reimage: { method: ReimageMethod }; disruption: { surge: number } };
};

/** Every owner that shows, the closest first: a node group owns by way of an Auto Scaling group. */
function listOwners(instanceTags: Marks, nodeLabels: Marks): readonly InstanceOwner[] {
  const owners: InstanceOwner[] = [];
  const nodeGroup = first([
    [instanceTags, 'eks:nodegroup-name', 'tag'],
    [nodeLabels, 'eks.amazonaws.com/nodegroup', 'label'],
  ]);
  if (nodeGroup !== undefined) owners.push({ kind: 'eksNodeGroup', ...nodeGroup });
  const karpenter = firstWithPrefix(instanceTags, 'tag') ?? firstWithPrefix(nodeLabels, 'label');
  if (karpenter !== undefined) owners.push({ kind: 'karpenter', ...karpenter });
  const group = first([[instanceTags, 'aws:autoscaling:groupName', 'tag']]);
  if (group !== undefined) owners.push({ kind: 'autoScalingGroup', ...group });
  return owners;
}

/**
 * Why this node may not be reimaged under its owner, or undefined. A managed node group shows its
 * Auto Scaling group too; saying `owner: {kind: eksNodeGroup}` covers both.
 */
export function whyOwned(
  node: string,
  instanceTags: Marks,
  nodeLabels: Marks,
  pool: OwnedPool,
): Refusal | undefined {
  const owner = listOwners(instanceTags, nodeLabels)[0];
  if (owner === undefined) return undefined;
  const named = `${owner.kind} ${owner.name} owns the instance (${owner.shownBy})`;
  if (pool.policy.reimage.method === 'replaceInstance') {
    return refuse(node, `${named}: replaceInstance is refused, since the owner would replace it as well`);
  }
  if (pool.policy.disruption.surge > 0) {
    return refuse(node, `${named}: surge is refused, since the owner sets the number of instances`);
  }
  if (pool.owner === owner.kind) return undefined;
  const said = pool.owner === null ? 'no owner' : `owner ${pool.owner}`;
  return refuse(
    node,
    `${named}, but pool ${pool.name} says ${said}: turn its health replacement off, ` +
      `then say so by \`owner: {kind: ${owner.kind}}\` in the pool`,
  );
}

function first(
  places: readonly (readonly [Marks, string, string])[],
): Omit<InstanceOwner, 'kind'> | undefined {
  for (const [marks, key, where] of places) {
    const name = marks[key];
    if (name !== undefined) return { name, shownBy: `${where} ${key}` };
  }
  return undefined;
}

/** `karpenter.sh/do-not-disrupt` and the like are requests to Karpenter, not its mark of ownership. */
const OWNING_KARPENTER_KEYS = /^karpenter\.(sh|k8s\.aws)\/(?!do-not-)/;

function firstWithPrefix(marks: Marks, where: string): Omit<InstanceOwner, 'kind'> | undefined {
  const keys = Object.keys(marks)
    .filter((key) => OWNING_KARPENTER_KEYS.test(key))
    .sort();
  const key = keys.find((candidate) => candidate === 'karpenter.sh/nodepool') ?? keys[0];
  if (key === undefined) return undefined;
  return { name: marks[key] ?? '', shownBy: `${where} ${key}` };
}

function refuse(node: string, text: string): Refusal {
  return { kind: 'instanceOwned', where: node, text };
}
