// What a policy means for a node, in words: who is asked, what happens to it, what trips the run.
// Must never promise what the policy does not say.
import { formatDuration } from '../duration.ts';
import type { Pool } from '../fleet.ts';
import type { DrainRule, Policy } from '../policy.ts';
import { renderTemplate } from '../reimage/replacement.ts';

/** Who is asked before what. */
export function renderApproval({ approval }: Policy): string {
  const { approvers, expiresAfterMs, selfApproval } = approval;
  if (approval.before === 'never') return 'nobody';
  return [
    `${renderBefore(approval)}${approvers === 1 ? '' : `, ${approvers} people`}`,
    ...(expiresAfterMs === null ? [] : [`a yes is void after ${formatDuration(expiresAfterMs)}`]),
    ...(selfApproval ? [] : ['not whoever asks for the run']),
  ].join('; ');
}

function renderBefore({ before, firstNodes }: Policy['approval']): string {
  if (before === 'pool') return 'once, before its first node';
  if (before === 'canary') return 'once, when its canaries have ended';
  if (firstNodes === null) return 'before each node';
  return firstNodes === 1
    ? 'before the first node of the run'
    : `before each of the first ${firstNodes} nodes of the run`;
}

/** Which nodes go first, and what the others wait for; undefined where none goes first. */
export function renderCanary({ canary }: Policy, canaries: number): string | undefined {
  if (canaries === 0) return undefined;
  const first = canaries === 1 ? 'one node goes first' : `${canaries} nodes go first`;
  const soak = canary.soakMs === 0 ? '' : `, and have been well for ${formatDuration(canary.soakMs)}`;
  return `${first}; the others follow when they have ended${soak}`;
}

/** The way of one node, step by step. */
export function renderWay(pool: Pool, imageId: string): readonly string[] {
  const { policy } = pool;
  const { reimage, verify } = policy;
  const timeout = formatDuration(reimage.timeoutMs);
  if (reimage.method === 'replaceInstance') {
    return reimage.mayLoseCapacity === true
      ? renderGoingFirst(pool, imageId)
      : renderReplacement(pool, imageId);
  }
  return [
    'cordon, marked as ours',
    ...renderDrain(policy),
    `${renderReimage(policy, imageId)}: ${timeout}`,
    `back and Ready after a new boot: ${timeout}`,
    `shows the release, its DaemonSets and GPUs again, all newer than the boot: ${timeout}`,
    ...(verify.soakMs > 0 ? [`stays so for ${formatDuration(verify.soakMs)}`] : []),
    'uncordon',
  ];
}

/** The other one first, whole; then the node itself. */
function renderReplacement({ policy, launchTemplate }: Pool, imageId: string): readonly string[] {
  const { verify, reimage, drain } = policy;
  const timeout = formatDuration(reimage.timeoutMs);
  const from = launchTemplate === undefined ? 'a launch template' : renderTemplate(launchTemplate);
  const often = drain.deferralsMax === 1 ? 'once' : `${drain.deferralsMax} times`;
  return [
    `another instance is launched from ${from}, image ${imageId}, into the same subnet: ${timeout}; ` +
      `without capacity it is tried again after ${formatDuration(drain.deferForMs)}, ${often}, then the node is left as it is`,
    `it joins as a new node, cordoned until it is verified: ${timeout}`,
    `it shows the release, the labels of the pool, and the DaemonSets and GPUs of the old one: ${timeout}`,
    ...(verify.soakMs > 0 ? [`it stays so for ${formatDuration(verify.soakMs)}`] : []),
    'it takes pods; until here the old node is not touched',
    'the old node is cordoned, marked as ours',
    ...renderDrain(policy),
    'its instance is terminated once the node was seen empty and the new one is still Ready',
    'its Node object is deleted',
  ];
}

