// Stops everything that runs in a sandbox's folder and removes the folder. It works on whatever stands
// there: a whole sandbox, one that was cut off in the middle of its start, or nothing. It stops processes
// by their proven id alone.
import { readdir, rm, rmdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { adoptComponents, laidOutClusters, layingOutProcess } from './cluster.ts';
import { recordedProcesses, stopProcess } from './processes.ts';
import { readState, stateFile } from './state.ts';

// What writes to a server goes before it: an API server without its etcd, or a controller without its API
// server, waits long for an answer before it ends.
function stopOrder(name: string): number {
  if (name.endsWith('.etcd')) return 2;
  if (name.endsWith('.kube-apiserver')) return 1;
  return 0;
}

async function stopAll(dir: string): Promise<void> {
  const clusters = await laidOutClusters(dir);
  // First what would go on starting others.
  for (const cluster of clusters) await stopProcess(layingOutProcess({ dir, name: cluster }));
  for (const cluster of clusters) await adoptComponents({ dir, name: cluster });
  const names = await recordedProcesses(dir);
  const failures: unknown[] = [];
  for (const turn of [0, 1, 2]) {
    const stops = names.filter((name) => stopOrder(name) === turn).map((name) => stopProcess({ name, dir }));
    for (const stop of await Promise.allSettled(stops)) {
      if (stop.status === 'rejected') failures.push(stop.reason);
    }
  }
  if (failures.length > 0) throw new AggregateError(failures, failures.map(String).join('\n'));
}

// state.json last: as long as anything is left, the folder is known for a sandbox's.
async function removeFolder(dir: string): Promise<void> {
  for (const entry of await readdir(dir)) {
    const path = join(dir, entry);
    if (path !== stateFile(dir)) await rm(path, { recursive: true, force: true, maxRetries: 3 });
  }
  await rm(stateFile(dir), { force: true });
  await rmdir(dir);
  if (basename(dirname(dir)) !== '.refit') return;
  try {
    await rmdir(dirname(dir));
  } catch {
    // Something else stands in it: another sandbox, or records that somebody keeps there.
  }
}

/** False when there was no sandbox. The caller holds the folder's lock. */
export async function tearDown(dir: string): Promise<boolean> {
  if ((await readState(dir)) === undefined) return false;
  await stopAll(dir);
  await removeFolder(dir);
  return true;
}
