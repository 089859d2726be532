// What the nodes at work cannot get past, asked of the server child by child: a run is told nothing of the retries
// of its children. Must never keep a person from the run's own answer: what cannot be asked is left out, and said.
import PQueue from 'p-queue';
import type { TroubledNode } from '../../domain/step-trouble.ts';
import type { ActiveNode } from '../../domain/status.ts';
import type { TemporalSide } from './temporal-side.ts';

/** Those that have stood longest: among them is what is stuck. */
const CHILDREN_ASKED_MAX = 50;
const AT_ONCE = 10;

export type ChildTroubles = {
  troubled: readonly TroubledNode[];
  /** How many nodes at work were not asked about, or could not be. */
  unasked: number;
};

export async function collectChildTroubles(
  temporal: TemporalSide,
  active: readonly ActiveNode[],
): Promise<ChildTroubles> {
  const longest = [...active].sort((a, b) => Date.parse(a.since) - Date.parse(b.since));
  const chosen = longest.slice(0, CHILDREN_ASKED_MAX);
  const queue = new PQueue({ concurrency: AT_ONCE });
  let isSilent = false;
  const asked = await Promise.all(
    chosen.map((node) =>
      queue.add(async () => {
        if (isSilent) return undefined;
        try {
          const troubles = await temporal.collectTroubles(node.childId);
          return troubles.map((trouble) => ({ node, trouble }));
        } catch {
          // A server that does not answer once is not asked forty times more.
          isSilent = true;
          return undefined;
        }
      }),
    ),
  );
  const answered = asked.filter((one) => one !== undefined);
  return { troubled: answered.flat(), unasked: active.length - answered.length };
}
