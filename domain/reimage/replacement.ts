// Which instance replaces a node, and whether a launch template would make the right one. Must never let a
// template launch another image than the release's, nor into another subnet than the node's: pods' volumes and
// budgets are of its zone.
//
// A version of a template never changes; what `$Latest` stands for may, so that it is looked at before each launch.
import type { InstanceFacts, LaunchTemplateFacts } from '../inventory.ts';
import type { LaunchTemplateRef, Pool } from '../fleet.ts';
import type { Refusal } from '../plan.ts';

/** On each instance that was launched to replace another: the id of that one. */
export const REPLACES_TAG = 'refit.dev/replaces';

/** States of an instance that is there, or is coming. */
const LIVE = ['pending', 'running'];

export type ReplacementsJudgement =
  /** Launched by this attempt, or by an earlier one and in service since. */
  { kind: 'launched'; instance: InstanceFacts } | { kind: 'none' } | { kind: 'unsafe'; why: string };

/** `inService`: ids of instances whose nodes show the release, take pods and are Ready. */
export function judgeReplacements(
  found: readonly InstanceFacts[],
  o: { clientToken: string; tokenTag: string; inService: ReadonlySet<string> },
): ReplacementsJudgement {
  const ours = found.find(({ tags }) => tags[o.tokenTag] === o.clientToken);
  if (ours !== undefined) {
    if (LIVE.includes(ours.state)) return { kind: 'launched', instance: ours };
    return {
      kind: 'unsafe',
      why: `${ours.instanceId}, launched to replace it, is ${ours.state}: look why, then retry the node`,
    };
  }
  const serving = found.find(({ instanceId, state }) => state === 'running' && o.inService.has(instanceId));
  return serving === undefined ? { kind: 'none' } : { kind: 'launched', instance: serving };
}

export function renderTemplate({ id, name, version }: LaunchTemplateRef): string {
  return `launch template ${id ?? name ?? ''} version ${version}`;
}

/** Every reason why nothing may be launched from it; empty when it may. Without `instance`: for any node. */
export function whyNotTemplate(
  ref: LaunchTemplateRef,
  facts: LaunchTemplateFacts | undefined,
  release: { name: string; imageId: string },
): readonly Omit<Refusal, 'where'>[] {
  const named = renderTemplate(ref);
  if (facts === undefined) {
    return [{ kind: 'templateMissing', text: `${named} does not exist; correct launchTemplate of the pool` }];
  }
  if (facts.imageId === release.imageId) return [];
  const alias = facts.version === ref.version ? '' : `, now ${facts.version},`;
  return [
    {
      kind: 'templateImage',
      text:
        `${named}${alias} has image ${facts.imageId ?? '(none)'}, release ${release.name} is ` +
        `${release.imageId}: make a version with that image, and name it in the pool`,
    },
  ];
}

/** What a pool must say, or must not, for its nodes to be replaced. */
export function whyNoReplacement(
  node: string,
  { name, launchTemplate, policy }: Pick<Pool, 'name' | 'launchTemplate' | 'policy'>,
): readonly Refusal[] {
  const replaces = policy.reimage.method === 'replaceInstance';
  if (replaces && launchTemplate === undefined) {
    const text = `pool ${name} names no launchTemplate, from which replaceInstance would launch`;
    return [{ kind: 'noLaunchTemplate', where: node, text }];
  }
  const { mayLoseCapacity } = policy.reimage;
  if (!replaces && mayLoseCapacity === true) {
    const text =
      `reimage.mayLoseCapacity of pool ${name} means nothing with ${policy.reimage.method}: no instance is given ` +
      'up. Leave it out, or set reimage.method to replaceInstance';
    return [{ kind: 'capacityWithoutReplacement', where: node, text }];
  }
  if (replaces && mayLoseCapacity === true && policy.disruption.surge > 0) {
    const text =
      `surge ${policy.disruption.surge} of pool ${name} launches another instance first, and mayLoseCapacity lets ` +
      'the old one go first: set surge to 0, or leave reimage.mayLoseCapacity out';
    return [{ kind: 'surgeWithoutReplacement', where: node, text }];
  }
  if (!replaces && policy.disruption.surge > 0) {
    const text =
      `surge ${policy.disruption.surge} of pool ${name} means nothing with ${policy.reimage.method}: ` +
      'no node is added. Set surge to 0, or reimage.method to replaceInstance';
    return [{ kind: 'surgeWithoutReplacement', where: node, text }];
  }
  return [];
}

/** What the template would do otherwise than the instance that is replaced. */
export function whyNotInPlace(
  ref: LaunchTemplateRef,
  facts: LaunchTemplateFacts,
  instance: Pick<InstanceFacts, 'instanceType' | 'subnetId'>,
): readonly Omit<Refusal, 'where'>[] {
  const named = renderTemplate(ref);
  const refusals: Omit<Refusal, 'where'>[] = [];
  if (facts.instanceType !== null && facts.instanceType !== instance.instanceType) {
    const text = `${named} has instance type ${facts.instanceType}, the instance is a ${instance.instanceType}`;
    refusals.push({ kind: 'templateType', text });
  }
  const subnet = instance.subnetId ?? null;
  const leavesOpen = facts.subnetId === null && !facts.namesInterfaces;
  if (!leavesOpen && facts.subnetId !== subnet) {
    const text =
      `${named} launches into subnet ${facts.subnetId ?? '(the default one)'}, the instance is in ` +
      `${subnet ?? 'an unknown one'}: a pool has one template for one subnet, or network interfaces are left out of it`;
    refusals.push({ kind: 'templateSubnet', text });
  }
  if (leavesOpen && subnet === null) {
    refusals.push({ kind: 'templateSubnet', text: 'the subnet of the instance is unknown' });
  }
  return refusals;
}
