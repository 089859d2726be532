// Drains that something holds, within a whole run: what holds them is named at once, and as soon as it
// lets go, the drain goes on by itself. Times are those of the API server's audit log.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { byRefit } from '../checker/audit-log.ts';
import type { Request } from '../checker/audit-log.ts';
import type { WaitingItem } from '../../domain/status.ts';
import { auditLog, fault, kubectl, openBed, refit, runWhy, startWorker } from './bed.ts';
import type { Bed } from './bed.ts';
import {
  ONCE,
  awaitThat,
  holdDrain,
  nodeView,
  removeHeld,
  runEnd,
  shrinkWorkloads,
  startRun,
  wayOf,
} from './run-control.ts';

const ID = 'blocked';
const TEST_MS = 3_600_000;
// What is aimed at is two seconds and one; what was measured is printed, and stands in docs/performance.md.
// Here only the mechanism is judged, on whatever machine: told before a stalled drain would give its slot back,
// woken by the PDB's watch and not by the half minute after which a held pod is asked about anyway.
const TOLD_WITHIN_MS = 59_000;
const ASKED_AGAIN_MS = 29_000;
/** A drain that nothing moved for a minute has given its slot back; a little longer. */
const STALLED_MS = 75_000;
const [held, twoPdbs, bare] = ['ip-10-0-0-1', 'ip-10-0-0-3', 'ip-10-0-0-4'];
const stalled = ['ip-10-0-0-2', 'ip-10-0-0-5'];
const nodes = [held, ...stalled, twoPdbs, bare];

let bed: Bed;
let since: number;
/** When `why` first told that something holds a node, and the first answer. */
const told = new Map<string, { at: number; item: WaitingItem }>();

beforeAll(async () => {
  bed = await openBed({ nodes: 9 });
  await shrinkWorkloads(bed);
  await startWorker(bed);
  for (const node of [held, ...stalled]) await holdDrain(bed, node);
  await fault(bed, 'two-pdbs', twoPdbs);
  await fault(bed, 'bare-pod', bare);
  since = Date.now();
  const policy = { disruption: { unavailableMax: nodes.length }, approval: { before: 'never' } };
  await startRun(bed, ID, { release: 'next', nodes, policy });
  await awaitThat('why to name what holds each node', async () => {
    const { items } = await runWhy(bed, ID);
    for (const item of items) {
      const node = item.subject.replace('node/', '');
      if (!told.has(node) && / pods? /.test(` ${item.on} `)) told.set(node, { at: Date.now(), item });
    }
    return told.size === nodes.length;
  });
}, TEST_MS);

afterAll(async () => bed?.close());

const ofPod = (start: string) => (one: Request) =>
  one.resource === 'pods' && one.subresource === 'eviction' && one.name.startsWith(start);

/** When the drain can first have known: its first refusal, or else the cordon before it. */
function metAt(node: string, pod: string): number {
  const log = auditLog(bed, since).filter(byRefit);
  const first = log.find((one) => ofPod(pod)(one) && one.status === 429);
  const cordon = log.find((one) => one.verb === 'patch' && one.resource === 'nodes' && one.name === node);
  const at = first?.at ?? cordon?.at;
  if (at === undefined) throw new Error(`the audit log shows neither an eviction nor a cordon of ${node}`);
  return at;
}

/**
 * From the moment when the budget allowed it to the eviction that went through; and from the last time before that
 * its pod was asked about. It is allowed right after a refusal: for half a minute nothing but the PDB's own word
 * can make the drain ask.
 */
