// Label selectors as the Kubernetes API matches them (metav1.LabelSelector).
// An operator that we do not know matches nothing: the API server, not we, has the last word on an eviction.

export type Requirement = { key: string; operator: string; values: readonly string[] };

export type Selector = {
  matchLabels: Readonly<Record<string, string>>;
  matchExpressions: readonly Requirement[];
};

/** All requirements must hold; the empty selector therefore matches everything. */
export function matchesSelector(selector: Selector, labels: Readonly<Record<string, string>>): boolean {
  return (
    Object.entries(selector.matchLabels).every(([key, value]) => labels[key] === value) &&
    selector.matchExpressions.every((requirement) => matchesRequirement(requirement, labels))
  );
}

function matchesRequirement(r: Requirement, labels: Readonly<Record<string, string>>): boolean {
  const value = Object.hasOwn(labels, r.key) ? labels[r.key] : undefined;
  switch (r.operator) {
    case 'In':
      return value !== undefined && r.values.includes(value);
    case 'NotIn':
      // A label that is absent is not in any set.
      return value === undefined || !r.values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    default:
      return false;
  }
}