/** The node itself first; what it ran on may be lost. */
function renderGoingFirst({ policy, launchTemplate }: Pool, imageId: string): readonly string[] {
  const { verify, reimage } = policy;
  const timeout = formatDuration(reimage.timeoutMs);
  const from = launchTemplate === undefined ? 'a launch template' : renderTemplate(launchTemplate);
  return [
    'capacity may be lost: its instance goes before another one is launched; one such node at a time',
    'a capacity reservation must show room for another one, or the node is left as it is',
    'it is cordoned, marked as ours',
    ...renderDrain(policy),
    'somebody is asked, whatever else is asked for (gate capacity/NODE, which names the reservation)',
    'its instance is terminated once the node was seen empty and the reservation shows room still',
    `its Node object is deleted: ${timeout}`,
    `another instance is launched from ${from}, image ${imageId}, into the same subnet: ${timeout}; ` +
      'when that fails, the run waits for a person, and a retry launches again',
    `it joins as a new node, cordoned until it is verified: ${timeout}`,
    `it shows the release, the labels of the pool, and the DaemonSets and GPUs of the old one: ${timeout}`,
    ...(verify.soakMs > 0 ? [`it stays so for ${formatDuration(verify.soakMs)}`] : []),
    'it takes pods',
  ];
}

function renderDrain({ drain }: Policy): readonly string[] {
  return [
    ...(drain.rules.length === 0
      ? []
      : [`pods leave by these rules: ${drain.rules.map(renderRule).join('; ')}`]),
    `drain by evictions alone, budgets respected: ${formatDuration(drain.timeoutMs)}, then ${renderOnTimeout(drain)}`,
  ];
}

/** `jobs (app=train in ml, order -1): waits for completion, at most 20m` */
function renderRule({ name, matchLabels, namespaces, order, waitFor, deadlineMs }: DrainRule): string {
  const labels = Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`);
  const where = namespaces === null ? '' : ` in ${namespaces.join(', ')}`;
  const until = deadlineMs === null ? 'as long as the drain lasts' : `at most ${formatDuration(deadlineMs)}`;
  const wait = waitFor === 'nothing' ? 'waits for nothing' : `waits for ${WAIT_FOR[waitFor]}, ${until}`;
  return `${name} (${labels.join(',')}${where}, order ${order}): ${wait}`;
}

const WAIT_FOR = { completion: 'its end', checkpoint: 'a checkpoint' } as const;

function renderOnTimeout({ onTimeout, deferForMs, deferralsMax }: Policy['drain']): string {
  const often = deferralsMax === 1 ? 'once' : `up to ${deferralsMax} times`;
  const defer = `put back as it was and taken again after ${formatDuration(deferForMs)}, ${often}`;
  const fail = 'it counts as failed and stays cordoned';
  switch (onTimeout) {
    case 'fail':
      return fail;
    case 'defer':
      return `it is ${defer}; after that ${fail}`;
    case 'force':
      return (
        'somebody is asked whether bare pods may be evicted too (gate force/NODE); ' +
        `on a no it is ${defer}; where no bare pod holds it, ${fail}`
      );
  }
}

function renderReimage({ reimage }: Policy, imageId: string): string {
  if (reimage.method === 'reboot') return 'reboot';
  const { oldRootVolume } = reimage;
  const old = oldRootVolume.kind === 'keep' ? `kept ${formatDuration(oldRootVolume.forMs)}` : 'deleted';
  return `new root volume from ${imageId}, the old one ${old}`;
}

/** What happens when nodes fail. */
export function renderFailure({ failure }: Policy): string {
  const { failuresMax, consecutiveMax, successMinPercent } = failure;
  const when = [
    failuresMax === 0 ? 'at the first failure' : `at more than ${failuresMax} failures`,
    ...(consecutiveMax === null ? [] : [`at ${consecutiveMax} failures one after another`]),
    ...(successMinPercent === null
      ? []
      : [`below ${successMinPercent}% success (once 20 nodes of the pool have ended, or at its end)`]),
  ];
  return `${when.join(', or ')} the run ${ON_EXCEEDED[failure.onExceeded]}`;
}

const ON_EXCEEDED: Readonly<Record<Policy['failure']['onExceeded'], string>> = {
  pause: 'pauses: nodes not yet reimaged are put back, later ones are finished',
  stop: 'ends by itself as failed: nodes not yet reimaged are put back, later ones are finished',
  rollback:
    'rolls back: nothing more is upgraded, and nodes that are done or have failed go back to their former image',
};
