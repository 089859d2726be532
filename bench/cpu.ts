// What processes and the whole machine have used of its processors, from Linux's /proc. It tells how much
// of a round was other people's work: on a shared machine a rate alone says little.
import { readFileSync } from 'node:fs';

/** /proc counts in hundredths of a second on every Linux, whatever the kernel's own tick. */
const TICK_MS = 10;

type Ticks = { ownMs: number; childrenMs: number };

/** The name in parentheses may hold spaces: fields are counted from behind it. utime is field 14. */
export function parseProcessStat(stat: string): Ticks {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = (field: number): number => {
    const value = Number(fields[field - 3]);
    if (!Number.isFinite(value)) throw new Error(`/proc stat has no field ${String(field)}: ${stat}`);
    return value * TICK_MS;
  };
  return { ownMs: ticks(14) + ticks(15), childrenMs: ticks(16) + ticks(17) };
}

/** Milliseconds of all processors together: used by anybody, and passed at all. */
export function parseMachineStat(stat: string): { busyMs: number; totalMs: number } {
  const line = stat.split('\n').find((each) => each.startsWith('cpu '));
  if (line === undefined) throw new Error('/proc/stat has no line of all processors');
  // user nice system idle iowait irq softirq steal; guests stand in user already.
  const ticks = line.trim().split(/\s+/).slice(1, 9).map(Number);
  const totalMs = ticks.reduce((sum, each) => sum + each, 0) * TICK_MS;
  const idleMs = ((ticks[3] ?? 0) + (ticks[4] ?? 0)) * TICK_MS;
  return { busyMs: totalMs - idleMs, totalMs };
}

export type Usage = {
  /** This process itself. */
  ownMs: number;
  /** Processes that this one started and that have ended. */
  childrenMs: number;
  /** By name, as given. */
  byName: Readonly<Record<string, number>>;
  busyMs: number;
  totalMs: number;
};

export function readUsage(pids: Readonly<Record<string, number>>): Usage {
  const byName: Record<string, number> = {};
  for (const [name, pid] of Object.entries(pids)) {
    byName[name] = parseProcessStat(readFileSync(`/proc/${String(pid)}/stat`, 'utf8')).ownMs;
  }
  return {
    ...parseProcessStat(readFileSync('/proc/self/stat', 'utf8')),
    byName,
    ...parseMachineStat(readFileSync('/proc/stat', 'utf8')),
  };
}

export function usageBetween(before: Usage, after: Usage): Usage {
  const byName = Object.fromEntries(
    Object.entries(after.byName).map(([name, ms]) => [name, ms - (before.byName[name] ?? 0)]),
  );
  return {
    ownMs: after.ownMs - before.ownMs,
    childrenMs: after.childrenMs - before.childrenMs,
    byName,
    busyMs: after.busyMs - before.busyMs,
    totalMs: after.totalMs - before.totalMs,
  };
}

/** The share of all processors that neither the bed nor the tool under test used, but somebody else. */
export function othersShare(usage: Usage): number {
  const ours = Object.values(usage.byName).reduce((sum, each) => sum + each, 0);
  return Math.max(0, usage.busyMs - ours - usage.ownMs - usage.childrenMs) / usage.totalMs;
}
