// A PDB that allows nothing for two minutes: how often its pods are asked for all the same, and how soon the
// drain goes on when the PDB allows it. Both from the audit log.
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { waitUntil } from '../sandbox/waiting.ts';
import { say, withBed } from './bed.ts';
import type { BenchBed } from './bed.ts';
import { judge, renderNumber } from './figures.ts';
import { Load } from './load.ts';
import type { BenchOptions } from './options.ts';
import type { PartResult } from './part.ts';
import { CONTROLLER_MANAGER, REFIT, endOfLog, evictionsRefused, evictionsTaken } from './requests.ts';
import { mostPerPodWithin, readRequests } from './requests.ts';
import type { Request } from './requests.ts';
import { refitSideBySide } from './tools.ts';

const NODES_MAX = 20;
const HELD_MS = 120_000;
const WINDOW_MS = 30_000;
const REFUSED_PER_WINDOW_MAX = 1;
const DELAY_MAX_S = 1;
const SETTLE_TIMEOUT_MS = 30_000;

/**
 * One pod more than there is room for is never Ready, and uses up all that the PDB allows: a PDB that is
 * exhausted, not one that could never be satisfied, which a drain would know by sight.
 */
async function exhaustBudget(load: Load): Promise<void> {
  await load.scale(load.pods + 1);
  await load.setBudget(1);
  await waitUntil({
    condition: async () => {
      const status = (await load.budget())?.status;
      return status?.currentHealthy === load.pods && status.disruptionsAllowed === 0;
    },
    timeoutMs: SETTLE_TIMEOUT_MS,
    onTimeout: () => new Error('the PDB does not settle at nothing allowed'),
  });
}

type Held = { requests: Request[]; heldMs: number; allowedAt: number };

async function hold(bed: BenchBed, load: Load): Promise<Held> {
  const from = endOfLog(bed.cluster.auditLog);
  const begin = performance.now();
  const draining = refitSideBySide(bed, load.nodes);
  // A failure must end the wait, and is told when it is awaited below.
  const failed = new AbortController();
  draining.catch((error: unknown) => failed.abort(error));
  await pause(HELD_MS, undefined, { signal: failed.signal }).catch(() => failed.signal.throwIfAborted());
  const heldMs = performance.now() - begin;
  const askedAt = Date.now();
  say('the PDB is relaxed');
  await load.changeBudget('100%');
  await load.openLanding();
  await draining;
  const requests = readRequests(bed.cluster.auditLog, from, [REFIT, CONTROLLER_MANAGER]);
  const allowed = requests.find(
    (each) => each.resource === 'poddisruptionbudgets' && each.subresource === 'status' && each.at >= askedAt,
  );
  if (allowed === undefined) throw new Error('the audit log shows no status of the PDB after its change');
  return { requests, heldMs, allowedAt: allowed.at };
}

export async function benchPdbZero(o: BenchOptions): Promise<PartResult> {
  const nodes = Math.min(o.nodes, NODES_MAX);
  return withBed({ nodes: 1 }, async (bed) => {
    const load = new Load(bed.api, { nodes, podsPerNode: o.podsPerNode, sequentialNodes: 1 });
    await load.create();
    await exhaustBudget(load);
    say(`${String(nodes)} nodes are drained against a PDB that allows nothing`);
    const { requests, heldMs, allowedAt } = await hold(bed, load);
    const refused = evictionsRefused(requests);
    const before = refused.filter((each) => each.at < allowedAt);
    const next = evictionsTaken(requests).find((each) => each.at >= allowedAt);
    if (next === undefined) throw new Error('nothing was evicted after the PDB allowed it');
    const early = evictionsTaken(requests).filter((each) => each.at < allowedAt).length;
    const delayS = (next.at - allowedAt) / 1000;
    const most = mostPerPodWithin(refused, WINDOW_MS);
    return {
      lines: [
        `${String(nodes)} nodes of ${String(o.podsPerNode)} pods under a PDB that allowed nothing for ${(heldMs / 1000).toFixed(0)} s`,
        `evictions taken meanwhile: ${String(early)}; refused: ${String(before.length)} = ` +
          `${renderNumber((before.length / load.pods) * (WINDOW_MS / heldMs))} a pod every 30 s on average`,
        `refused after it allowed: ${String(refused.length - before.length)}`,
        `from the PDB's status to the next eviction's answer: ${String(Math.round(delayS * 1000))} ms`,
      ],
      verdicts: [
        judge(
          { what: 'refused evictions of one pod in any 30 s, worst', atMost: REFUSED_PER_WINDOW_MAX },
          most,
        ),
        judge({ what: 'seconds from allowed to the next eviction', atMost: DELAY_MAX_S }, delayS),
      ],
      measured: { heldMs, refused: before.length, most, delayS },
    };
  });
}
