// Part `planning`: what it takes to plan a run, and one step in the middle of it, over fleets of several sizes.
// Pure computation: each size in a process of its own, so that its memory is its own.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { loadavg } from 'node:os';
import { judge, median, renderNumber, renderTable } from './figures.ts';
import type { Goal } from './figures.ts';
import type { BenchOptions } from './options.ts';
import type { PartResult } from './part.ts';
import type { StepMeasured } from './planning-step.ts';

const SIZES = [1_000, 10_000, 100_000] as const;
/** So that the median is of more than chance. */
const ROUNDS_MIN = 5;
const LARGEST = 100_000;

const GOALS = {
  seconds: {
    what: `processor seconds to plan one step of ${String(LARGEST)} nodes, the worst round`,
    atMost: 2,
  },
  mib: { what: `MiB of a process that plans ${String(LARGEST)} nodes, at most`, atMost: 1024 },
} as const satisfies Record<string, Goal>;

function measure(size: number, rounds: number): StepMeasured {
  const program = join(import.meta.dirname, 'planning-step.ts');
  const printed = execFileSync(process.execPath, [program, String(size), String(rounds)], {
    encoding: 'utf8',
  });
  return JSON.parse(printed) as StepMeasured;
}

export function benchPlanning({ runs }: BenchOptions): PartResult {
  const rounds = Math.max(runs, ROUNDS_MIN);
  const measured = SIZES.map((size) => measure(size, rounds));
  const cells = (ms: readonly number[]) => [renderNumber(median(ms)), renderNumber(Math.max(...ms))];
  const rows = measured.map((one) => [
    `${String(one.nodes)} nodes`,
    ...cells(one.planRunMs),
    ...cells(one.planNextMs),
    ...cells(one.planNextCpuMs),
    String(one.steps),
    renderNumber(one.mostMib),
  ]);
  const header = [
    '',
    'a run, ms',
    'slowest',
    'one step, ms',
    'slowest',
    'its CPU ms',
    'most',
    'nodes begun',
    'MiB',
  ];
  const load = loadavg()[0]?.toFixed(1) ?? '?';
  const lines = [
    `${String(rounds)} rounds each, one process a size; load average ${load} at the end`,
    ...renderTable([header, ...rows]),
  ];
  const largest = measured.find(({ nodes }) => nodes === LARGEST);
  // What it takes on a machine of its own: beside others, it waits for them.
  const seconds = Math.max(...(largest?.planNextCpuMs ?? [Number.NaN])) / 1000;
  const verdicts = [judge(GOALS.seconds, seconds), judge(GOALS.mib, largest?.mostMib ?? Number.NaN)];
  return { lines, verdicts, measured };
}
