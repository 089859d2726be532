// The command line of `npm run simulate`. Pure; what is not understood is refused before anything runs.

export type SimulateOptions = { runs: number; seed: number; nodesMax: number };

export const USAGE = `npm run simulate -- [options]
Rollouts by chance, each from its plan to its end in simulated time: the planner and the machines as they are,
their every step judged by a checker of its own. Ends with the first that breaks a rule, with its seed and the
command that repeats it.
  --runs N       so many rollouts (100)
  --seed S       the first one's seed; the next ones count up (1)
  --nodes N      the largest fleets (500)
  --help`;

export class UsageError extends Error {}

const LEAST_AND_MOST = { runs: [1, 1_000_000], seed: [1, 4_294_967_295], nodes: [1, 5_000] } as const;

export function parseOptions(args: readonly string[]): SimulateOptions {
  const given = { runs: 100, seed: 1, nodes: 500 };
  for (let at = 0; at < args.length; at += 2) {
    const name = (args[at] ?? '').replace(/^--/, '');
    if (name !== 'runs' && name !== 'seed' && name !== 'nodes') {
      throw new UsageError(`there is no option ${args[at] ?? ''}; there are --runs, --seed, --nodes, --help`);
    }
    const [least, most] = LEAST_AND_MOST[name];
    const value = args[at + 1];
    const number = Number(value);
    if (value === undefined || value === '' || !Number.isInteger(number) || number < least || number > most) {
      const range = `a whole number between ${String(least)} and ${String(most)}`;
      throw new UsageError(`--${name} is ${value ?? 'missing'}; expected ${range}`);
    }
    given[name] = number;
  }
  return { runs: given.runs, seed: given.seed, nodesMax: given.nodes };
}
