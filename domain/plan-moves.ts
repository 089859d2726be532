// What has moved between two plans, in words: for whoever demanded the one and would get the other. Looks at
// everything that the digest covers, so that two plans of different digests never look the same.
// The older one may be of an older version, and is read defensively. Must never be longer than a screen.
import { formatAmount } from './amount.ts';
import { completePolicy } from './complete-definition.ts';
import type { Pool, Release } from './fleet.ts';
import { own } from './own.ts';
import { listPolicyChanges } from './policy-changes.ts';
import type { NodeFate, PlanBasis } from './planning/plan-digest.ts';

/** Named after the parts of the digest. */
export type PlanMove = { part: 'scope' | 'policy' | 'release' | 'nodes' | 'blocks'; text: string };

/** More lines than this are read by nobody, and each travels in the failure of a run. */
const MOVES_MAX = 20;
const TEXT_CHARS_MAX = 300;
const NAMED_MAX = 3;

export function listMoves(before: PlanBasis, after: PlanBasis): readonly PlanMove[] {
  const moves = [
    ...scopeMoves(before, after),
    ...policyMoves(before, after),
    ...releaseMoves(before, after),
    ...nodeMoves(before, after),
    ...blockMoves(before, after),
  ];
  if (moves.length === 0) return [{ part: 'scope', text: 'something that this version does not tell apart' }];
  const shown = moves
    .slice(0, MOVES_MAX)
    .map(({ part, text }) => ({ part, text: text.slice(0, TEXT_CHARS_MAX) }));
  const left = moves.length - shown.length;
  return left === 0 ? shown : [...shown, { part: 'scope', text: `and ${left} more differences` }];
}

/** A record that may have been named by mistake: any other has a digest too. */
export function isPlanBasis(body: unknown): body is PlanBasis {
  if (typeof body !== 'object' || body === null) return false;
  const { fates, pools, releases } = body as Partial<Record<keyof PlanBasis, unknown>>;
  return Array.isArray(fates) && Array.isArray(pools) && typeof releases === 'object' && releases !== null;
}

function scopeMoves(before: PlanBasis, after: PlanBasis): readonly PlanMove[] {
  const fields = {
    fleet: (o: PlanBasis) => o.fleet,
    cluster: (o: PlanBasis) => o.cluster,
    tier: (o: PlanBasis) => o.tier,
    provider: (o: PlanBasis) => JSON.stringify(o.provider),
    'the cluster’s disruption.unavailableMax': (o: PlanBasis) =>
      o.clusterUnavailableMax === null ? 'null' : String(formatAmount(o.clusterUnavailableMax)),
  };
  const changed = Object.entries(fields).flatMap(([name, read]) => differ(name, read(before), read(after)));
  const [had, has] = [before, after].map(({ pools }) => pools.map(({ name }) => name));
  return [...changed, ...differ('pools in scope, in their order', had?.join(', '), has?.join(', '))].map(
    (text) => ({ part: 'scope', text }),
  );
}

function differ(name: string, before: string | undefined, after: string | undefined): readonly string[] {
  return before === after ? [] : [`${name}: ${before} --> ${after}`];
}

function policyMoves(before: PlanBasis, after: PlanBasis): readonly PlanMove[] {
  const complete = (pools: readonly Pool[]) =>
    pools.map((pool) => ({ ...pool, policy: completePolicy(pool.policy) }));
  const fields = listPolicyChanges(complete(before.pools), complete(after.pools)).map(
    ({ field, from, to, pools }) => `${field} of ${pools.join(', ')}: ${from} --> ${to}`,
  );
  const others = before.pools.flatMap((pool) => {
    const now = after.pools.find(({ name }) => name === pool.name);
    return now === undefined ? [] : poolMoves(pool, now);
  });
  return [...fields, ...others].map((text) => ({ part: 'policy', text }));
}

/** Everything of a pool but the fields of its policy. */
function poolMoves(before: Pool, after: Pool): readonly string[] {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)] as (keyof Pool)[]);
  keys.delete('policy');
  return [
    ...[...keys].flatMap((key) =>
      differ(`${key} of pool ${before.name}`, toText(before[key]), toText(after[key])),
    ),
    ...differ(`policy of pool ${before.name}`, before.policy.name, after.policy.name),
  ];
}

