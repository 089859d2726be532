// The note that stands on a node before it is rebooted. RebootInstances knows no token, so the note is
// what keeps a second attempt from rebooting again: it says who meant to reboot which boot of the node.
// Must never read "not asked for" out of a note that it does not understand.

export type RebootNote = { owner: string; attempt: number; bootId: string; at: string };

/** Annotation on the Node. */
export const REBOOT_ANNOTATION = 'refit.dev/reboot';

export function renderRebootNote(note: RebootNote): string {
  return JSON.stringify({ owner: note.owner, attempt: note.attempt, bootId: note.bootId, at: note.at });
}

/** undefined when there is none, or when it is not one of ours. */
export function parseRebootNote(text: string | undefined): RebootNote | undefined {
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { owner, attempt, bootId, at } = value as Partial<Record<keyof RebootNote, unknown>>;
  if (typeof owner !== 'string' || typeof attempt !== 'number') return undefined;
  if (typeof bootId !== 'string' || typeof at !== 'string') return undefined;
  return { owner, attempt, bootId, at };
}

/** The same run, the same attempt, the same boot: the reboot that this note announced is this one. */
export function isSameReboot(note: RebootNote | undefined, ours: Omit<RebootNote, 'at'>): boolean {
  return note?.owner === ours.owner && note.attempt === ours.attempt && note.bootId === ours.bootId;
}

/**
 * A reboot that was asked for shows within this time, on the slowest of GPU nodes. If the boot is the
 * same after it, nobody knows whether the request went out, and a second one could hit a node at work.
 */
export const REBOOT_SHOWS_WITHIN_MS = 15 * 60 * 1000;

export type RebootJudgement =
  { kind: 'rebooted' } | { kind: 'notYet'; why: string } | { kind: 'unsafe'; why: string };

/** What became of a reboot whose note stands. `bootIdNow` is from the shared watch, seconds old at most. */
export function judgeReboot(
  note: RebootNote,
  seen: { bootIdNow: string | undefined; now: string },
): RebootJudgement {
  if (seen.bootIdNow !== undefined && seen.bootIdNow !== note.bootId) return { kind: 'rebooted' };
  const why = `the reboot noted at ${note.at} does not show: bootID is still ${note.bootId}`;
  // Negated, so that a time which nobody can read ends with a person rather than never.
  if (!(Date.parse(seen.now) - Date.parse(note.at) < REBOOT_SHOWS_WITHIN_MS)) {
    return {
      kind: 'unsafe',
      why: `${why}. Whether it was ever sent is unknown; look at the instance, then retry the node`,
    };
  }
  return { kind: 'notYet', why };
}
