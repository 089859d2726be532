// The planner's answer while it is made: steps, what is settled, what must be looked at first, and for all
// others one reason each. Must never tell two reasons of one node, nor forget one.
import { SETTLED_MAX } from '../plan.ts';
import type {
  CanaryLook,
  Disposition,
  DrainImpact,
  GateWish,
  NodeStep,
  PlanRow,
  WaitingNodes,
  Why,
} from '../plan.ts';
import type { InstanceFacts, ImageFacts } from '../inventory.ts';
import type { Board, PlanNextQuestion, PoolBoard } from './board.ts';

/** What was seen of one node beyond its Node: `null` is an instance that is gone. */
export type Look = {
  instance: InstanceFacts | null;
  daemonSets: readonly { namespace: string; name: string }[];
  /** Looked at only of nodes that somebody is asked about; absent: unknown. */
  impact?: DrainImpact;
};

export type Looks = {
  /** By node name. */
  seen: Readonly<Record<string, Look>>;
  images: Readonly<Record<string, ImageFacts>>;
  /** True: no further look is possible now; nodes not looked at go on waiting. */
  final: boolean;
};

/** Grows while one answer is made. */
export type Draft = {
  steps: NodeStep[];
  settled: Map<string, Disposition>;
  waiting: Map<string, WaitingNodes>;
  toLook: { node: string; instanceId: string }[];
  gates: GateWish[];
  canaries: CanaryLook[];
  more: boolean;
};

export type Context = { question: PlanNextQuestion; board: Board; looks: Looks; draft: Draft };

export function newDraft(): Draft {
  return {
    steps: [],
    settled: new Map(),
    waiting: new Map(),
    toLook: [],
    gates: [],
    canaries: [],
    more: false,
  };
}

/** One line for each cause and pool, however many nodes wait for it; the newest text tells the most. */
export function tell(
  draft: Draft,
  { pool }: PoolBoard,
  why: Why,
  o: { example: string; nodes?: number; zone?: string },
): void {
  const zone = why.kind === 'zoneBudget' ? o.zone : undefined;
  const key = `${why.kind}\n${pool.name}\n${zone ?? ''}`;
  const told = draft.waiting.get(key);
  const nodes = (told?.nodes ?? 0) + (o.nodes ?? 1);
  draft.waiting.set(key, {
    why,
    nodes,
    example: told?.example ?? o.example,
    pool: pool.name,
    ...(zone === undefined ? {} : { zone }),
  });
}

export function settle(
  { draft }: Context,
  poolBoard: PoolBoard,
  row: PlanRow,
  disposition: Disposition,
): void {
  if (draft.settled.size < SETTLED_MAX) {
    draft.settled.set(row.node, disposition);
    // The others of its pool may follow at once, and nothing but this answer tells that they may.
    if (row.canary === true) draft.more = true;
    return;
  }
  tellMore(draft, poolBoard, row.node, `at most ${SETTLED_MAX} nodes are settled in one answer`);
}

/** A bound of this answer leaves the node to the next one, which follows at once. */
export function tellMore(draft: Draft, poolBoard: PoolBoard, node: string, bound: string): void {
  draft.more = true;
  tell(
    draft,
    poolBoard,
    { kind: 'slots', text: `${bound}; freed when the next answer comes, at once` },
    { example: node },
  );
}
