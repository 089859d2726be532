// Memory of a worker that upgrades fleets of several sizes. A large fleet is observed and planned whole, but
// only its first nodes are taken through: the rest would take an hour and keep no more in memory at once.
import { say, withBed } from './bed.ts';
import { renderTable } from './figures.ts';
import { awaitRun, readMemory, startRun } from './real-run.ts';
import { withWorker } from './worker.ts';
import type { Memory } from './real-run.ts';

const WORKFLOW_ID = 'upgrade.sandbox.memory';
const UNAVAILABLE_MAX = 3;
const NODES_DONE = 6;
const TIMEOUT_MS = 600_000;

export type MemoryOfFleet = { nodes: number; idle: Memory; atWork: Memory; secondsToPlan: number };

export async function measureMemory(nodes: number): Promise<MemoryOfFleet> {
  return withBed({ nodes }, (bed) =>
    withWorker(bed, async (pid) => {
      const idle = readMemory(pid);
      say(`a worker upgrades the first ${String(NODES_DONE)} of ${String(nodes)} nodes`);
      const begin = performance.now();
      await startRun(bed, WORKFLOW_ID, { unavailableMax: UNAVAILABLE_MAX });
      await awaitRun(bed, WORKFLOW_ID, {
        what: 'the first node at work',
        until: ({ counts }) => counts.active + counts.done > 0,
        timeoutMs: TIMEOUT_MS,
      });
      const secondsToPlan = (performance.now() - begin) / 1000;
      await awaitRun(bed, WORKFLOW_ID, {
        what: `${String(NODES_DONE)} nodes done`,
        until: ({ counts }) => counts.done >= NODES_DONE,
        timeoutMs: TIMEOUT_MS,
      });
      const atWork = readMemory(pid);
      const handle = bed.client.workflow.getHandle(WORKFLOW_ID);
      await handle.signal('abort', { by: 'bench', reason: 'measured', rollback: false });
      await awaitRun(bed, WORKFLOW_ID, {
        what: 'the end of the aborted run',
        until: ({ phase }) => phase === 'ended',
        timeoutMs: TIMEOUT_MS,
      });
      return { nodes, idle, atWork, secondsToPlan };
    }),
  );
}

export function renderMemory(fleets: readonly MemoryOfFleet[]): string[] {
  const rows = fleets.map(({ nodes, idle, atWork, secondsToPlan }) => [
    `${String(nodes)} nodes`,
    String(idle.nowMib),
    String(atWork.nowMib),
    String(atWork.peakMib),
    secondsToPlan.toFixed(1),
  ]);
  const header = [
    '',
    'idle',
    `${String(NODES_DONE)} nodes done`,
    'peak',
    'seconds to the first node at work',
  ];
  return ['Resident memory of the worker, MiB', ...renderTable([header, ...rows])];
}
