// Fields of a policy that the format knows and this version does not enforce. Each is refused by
// name when it is set to other than its neutral value: a promise that nobody keeps is worse than none.
import { renderPath } from '../invalid-fleet.ts';
import { valueAt, type Finding } from './finding.ts';

type Unenforced = { path: readonly string[]; neutral: string; isNeutral: (value: unknown) => boolean };

const isEmptyList = (value: unknown) => Array.isArray(value) && value.length === 0;

export const unenforced: readonly Unenforced[] = [
  { path: ['verify', 'checks'], neutral: '[]', isNeutral: isEmptyList },
];

/** What stands in `policy` (as written, not parsed) that this version would have to ignore. */
export function checkEnforced(policy: unknown, at: readonly (string | number)[]): Finding[] {
  return unenforced.flatMap((field) => {
    const value = valueAt(policy, field.path);
    if (value === undefined || field.isNeutral(value)) return [];
    return [
      {
        path: [...at, ...field.path],
        at: 'value' as const,
        expected: `${field.neutral}: this version does not enforce ${renderPath(field.path)}, and refuses what it would have to ignore`,
        fix: `leave it out, or set it to ${field.neutral}`,
      },
    ];
  });
}
