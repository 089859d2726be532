// `npm run bench`: every figure that docs/performance.md tells, measured anew on servers of its own. Prose
// for people on stdout, progress on stderr. A missed goal is told and ends nothing: the figures are the point.
import { arch, cpus, loadavg, platform, totalmem } from 'node:os';
import { say } from './bed.ts';
import { benchDeadTime } from './dead-time.ts';
import { benchDrain } from './drain.ts';
import { renderVerdict } from './figures.ts';
import { benchHistory } from './history.ts';
import { benchMakespan } from './makespan.ts';
import { benchLongRun } from './long-run.ts';
import { USAGE, UsageError, parseOptions } from './options.ts';
import type { BenchOptions, PartName } from './options.ts';
import type { PartResult } from './part.ts';
import { benchPdbZero } from './pdb-zero.ts';
import { benchPlanning } from './planning.ts';
import { benchRequests } from './whole-node.ts';

const PARTS: Readonly<Record<PartName, (o: BenchOptions) => Promise<PartResult> | PartResult>> = {
  drain: benchDrain,
  'pdb-zero': benchPdbZero,
  requests: benchRequests,
  history: benchHistory,
  planning: benchPlanning,
  makespan: benchMakespan,
  'dead-time': benchDeadTime,
  'long-run': benchLongRun,
};

function describeMachine(): string {
  const [first] = cpus();
  const gib = Math.round(totalmem() / 2 ** 30);
  const load = loadavg()[0]?.toFixed(1) ?? '?';
  return `${String(cpus().length)} × ${first?.model ?? arch()}, ${String(gib)} GiB, load ${load} at the start`;
}

async function main(): Promise<void> {
  if (process.argv.includes('--help')) return void process.stdout.write(`${USAGE}\n`);
  const options = parseOptions(process.argv.slice(2));
  if (platform() !== 'linux')
    throw new UsageError('the bench reads processor times from /proc: it needs Linux');
  process.stdout.write(`${new Date().toISOString()} on ${describeMachine()}\n`);
  for (const part of options.parts) {
    say(`part ${part}`);
    const { lines, verdicts } = await PARTS[part](options);
    process.stdout.write(`\n== ${part}\n${[...lines, '', ...verdicts.map(renderVerdict)].join('\n')}\n`);
  }
}

try {
  await main();
} catch (error) {
  const known = error instanceof UsageError;
  const text = known || !(error instanceof Error) ? String(error) : (error.stack ?? error.message);
  process.stderr.write(`${text}\n${known ? `${USAGE}\n` : ''}`);
  process.exitCode = 1;
}
