// What a run remembers of people's yeses: to an open gate, to many nodes in advance, and the approval that
// a quorum of them made. Plain JSON, each part bounded. Types only.

/** One yes to one gate. Void once the policy's `expiresAfter` has passed since `at`. */
export type Yes = { by: string; at: string };

/** A quorum that was complete: who made it, and when the first of its yeses is void. */
export type Approval = { by: readonly string[]; until: string | null };

/** A yes to many nodes at once: those at their gates, and those that come to theirs later. */
export type StandingYes = {
  by: string;
  at: string;
  planDigest: string | null;
  /** How many nodes it was for; null: all in its scope. */
  next: number | null;
  /** Of `next`: to how many it may still be given. */
  left: number | null;
  pool: string | null;
  zone: string | null;
  /** Tells two yeses of the same words apart. */
  id: string | null;
};