async function goesOn(node: string): Promise<{ afterMs: number; sinceAskedMs: number }> {
  const budget = `held-${node}`;
  const refusals = () => auditLog(bed, since).filter((one) => ofPod(budget)(one) && one.status === 429);
  const before = refusals().length;
  await awaitThat(`the drain of ${node} to ask once more`, () => refusals().length > before);
  const asked = refusals().at(-1)?.at ?? 0;
  await kubectl(bed, '-n', 'platform', 'patch', 'pdb', budget, '-p', '{"spec":{"maxUnavailable":1}}');
  const evicted = () =>
    auditLog(bed, since).find((one) => ofPod(budget)(one) && byRefit(one) && one.status === 201);
  await awaitThat(`the drain of ${node} to go on`, () => evicted() !== undefined);
  const patched = auditLog(bed, since).findLast(
    (one) => one.resource === 'poddisruptionbudgets' && one.name === budget && one.verb === 'patch',
  );
  const allowed = auditLog(bed, patched?.at ?? Infinity).find(
    (one) => one.resource === 'poddisruptionbudgets' && one.subresource === 'status' && one.name === budget,
  );
  if (allowed === undefined) throw new Error(`the audit log does not show when ${budget} allowed it`);
  const at = evicted()?.at ?? Infinity;
  return { afterMs: at - allowed.at, sinceAskedMs: at - asked };
}

describe('a drain that is held', () => {
  it.each([
    ['a PDB that allows nothing', held, `held-${held}`, /PDB .*held-ip-10-0-0-1/],
    ['a pod under two PDBs', twoPdbs, `two-budgets-${twoPdbs}`, /two-budgets-ip-10-0-0-3-a.*-b/],
    ['a bare pod', bare, `bare-${bare}`, /bare-ip-10-0-0-4.*(controller|bare|owner)/],
  ])('by %s says so at once, with the pod and the time left', async (_, node, pod, names) => {
    const first = told.get(node);
    const afterMs = (first?.at ?? Infinity) - metAt(node, pod);
    process.stderr.write(`${node}: told after ${String(afterMs)} ms: ${first?.item.on ?? ''}\n`);
    expect(afterMs).toBeLessThan(TOLD_WITHIN_MS);
    expect(first?.item.on).toContain(pod);
    expect(first?.item.on).toMatch(names);
    const leftMs = Date.parse(first?.item.until ?? '') - (first?.at ?? 0);
    expect(leftMs).toBeGreaterThanOrEqual(30 * 60_000 - ((first?.at ?? 0) - since));
    expect(leftMs).toBeLessThanOrEqual(30 * 60_000);

    const said = await refit(bed, 'why', node, '-w', ID);
    expect(said.code).toBe(0);
    expect(said.stdout).toContain(pod);
    expect(said.stdout).toMatch(/\b[12]?\dm/);
    expect(said.stdout).toContain('freed by');
  });

  it(
    'goes on by itself as soon as it is allowed to, held for moments or stalled for long',
    async () => {
      const soon = await goesOn(held);
      const waited = Date.now() - since;
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, STALLED_MS - waited)));
      const late = [];
      for (const node of stalled) late.push(await goesOn(node));
      const lateMs = late.map(({ afterMs }) => afterMs).join(' and ');
      process.stderr.write(`went on after ${String(soon.afterMs)} ms and, stalled, ${lateMs} ms\n`);
      expect(soon.sinceAskedMs).toBeLessThan(ASKED_AGAIN_MS);
      for (const { sinceAskedMs } of late) expect(sinceAskedMs).toBeLessThan(ASKED_AGAIN_MS);
    },
    TEST_MS,
  );

  it(
    'goes on when the second PDB and the bare pod are gone, and every node is done',
    async () => {
      await fault(bed, 'clear', 'two-pdbs');
      await fault(bed, 'clear', 'bare-pod');
      const { result } = await runEnd(bed, ID);
      expect(result).toMatchObject({ outcome: 'succeeded', counts: { done: nodes.length } });
      for (const node of nodes)
        expect(await wayOf(bed, { ...(await nodeView(bed, node)), node }, since)).toEqual(ONCE);
      for (const node of [held, ...stalled]) await removeHeld(bed, node);
    },
    TEST_MS,
  );
});
