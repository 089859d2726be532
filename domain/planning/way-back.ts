// What a node ran before this run, so that it can go back to it: recorded when the run is planned, from what
// the node shows and, where the catalog knows no such release, from its instance. Must never name an image
// as a way back that is not there to be laid.
//
// Whether an instance's image follows a replaced root is not promised by EC2: what the node shows goes first.
import type { Pool, Release } from '../fleet.ts';
import type { ImageFacts, InstanceFacts, Inventory, NodeFacts } from '../inventory.ts';
import type { BackStep, Former, GateWish, PlanRow, Why } from '../plan.ts';
import { asksForWayBack } from '../way-back-asked.ts';
import { matchPools } from './match-pools.ts';
import { instanceIdOf } from './node-reading.ts';
import { releaseOf } from './release-of.ts';

export type WayBack = { former: Former } | Pick<PlanRow, 'noWayBack' | 'formerGone'>;

/** Of a node that is to be upgraded by this run. */
export function wayBackOf(
  node: NodeFacts,
  o: {
    pool: Pool;
    release: Release;
    catalog: readonly Release[];
    instance: InstanceFacts | undefined;
    images: Readonly<Record<string, ImageFacts>>;
  },
): WayBack {
  const never = whyNeverBack(o.pool);
  if (never !== undefined) return { noWayBack: never };
  const former = formerOf(node, o.instance, o.catalog);
  if (former === null) {
    return { noWayBack: 'neither its release nor the image of its instance is known', formerGone: true };
  }
  const { imageId, release } = former;
  if (imageId === o.release.imageId) {
    return { noWayBack: `its former image is ${imageId}, the very one that is to be laid` };
  }
  const why = whyNotLaid(o.images[imageId]);
  if (why === undefined) return { former };
  const named = `its former image ${imageId}${release === null ? '' : ` (${release})`}`;
  return { noWayBack: `${named} is ${why}`, formerGone: true };
}

/** By the way in which the pool is upgraded. */
export function whyNeverBack({ policy }: Pool): string | undefined {
  switch (policy.reimage.method) {
    case 'rootVolume':
      return undefined;
    case 'reboot':
      return 'a reboot lays no image';
    case 'replaceInstance':
      return 'a replaced instance does not come back';
  }
}

/** Why an image cannot be laid any more; undefined when it can. */
export function whyNotLaid(image: ImageFacts | undefined): string | undefined {
  if (image === undefined) return 'gone, or not shared with this account any more';
  return image.state === 'available' ? undefined : image.state;
}

function formerOf(
  node: NodeFacts,
  instance: InstanceFacts | undefined,
  catalog: readonly Release[],
): Former | null {
  const shown = releaseOf(node, catalog);
  if (shown !== null) return { imageId: shown.imageId, release: shown.name };
  return instance === undefined || instance.imageId === ''
    ? null
    : { imageId: instance.imageId, release: null };
}

/** Images that nodes in scope might go back to: looked at when a run is planned. */
export function listFormerImages(
  { nodes, instances }: Pick<Inventory, 'nodes' | 'instances'>,
  { pools, catalog }: { pools: readonly Pool[]; catalog: readonly Release[] },
): readonly string[] {
  const { poolOf } = matchPools(nodes, pools);
  const ids = nodes
    .filter(({ name }) => poolOf.has(name))
    .map((node) => formerOf(node, instances[instanceIdOf(node) ?? ''], catalog)?.imageId);
  return [...new Set(ids.filter((id) => id !== undefined))];
}

/** A release that the catalog does not know promises nothing: boot, Ready and devices alone are verified. */
export function releaseBack({ imageId, release }: Former, catalog: readonly Release[]): Release {
  const known = catalog.find(({ name }) => name === release);
  // By the image that was recorded: a release may have been given another one since.
  if (known !== undefined) return { ...known, imageId };
  return { name: release ?? imageId, imageId, expects: { kubeletVersion: null, osImage: null, labels: {} } };
}

/** Rows that go back now, as the run knows them; each index is one of the plan's rows. */
export type BackQuestion = {
  /** Those that wait, in the order in which they go. */
  order: readonly number[];
  /** Of these, the ones that had failed. */
  failed: readonly number[];
  /** Of the failed, those whose reimage had never begun. */
  untouched: readonly number[];
  /** Attempts so far, where there was more than one. */
  attempts: Readonly<Record<string, number>>;
};

export function backStepOf(back: BackQuestion, index: number): BackStep {
  const hadFailed = back.failed.includes(index);
  return { how: hadFailed && back.untouched.includes(index) ? 'uncordon' : 'reimage', hadFailed };
}

/** Names of those behind one gate that are told; of the others their number. */
const TOLD_MAX = 5;

export function gateOfNoWayBack(pool: string): string {
  return `noWayBack/${pool}`;
}

/** It begins only when somebody says so. */
export function isHeldForWayBack(pool: Pool, row: PlanRow, gatesOpened: readonly string[]): boolean {
  return asksForWayBack(row, pool) && !gatesOpened.includes(gateOfNoWayBack(pool.name));
}

export function wishForNoWayBack(
  { name: pool, policy }: Pool,
  rows: readonly PlanRow[],
): { why: Why; gate: GateWish } {
  const name = gateOfNoWayBack(pool);
  const left = rows.length - TOLD_MAX;
  const promised = policy.failure.onExceeded === 'rollback';
  const cause = promised
    ? 'has no way back, and its policy rolls back when too many fail'
    : 'has no way back: what it ran before is gone or not known';
  return {
    why: {
      kind: 'noWayBack',
      text: `${cause}; freed when gate ${name} is approved`,
      freedBy: `refit approve ${name}, or refit reject ${name}`,
    },
    gate: {
      name,
      kind: 'noWayBack',
      pool,
      evidence: [
        `${rows.length} nodes of pool ${pool} have no way back: a rollback would leave them as they are`,
        ...rows.slice(0, TOLD_MAX).map((row) => `${row.node}: ${row.noWayBack ?? ''}`),
        ...(left > 0 ? [`and ${left} more`] : []),
        'approve: they are taken in their turn all the same; reject: they are skipped',
      ],
    },
  };
}
