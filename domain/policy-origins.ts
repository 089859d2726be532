// Where each effective value of a policy comes from: the built-in default, a policy of the fleet file, or what
// was overridden for one run. Kept beside the policies, so that a plan's digest does not depend on it: the same
// values are the same plan, whoever has written them.
import { own } from './own.ts';
import { listPolicyFields } from './policy-changes.ts';
import type { Policy } from './policy.ts';

/** By policy: the policies of the fleet file that say something in it, each with the fields that it says. */
export type FieldOrigins = Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;

export type PolicyOrigins = {
  policies: FieldOrigins;
  /** Fields that were overridden for this run, in all of its pools. */
  overrides: readonly string[];
};

export type PolicyValue = {
  field: string;
  /** As a fleet file writes it. */
  value: string;
  /** `default`, `policy <name>`, `override`, or `unknown` in a run of an older version. */
  from: string;
};

/** Every field, in the order of the fleet file. */
export function listPolicyValues(policy: Policy, origins: PolicyOrigins | undefined): readonly PolicyValue[] {
  const said = new Map(
    Object.entries(own(origins?.policies, policy.name) ?? {}).flatMap(([name, fields]) =>
      fields.map((field) => [field, name] as const),
    ),
  );
  const fromOf = (field: string) => {
    if (origins === undefined) return 'unknown';
    if (origins.overrides.includes(field)) return 'override';
    const name = said.get(field);
    return name === undefined ? 'default' : `policy ${name}`;
  };
  return listPolicyFields(policy).map(({ field, value }) => ({ field, value, from: fromOf(field) }));
}
