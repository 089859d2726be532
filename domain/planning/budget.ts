// How many nodes may be away, and which are: not Ready, cordoned by anybody, or at work in this run. Three
// bounds hold at once: of the pool, of the pool in one zone, of the whole cluster. Each node counts once in
// each. Must never forget a node that this run holds, even when the observation does not show it (any more).
//
// The observation may be seconds old: a node that this run has just cordoned may still look free,
// which is why the nodes at work are handed in and counted whatever the observation says.
import { resolveAmount } from '../amount.ts';
import type { Pool } from '../fleet.ts';
import type { NodeFacts } from '../inventory.ts';
import type { Why } from '../plan.ts';
import type { RunDefinition } from '../run.ts';
import { REPLACES } from '../drain/cordon.ts';
import { RELEASE_ANNOTATION, isReady } from './node-reading.ts';

export type Unavailable = { node: string; why: 'atWork' | 'failed' | 'notReady' | 'cordoned' };

/** One bound as it stands now. `away` grows while an answer is made. */
export type Bound = {
  kind: 'budget' | 'zoneBudget' | 'clusterBudget';
  /** `of pool h100 in zone us-east-1a` */
  where: string;
  /** The field of the fleet file that sets it. */
  setting: string;
  nodes: number;
  max: number;
  /** By node name. */
  away: Map<string, Unavailable['why']>;
};

/** Of each node in surge another one stands ready before it is taken: so many more lower nothing. */
export function unavailableMaxOf({ policy }: Pool, nodes: number): number {
  const { unavailableMax, surge } = policy.disruption;
  const more = policy.reimage.method === 'replaceInstance' ? surge : 0;
  return resolveAmount(unavailableMax, nodes) + more;
}

/** Of the pool in one zone, where it has so many nodes; null: no such bound. */
export function zoneMaxOf({ policy }: Pool, nodes: number): number | null {
  const max = policy.disruption.unavailableMaxPerZone;
  return max === null || typeof max === 'number' ? max : resolveAmount(max, nodes);
}

/** Of the whole cluster; null: no such bound. */
export function clusterMaxOf({ clusterUnavailableMax }: RunDefinition, nodes: number): number | null {
  return clusterUnavailableMax === null ? null : resolveAmount(clusterUnavailableMax, nodes);
}

/** The nodes that do not take pods now, or soon will not. */
export function listUnavailable(
  nodes: readonly NodeFacts[],
  atWork: ReadonlySet<string>,
  /** Failed in this run and neither retried nor skipped: cordoned by us, seen or not. */
  failed: ReadonlySet<string> = new Set(),
): readonly Unavailable[] {
  const unavailable: Unavailable[] = [...atWork].map((node) => ({ node, why: 'atWork' }));
  for (const node of nodes) {
    if (atWork.has(node.name) || isNotYetCapacity(node)) continue;
    if (failed.has(node.name)) unavailable.push({ node: node.name, why: 'failed' });
    else if (node.unschedulable) unavailable.push({ node: node.name, why: 'cordoned' });
    else if (!isReady(node)) unavailable.push({ node: node.name, why: 'notReady' });
  }
  return unavailable;
}

/** What a percentage is of: a node and those that were launched to take its place are one. */
export function countPlaces(nodes: readonly NodeFacts[]): number {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const placeOf = ({ name, annotations }: NodeFacts): string => {
    const replaced = annotations[REPLACES];
    // What it replaced may once have been launched to replace another.
    return replaced === undefined ? name : (byName.get(replaced)?.annotations[REPLACES] ?? replaced);
  };
  return new Set(nodes.map(placeOf)).size;
}

/** Launched to replace another, which stands there still, and not in service yet: nothing is away with it. */
function isNotYetCapacity({ unschedulable, annotations }: NodeFacts): boolean {
  const replaces = annotations[REPLACES] !== undefined;
  return replaces && unschedulable && annotations[RELEASE_ANNOTATION] === undefined;
}

/** The first bound that one more node would break. */
export function whyOverBudget(node: string, bounds: readonly Bound[]): Why | undefined {
  const full = bounds.find(({ away, max }) => away.size - Number(away.has(node)) + 1 > max);
  if (full === undefined) return undefined;
  const { kind, where, setting, nodes, max, away } = full;
  return {
    kind,
    text:
      `${away.size} of the ${nodes} nodes ${where} are away and ${setting} allows ` +
      `${max}: ${nameUnavailable(away)}; freed when one of them is Ready and uncordoned`,
  };
}

const UNAVAILABLE_WORDS: Readonly<Record<Unavailable['why'], string>> = {
  atWork: 'at work',
  failed: 'failed in this run: retry or skip it',
  notReady: 'not Ready',
  cordoned: 'cordoned',
};

/** Three tell what it is about. */
const NAMED_MAX = 3;

function nameUnavailable(away: Bound['away']): string {
  const named: string[] = [];
  for (const [node, why] of away) {
    if (named.length === NAMED_MAX) break;
    named.push(`${node} (${UNAVAILABLE_WORDS[why]})`);
  }
  const left = away.size - named.length;
  return left > 0 ? `${named.join(', ')} and ${left} more` : named.join(', ');
}
