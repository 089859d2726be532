// Lays nodes that follow each other on the hours of a policy: when the last of them ends, and how many
// begin in which opening. Begins none that is not expected to end inside, as the planner does.
import { isAlwaysOpen, openings } from './windows.ts';
import type { Calendar } from './windows.ts';

export type Rounds = {
  rounds: number;
  nodeMs: number;
  /** So much must be left of an opening for a node to begin. */
  expectedMs: number;
  /** So much longer must an opening be that is waited for. */
  marginMs: number;
};

/** `used`: of openings alone; a calendar that is always open names none. */
export type Laid = {
  endMs: number;
  used: readonly { from: string; until: string | null; rounds: number }[];
};

/** Undefined: they do not all fit into the openings that are in sight. */
export function layRounds(calendar: Calendar, fromMs: number, o: Rounds): Laid | undefined {
  if (o.rounds === 0 || isAlwaysOpen(calendar)) return { endMs: fromMs + o.rounds * o.nodeMs, used: [] };
  const used: { from: string; until: string | null; rounds: number }[] = [];
  let left = o.rounds;
  let cursorMs = fromMs;
  const lookMs = o.rounds * o.nodeMs + o.expectedMs + o.marginMs;
  for (const opening of openings(calendar, new Date(fromMs).toISOString(), lookMs)) {
    const opensMs = Date.parse(opening.from);
    const closesMs = opening.until === null ? Infinity : Date.parse(opening.until);
    const isWaitedFor = opensMs > fromMs;
    if (isWaitedFor && closesMs - opensMs < o.expectedMs + o.marginMs) continue;
    const beginsMs = Math.max(cursorMs, opensMs);
    const lastBeginMs = closesMs - o.expectedMs;
    if (beginsMs > lastBeginMs) continue;
    const fitting = Math.floor((lastBeginMs - beginsMs) / o.nodeMs) + 1;
    const rounds = Math.min(left, fitting);
    used.push({ from: opening.from, until: opening.until, rounds });
    left -= rounds;
    cursorMs = beginsMs + rounds * o.nodeMs;
    if (left === 0) return { endMs: cursorMs, used };
  }
  return undefined;
}
