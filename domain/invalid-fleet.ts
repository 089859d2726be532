// What is wrong with a fleet file, or with what a run asks of it: where, what stood there, what was
// expected, how to mend it. All of it at once, up to a bound.

export type FleetProblem = {
  /** The file, or `input` for what a run was started with. */
  file: string;
  /** From 1; null where there is no text to point into. */
  line: number | null;
  column: number | null;
  /** `spec.clusters[0].pools[1].policy`; empty for the whole file. */
  path: string;
  found: string;
  expected: string;
  fix: string | null;
};

/** Enough to mend a file in one go; more is one mistake many times over. */
export const PROBLEMS_MAX = 20;

export class InvalidFleet extends Error {
  /** At most PROBLEMS_MAX. */
  readonly problems: readonly FleetProblem[];

  constructor(problems: readonly FleetProblem[]) {
    const kept = problems.slice(0, PROBLEMS_MAX);
    const left = problems.length - kept.length;
    super(renderFleetProblems(kept) + (left > 0 ? `\n\nand ${left} more` : ''));
    this.name = 'InvalidFleet';
    this.problems = kept;
  }
}

/** One problem a paragraph. */
export function renderFleetProblems(problems: readonly FleetProblem[]): string {
  return problems.map(renderFleetProblem).join('\n\n');
}

function renderFleetProblem(problem: FleetProblem): string {
  const place = [problem.file, problem.line, problem.column].filter((part) => part !== null).join(':');
  const lines = [
    problem.path === '' ? place : `${place}: ${problem.path}`,
    `  found:    ${problem.found}`,
    `  expected: ${problem.expected}`,
  ];
  if (problem.fix !== null) lines.push(`  fix:      ${problem.fix}`);
  return lines.join('\n');
}

/** Keys that are not plain words stand in quotes, as in `labels["nvidia.com/gpu"]`. */
export function renderPath(path: readonly (string | number)[]): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else if (/^[A-Za-z_][\w-]*$/.test(part)) text += text === '' ? part : `.${part}`;
    else text += `[${JSON.stringify(part)}]`;
  }
  return text;
}
