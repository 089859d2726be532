// What a node at work cannot get past, as Temporal's server knows it: the step that fails and is tried again. The
// run itself is told nothing of that, since the server's retries write no history.
// Must never call trouble what is only not there yet, nor what has gone well since.
import type { ActiveNode, WaitingItem, WaitingKind } from './status.ts';

/** One step of a run that failed when it was last tried. */
export type StepTrouble = {
  /** The activity's name: `cordonNode`, `drainNode`, `awaitRejoined`, … */
  step: string;
  /** `Unreachable`, `Throttled`, `Forbidden`, …; null: the step itself could not say, its worker died. */
  kind: string | null;
  text: string;
  /** How often it was tried, and those times counted in which it was only not there yet. */
  attempt: number;
  /** When it failed last, RFC 3339; null: not known. */
  failedAt: string | null;
  /** When it is tried again; null: it is being tried now. */
  nextAt: string | null;
};

export type TroubledNode = { node: ActiveNode; trouble: StepTrouble };

/** As `WaitingItem`s are cut by the run. */
const TEXT_CHARS_MAX = 400;

/**
 * Each trouble before what the run knows of that node. Where the run only knows in which state the node is, the
 * trouble says it better, and stands alone.
 */
export function withTroubles(
  items: readonly WaitingItem[],
  troubled: readonly TroubledNode[],
): readonly WaitingItem[] {
  const byState = new Set(
    troubled
      .filter(({ node }) => (node.progress?.blockers.length ?? 0) === 0)
      .map(({ node }) => `node/${node.node}`),
  );
  return [...troubled.map(troubleItem), ...items.filter(({ subject }) => !byState.has(subject))];
}

function troubleItem({ node, trouble }: TroubledNode): WaitingItem {
  const { progress, state } = node;
  const pods =
    progress === null ? '' : `, ${String(progress.podsLeft)} of ${String(progress.podsTotal)} pods left`;
  return {
    subject: `node/${node.node}`,
    kind: kindOf(trouble),
    on: `${state}${pods}: ${troubleText(trouble)}`,
    since: node.since,
    until: node.until,
    freedBy: freedBy(trouble),
  };
}

/** `drainNode fails (attempt 7, last at 12:03:10Z): …` */
export function troubleText({ step, attempt, failedAt, text }: StepTrouble): string {
  const last = failedAt === null ? '' : `, last at ${failedAt}`;
  const told = text.length <= TEXT_CHARS_MAX ? text : `${text.slice(0, TEXT_CHARS_MAX - 1)}…`;
  return `${step} fails (attempt ${String(attempt)}${last}): ${told}`;
}

function kindOf({ kind }: StepTrouble): WaitingKind {
  switch (kind) {
    case 'Unreachable':
      return 'unreachable';
    case 'Throttled':
      return 'throttled';
    case 'Forbidden':
      return 'forbidden';
    default:
      return 'failing';
  }
}

function freedBy({ kind, nextAt }: StepTrouble): string {
  const again = nextAt === null ? 'it is being tried again now' : `it is tried again by itself at ${nextAt}`;
  switch (kind) {
    case 'Unreachable':
      return `an answer of that server; ${again}`;
    case 'Throttled':
      return `fewer requests to that API; ${again}`;
    case 'Forbidden':
      return `a right that somebody grants; ${again}`;
    default:
      return again;
  }
}