function releaseMoves(before: PlanBasis, after: PlanBasis): readonly PlanMove[] {
  const lines = new Set<string>();
  for (const [pool, was] of Object.entries(before.releases)) {
    const now = own(after.releases, pool);
    if (now === undefined) continue;
    for (const line of oneReleaseMoves(pool, was, now)) lines.add(line);
  }
  return [...lines].map((text) => ({ part: 'release', text }));
}

function oneReleaseMoves(pool: string, was: Release, now: Release): readonly string[] {
  if (was.name !== now.name) return [`pool ${pool} goes to release ${now.name}, not to ${was.name}`];
  const keys = new Set([...Object.keys(was), ...Object.keys(now)] as (keyof Release)[]);
  return [...keys].flatMap((key) =>
    differ(`${key} of release ${was.name}`, toText(was[key]), toText(now[key])),
  );
}

function nodeMoves(before: PlanBasis, after: PlanBasis): readonly PlanMove[] {
  const was = new Map(before.fates.map((fate) => [fate.node, fate]));
  const now = new Map(after.fates.map((fate) => [fate.node, fate]));
  const groups = new Map<string, string[]>();
  const note = (what: string, node: string) => noteIn(groups, what, node);
  for (const [node, fate] of now) {
    const old = was.get(node);
    if (old === undefined) note('came', node);
    else for (const what of fateMoves(old, fate)) note(what, node);
  }
  for (const node of was.keys()) if (!now.has(node)) note('went', node);
  return [...groups].map(([what, nodes]) => ({ part: 'nodes', text: `${nameSome(nodes)}: ${what}` }));
}

/** Words that are the same for many nodes, so that a thousand of them are one line. */
function fateMoves(was: NodeFate, now: NodeFate): readonly string[] {
  return [
    ...(was.uid === now.uid ? [] : ['another Node object under the same name']),
    ...(was.instanceId === now.instanceId ? [] : ['another instance']),
    ...differ('pool', was.pool, now.pool),
    ...differ('shows release', was.from ?? 'unknown', now.from ?? 'unknown'),
    ...differ('goes to release', was.to, now.to),
    ...differ('what happens', was.fate, now.fate),
    ...differ('way back', wayBackOf(was), wayBackOf(now)),
  ];
}

function wayBackOf({ noWayBack }: NodeFate): string {
  return noWayBack === true ? 'none' : 'there';
}

function blockMoves(before: PlanBasis, after: PlanBasis): readonly PlanMove[] {
  const was = blocksOf(before);
  const now = blocksOf(after);
  const groups = new Map<string, string[]>();
  const note = (what: string, node: string) => noteIn(groups, what, node);
  for (const { key, node, kind } of now.values()) if (!was.has(key)) note(`now blocked (${kind})`, node);
  for (const { key, node, kind } of was.values())
    if (!now.has(key)) note(`not blocked any more (${kind})`, node);
  return [...groups].map(([what, nodes]) => ({ part: 'blocks', text: `${nameSome(nodes)}: ${what}` }));
}

function blocksOf({
  blocks = [],
}: PlanBasis): ReadonlyMap<string, { key: string; node: string; kind: string }> {
  const each = blocks.flatMap(({ node, kinds }) =>
    kinds.map((kind) => ({ key: `${node} ${kind}`, node, kind })),
  );
  return new Map(each.map((one) => [one.key, one]));
}

function noteIn(groups: Map<string, string[]>, what: string, node: string): void {
  const nodes = groups.get(what);
  if (nodes === undefined) groups.set(what, [node]);
  else nodes.push(node);
}

function nameSome(nodes: readonly string[]): string {
  const left = nodes.length - NAMED_MAX;
  return left <= 0 ? nodes.join(', ') : `${nodes.slice(0, NAMED_MAX).join(', ')} and ${left} more nodes`;
}

function toText(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing');
}
