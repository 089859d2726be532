// Holds a whole run at gate `tier/<tier>` until the tiers below have soaked what it would roll out, or people
// have said yes in spite of it. Must never let a node through on the mere passing of time: when it is over, the
// records are asked again, and what was found is handed in anew.
import type { GateWish, Why } from '../plan.ts';
import type { Tier } from '../fleet.ts';
import type { RunDefinition } from '../run.ts';

export function gateOfTier(tier: Tier): string {
  return `tier/${tier}`;
}

/** undefined: nothing is held. `opened`: gates of the planner that people have said yes to. */
export function whyLowerTiers(
  { tier, lowerTiers }: RunDefinition,
  opened: readonly string[],
): { why: Why; gate: GateWish } | undefined {
  if (lowerTiers === undefined) return undefined;
  const { until, found } = lowerTiers;
  const name = gateOfTier(tier);
  if (opened.includes(name)) return undefined;
  const time = until === null ? '' : `at ${until}, when it has soaked and the records say so, or `;
  return {
    why: {
      kind: 'lowerTier',
      text: `what would be rolled out has not soaked below ${tier}: ${found[0] ?? ''}; freed ${time}when gate ${name} is approved`,
      freedBy: `${until === null ? '' : 'its time, or '}refit approve ${name}, or refit reject ${name}`,
      ...(until === null ? {} : { until }),
    },
    gate: {
      name,
      kind: 'tier',
      pool: '',
      evidence: [
        `${tier} would be given what the tiers below have not soaked:`,
        ...found.map((line) => `  ${line}`),
        ...(until === null
          ? []
          : [`without an answer it goes on at ${until}, if the records say then that all of it has soaked`]),
        'approve: it is rolled out in spite of that; reject: the nodes of this run are skipped',
      ],
    },
  };
}
