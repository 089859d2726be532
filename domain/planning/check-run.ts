// What refuses a whole run before anything is touched, each point by name: the preflight. Looks only
// at what the run would do; a node that is left alone anyway refuses nothing. Must never stop at the
// first point: a person corrects them all in one go.
//
// Cloud facts may be a minute old; the reimage itself asks again and fails closed.
import type { Inventory } from '../inventory.ts';
import type { Refusal } from '../plan.ts';
import { own } from '../own.ts';
import { whyNotInPlace, whyNotTemplate } from '../reimage/replacement.ts';
import type { RunDefinition } from '../run.ts';
import { cutText, listMismatches } from './disposition.ts';
import { listRooms } from './room.ts';
import type { Scope, ScopeEntry } from './scope.ts';
import { whySkewed } from './version-skew.ts';
import { whyNeverBack } from './way-back.ts';
import { whyNeverOpen } from './why-closed.ts';

/** 200 refusals of at most 400 bytes stay far below 256 KB; a person reads fewer. */
export const REFUSALS_MAX = 200;

/** Empty when the run may go. */
export function checkRun(definition: RunDefinition, inventory: Inventory, scope: Scope): readonly Refusal[] {
  const upgrades = scope.entries.filter((entry) => entry.disposition.kind === 'upgrade');
  return boundRefusals([
    ...groupSame(scope.refusals),
    ...checkSkew(definition, inventory),
    ...groupSame(upgrades.flatMap((entry) => checkInstance(entry, inventory))),
    ...groupSame(checkTemplates(inventory, upgrades)),
    ...groupSame(checkRoom(inventory, upgrades)),
    ...checkSharedInstances(upgrades),
    ...checkHours(definition, inventory, upgrades),
    ...checkRollback(definition),
  ]);
}

function checkSkew(definition: RunDefinition, inventory: Inventory): readonly Refusal[] {
  const releases = new Map(Object.values(definition.releases).map((release) => [release.name, release]));
  return [...releases.values()]
    .map((release) => whySkewed(release, inventory.apiServerVersion))
    .filter((refusal) => refusal !== undefined);
}

function checkInstance(entry: ScopeEntry, inventory: Inventory): readonly Refusal[] {
  const { node, pool, release, instance, instanceId } = entry;
  if (instance === undefined || instanceId === null) return [];
  const image = inventory.images[release.imageId];
  return listMismatches(node, { pool, release, instanceId, instance, image });
}

/** Of pools that replace instances: each template once, then what it would do to each node. */
function checkTemplates({ templates = {} }: Inventory, upgrades: readonly ScopeEntry[]): readonly Refusal[] {
  const told = new Set<string>();
  return upgrades.flatMap(({ node, pool, release, instance }): readonly Refusal[] => {
    const ref = pool.launchTemplate;
    if (pool.policy.reimage.method !== 'replaceInstance' || ref === undefined) return [];
    const facts = own(templates, pool.name);
    const unfit = whyNotTemplate(ref, facts, release);
    if (unfit.length > 0) {
      if (told.has(pool.name)) return [];
      told.add(pool.name);
      return unfit.map((refusal) => ({ ...refusal, where: `pool ${pool.name}` }));
    }
    if (facts === undefined || instance === undefined) return [];
    return whyNotInPlace(ref, facts, instance).map((refusal) => ({ ...refusal, where: node.name }));
  });
}

/** Of pools that may lose capacity: a node for which no reservation shows room. */
function checkRoom(inventory: Inventory, upgrades: readonly ScopeEntry[]): readonly Refusal[] {
  return listRooms(inventory, upgrades).flatMap(({ node, judged }): readonly Refusal[] =>
    judged.kind === 'room' ? [] : [{ kind: 'noRoom', where: node, text: judged.why }],
  );
}

/** A pool in which nothing could ever begin would only wait for ever. */
function checkHours(
  { pools }: RunDefinition,
  { observedAt }: Inventory,
  upgrades: readonly ScopeEntry[],
): readonly Refusal[] {
  const atWork = new Set(upgrades.map(({ pool }) => pool.name));
  return pools
    .filter(({ name }) => atWork.has(name))
    .flatMap((pool) => {
      const why = whyNeverOpen(pool, observedAt);
      if (why === undefined) return [];
      const text = why.freedBy === undefined ? why.text : `${why.text}; what would help: ${why.freedBy}`;
      return [{ kind: why.kind, where: `pool ${pool.name}`, text }];
    });
}

/** A rollback that could take back nothing would be an empty promise. */
function checkRollback({ pools }: RunDefinition): readonly Refusal[] {
  return pools.flatMap((pool) => {
    const { failure, reimage } = pool.policy;
    const why = whyNeverBack(pool);
    if (failure.onExceeded !== 'rollback' || why === undefined) return [];
    const text =
      `failure.onExceeded is rollback, which could take back nothing: reimage.method is ${reimage.method}, ` +
      `and ${why}; set onExceeded to pause or stop`;
    return [{ kind: 'noWayBack', where: `pool ${pool.name}`, text }];
  });
}

/** Two Nodes on one instance: to lay one anew would lay the other anew under its pods. */
function checkSharedInstances(upgrades: readonly ScopeEntry[]): readonly Refusal[] {
  const nodesOf = new Map<string, string[]>();
  for (const { instanceId, node } of upgrades) {
    if (instanceId === null) continue;
    nodesOf.set(instanceId, [...(nodesOf.get(instanceId) ?? []), node.name]);
  }
  return [...nodesOf]
    .filter(([, nodes]) => nodes.length > 1)
    .map(([instanceId, nodes]) => ({
      kind: 'instanceShared',
      where: nodes.join(', '),
      text: `all name instance ${instanceId} as theirs; delete the Nodes that are not there any more`,
    }));
}

/** So many nodes with the same trouble are named; of the others their number is told. */
const NAMED_MAX = 3;

/** One missing image is one refusal with its nodes, not one for each of 5,000. */
function groupSame(refusals: readonly Refusal[]): readonly Refusal[] {
  const groups = new Map<string, Refusal[]>();
  for (const refusal of refusals) {
    const key = `${refusal.kind}\n${refusal.text}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [refusal]);
    else group.push(refusal);
  }
  return [...groups.values()].map((group) => {
    const [first] = group;
    const { kind, text } = first as Refusal;
    return { kind, where: nameSome(group.map(({ where }) => where)), text };
  });
}

function nameSome(names: readonly string[]): string {
  const unnamed = names.length - NAMED_MAX;
  return unnamed <= 0
    ? names.join(', ')
    : `${names.slice(0, NAMED_MAX).join(', ')} and ${unnamed} more nodes`;
}

function boundRefusals(refusals: readonly Refusal[]): readonly Refusal[] {
  const bounded = refusals
    .slice(0, REFUSALS_MAX)
    .map((refusal) => ({ ...refusal, where: cutText(refusal.where), text: refusal.text.slice(0, 400) }));
  const left = refusals.length - bounded.length;
  if (left <= 0) return bounded;
  return [
    ...bounded,
    { kind: 'more', where: 'plan', text: `${left} more reasons like these are not listed` },
  ];
}
