// `npm run simulate`: as many rollouts by chance as one asks for. Totals on stdout, progress on stderr; exit code
// 1 when a rule was broken, 2 when the command line was not understood.
import { USAGE, UsageError, parseOptions } from './options.ts';
import type { SimulateOptions } from './options.ts';
import { simulate } from './simulate.ts';

/** Seldom enough to be read, often enough to see that it goes on. */
const PROGRESS_EVERY_MS = 5_000;

function run({ runs, seed: first, nodesMax }: SimulateOptions): boolean {
  const totals = new Map<string, number>();
  const count = (what: string, times: number) => totals.set(what, (totals.get(what) ?? 0) + times);
  const began = performance.now();
  let told = began;
  for (let seed = first; seed < first + runs; seed += 1) {
    try {
      const story = simulate(seed, nodesMax);
      count('rollouts', 1);
      count('nodes', story.nodes);
      count('steps', story.steps);
      count(`outcome ${story.outcome}`, 1);
      for (const [what, times] of story.totals) count(what, times);
    } catch (error) {
      const nodes = nodesMax === 500 ? '' : ` --nodes ${String(nodesMax)}`;
      process.stdout.write(
        `seed ${String(seed)}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n` +
          `again: npm run simulate -- --seed ${String(seed)} --runs 1${nodes}\n`,
      );
      return false;
    }
    if (performance.now() - told < PROGRESS_EVERY_MS) continue;
    told = performance.now();
    process.stderr.write(`${String(seed - first + 1)} of ${String(runs)} rollouts, no rule broken\n`);
  }
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  const last = first + runs - 1;
  const lines = [...totals].sort().map(([what, times]) => `  ${what}: ${String(times)}`);
  const head = `seeds ${String(first)} to ${String(last)}: no rule was broken (${seconds} s)`;
  process.stdout.write(`${[head, ...lines].join('\n')}\n`);
  return true;
}

try {
  const args = process.argv.slice(2);
  if (args.includes('--help')) process.stdout.write(`${USAGE}\n`);
  else process.exitCode = run(parseOptions(args)) ? 0 : 1;
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n${USAGE}\n`);
  process.exitCode = 2;
}
