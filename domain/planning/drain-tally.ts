// Takes in the pods of a cluster one by one, and keeps of them only what a plan needs: what the pods of each
// node ask for, and for the nodes that would be drained what holds which pods, and what they need elsewhere.
// Judges by the very functions that a drain uses. Bounded: no pod is kept, only counts, an example of each
// kind, and each shape of pod once.
import { checkBudget, findBudgets } from '../drain/budget.ts';
import { chooseForDrain } from '../drain/choose.ts';
import type { DaemonSetLookup } from '../drain/choose.ts';
import { isFinished, podKey } from '../drain/pod.ts';
import type { PdbFacts, PodFacts } from '../drain/pod.ts';
import { findRule } from '../drain/rules.ts';
import { own } from '../own.ts';
import type { DrainRule } from '../policy.ts';
import { RISK_TEXT_CHARS_MAX } from '../preflight.ts';
import type { NodeRisk, RiskKind } from '../preflight.ts';
import type { PodShape, VolumePlaces } from './placing.ts';
import type { Amounts } from './quantity.ts';

/** A pod as the tally looks at it; nothing of it is kept. */
export type PodLoad = {
  pod: PodFacts;
  shape: PodShape;
  /** Names of the claims that it mounts. */
  claims: readonly string[];
  keepsEmptyDir: boolean;
};

/** Pods of one node that ask for the same. */
export type NodeDemand = { shape: PodShape; claims: readonly string[]; pods: number; example: string };

export type NodeDrain = {
  pods: number;
  /** Of the pods: owned by a Job. */
  ofJobs: number;
  /** Of the pods: under a PodDisruptionBudget. */
  guarded: number;
  risks: ReadonlyMap<RiskKind, NodeRisk>;
  demands: readonly NodeDemand[];
};

/** What was seen of a cluster's pods, once, for one plan. */
export type DrainFacts = {
  /** Requests of the pods that have not ended, by node; how many they are stands under `pods`. */
  used: ReadonlyMap<string, Amounts>;
  /** Of the nodes in scope that have such pods. */
  drains: ReadonlyMap<string, NodeDrain>;
  /** By `namespace/claim`, or why that is not known. */
  volumes: { kind: 'known'; places: ReadonlyMap<string, VolumePlaces> } | { kind: 'unknown'; why: string };
};

export type DrainTally = {
  add(load: PodLoad): void;
  end(): Pick<DrainFacts, 'used' | 'drains'>;
};

export type TallyContext = {
  /** Nodes that would be drained, each with the rules of its policy. */
  scope: ReadonlyMap<string, readonly DrainRule[]>;
  pdbsOf: (namespace: string) => readonly PdbFacts[];
  lookUpDaemonSet: (namespace: string, name: string) => DaemonSetLookup;
};

type Growing = Pick<NodeDrain, 'pods' | 'ofJobs' | 'guarded'> & {
  risks: Map<RiskKind, NodeRisk>;
  demands: Map<string, NodeDemand>;
};

export function createDrainTally(context: TallyContext): DrainTally {
  const used = new Map<string, Record<string, number>>();
  const drains = new Map<string, Growing>();
  const shapes = new Map<string, PodShape>();
  return {
    add(load) {
      const { pod, shape } = load;
      if (isFinished(pod)) return;
      addRequests(used, pod.node, shape.requests);
      const rules = context.scope.get(pod.node);
      if (rules === undefined) return;
      const choice = chooseForDrain(pod, { ...context, force: false });
      if (choice.kind === 'skip') return;
      const drain = drains.get(pod.node) ?? newDrain();
      drains.set(pod.node, drain);
      drain.pods += 1;
      if (pod.controller?.kind === 'Job') drain.ofJobs += 1;
      if (findBudgets(pod, context.pdbsOf(pod.namespace)).length > 0) drain.guarded += 1;
      for (const { kind, text } of listRisks(load, choice, rules, context)) {
        addRisk(drain.risks, kind, pod, text);
      }
      if (choice.kind === 'evict' && pod.deletionTimestamp === null) addDemand(drain.demands, shapes, load);
    },
    end: () => ({
      used,
      drains: new Map(
        [...drains].map(([node, { demands, ...counted }]) => [
          node,
          { ...counted, demands: [...demands.values()] },
        ]),
      ),
    }),
  };
}

function newDrain(): Growing {
  return { pods: 0, ofJobs: 0, guarded: 0, risks: new Map(), demands: new Map() };
}

function addRequests(used: Map<string, Record<string, number>>, node: string, requests: Amounts): void {
  const sum = used.get(node) ?? {};
  for (const [resource, asked] of Object.entries(requests)) sum[resource] = (own(sum, resource) ?? 0) + asked;
  used.set(node, sum);
}

type Found = { kind: RiskKind; text: string };

const BLOCKS = {
  bare: 'bare',
  daemonSetMissing: 'daemonSetMissing',
  daemonSetUnknown: 'daemonSetMissing',
  annotation: 'annotation',
} as const satisfies Record<string, RiskKind>;

function listRisks(
  { pod, keepsEmptyDir }: PodLoad,
  choice: ReturnType<typeof chooseForDrain>,
  rules: readonly DrainRule[],
  { pdbsOf }: TallyContext,
): readonly Found[] {
  const found: Found[] = [];
  if (choice.kind === 'blocked') {
    // It ends by itself: nobody has to deal with it.
    const waits = choice.reason === 'annotation' && pod.drainWish === 'wait';
    found.push({ kind: waits ? 'wait' : BLOCKS[choice.reason], text: choice.why });
  }
  const budget = checkBudget(pod, findBudgets(pod, pdbsOf(pod.namespace)));
  if (budget.kind === 'held') {
    // One whose controller is a moment behind allows nothing now, like one that is used up.
    const kind = budget.by === 'pdb' || budget.by === 'pdbStale' ? 'pdbNow' : budget.by;
    found.push({ kind, text: budget.text });
  }
  const rule = findRule(pod, rules);
  if (rule !== undefined && rule.waitFor !== 'nothing') {
    const what = rule.waitFor === 'completion' ? 'its end' : 'a checkpoint';
    found.push({ kind: 'rule', text: `drain rule ${rule.name} waits for ${what}` });
  }
  if (keepsEmptyDir) found.push({ kind: 'localStorage', text: 'what it keeps in an emptyDir is lost' });
  return found;
}

function addRisk(risks: Map<RiskKind, NodeRisk>, kind: RiskKind, pod: PodFacts, text: string): void {
  const known = risks.get(kind);
  if (known === undefined) {
    risks.set(kind, { kind, pods: 1, example: podKey(pod), text: text.slice(0, RISK_TEXT_CHARS_MAX) });
  } else risks.set(kind, { ...known, pods: known.pods + 1 });
}

/** A shape is kept once, whoever asks by it: what is found out about it is found out once too. */
function addDemand(
  demands: Map<string, NodeDemand>,
  shapes: Map<string, PodShape>,
  { pod, shape, claims }: PodLoad,
): void {
  const shapeKey = JSON.stringify(shape);
  const same = shapes.get(shapeKey) ?? shape;
  shapes.set(shapeKey, same);
  const keys = claims.map((name) => podKey({ namespace: pod.namespace, name }));
  const key = `${shapeKey}\n${keys.join('\n')}`;
  const known = demands.get(key);
  if (known === undefined) demands.set(key, { shape: same, claims: keys, pods: 1, example: podKey(pod) });
  else demands.set(key, { ...known, pods: known.pods + 1 });
}
