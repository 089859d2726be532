// May this pod stand on that node, its room left aside: node selector, required node affinity, taints and
// where its volumes are, as the scheduler's filters of these names judge them. Must never say yes where one
// of them says no; an operator that is not known here is a no.
import { matchesSelector } from '../drain/selector.ts';
import type { Requirement } from '../drain/selector.ts';
import type { NodeFacts } from '../inventory.ts';
import type { Amounts } from './quantity.ts';

/** All requirements hold; one without any matches nothing. */
export type NodeTerm = { labels: readonly Requirement[]; fields: readonly Requirement[] };

export type Toleration = {
  /** '' with `Exists`: every taint. */
  key: string;
  /** Equal | Exists */
  operator: string;
  value: string;
  /** '': every effect. */
  effect: string;
};

/** What one pod asks of a node; equal for the pods of one template, and kept once for all of them. */
export type PodShape = {
  requests: Amounts;
  nodeSelector: Readonly<Record<string, string>>;
  /** One of them must match; null: anywhere. */
  affinity: readonly NodeTerm[] | null;
  tolerations: readonly Toleration[];
};

/** Where a volume can be used: one term of each list must match. Empty: everywhere. */
export type VolumePlaces = readonly (readonly NodeTerm[])[];

/** A node as a place for pods. */
export type Place = Pick<NodeFacts, 'name' | 'labels' | 'taints' | 'unschedulable' | 'ready'>;

/** Why a pod cannot stand there: the first that says no. */
export type Misfit = 'closed' | 'selector' | 'affinity' | 'taint';

export function whyMisfit(shape: PodShape, place: Place): Misfit | undefined {
  if (place.unschedulable || place.ready !== 'True') return 'closed';
  if (!matchesSelector({ matchLabels: shape.nodeSelector, matchExpressions: [] }, place.labels)) {
    return 'selector';
  }
  if (shape.affinity !== null && !matchesAny(shape.affinity, place)) return 'affinity';
  return isTolerated(shape.tolerations, place) ? undefined : 'taint';
}

export function fitsVolumes(volumes: VolumePlaces, place: Place): boolean {
  return volumes.every((terms) => matchesAny(terms, place));
}

function matchesAny(terms: readonly NodeTerm[], { name, labels }: Place): boolean {
  return terms.some(
    (term) =>
      term.labels.length + term.fields.length > 0 &&
      term.labels.every((requirement) => matchesLabel(requirement, labels)) &&
      // The only field that the API knows here.
      term.fields.every(
        (requirement) =>
          requirement.key === 'metadata.name' && matchesLabel(requirement, { 'metadata.name': name }),
      ),
  );
}

function matchesLabel(requirement: Requirement, labels: Readonly<Record<string, string>>): boolean {
  const { key, operator, values } = requirement;
  if (operator !== 'Gt' && operator !== 'Lt') {
    return matchesSelector({ matchLabels: {}, matchExpressions: [requirement] }, labels);
  }
  const found = Number.parseInt(Object.hasOwn(labels, key) ? (labels[key] ?? '') : '', 10);
  const bound = Number.parseInt(values[0] ?? '', 10);
  return operator === 'Gt' ? found > bound : found < bound;
}

/** Of those that keep pods away; PreferNoSchedule only asks. */
function isTolerated(tolerations: readonly Toleration[], { taints }: Place): boolean {
  return taints
    .filter(({ effect }) => effect === 'NoSchedule' || effect === 'NoExecute')
    .every((taint) => tolerations.some((toleration) => tolerates(toleration, taint)));
}

function tolerates(toleration: Toleration, taint: Place['taints'][number]): boolean {
  const { key, operator, value, effect } = toleration;
  if (effect !== '' && effect !== taint.effect) return false;
  if (operator === 'Exists') return key === '' || key === taint.key;
  return operator === 'Equal' && key === taint.key && value === taint.value;
}
