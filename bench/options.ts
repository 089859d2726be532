// The bench's command line. Pure; everything that is not understood is refused before anything starts.
export const PART_NAMES = [
  'drain',
  'pdb-zero',
  'requests',
  'history',
  'dead-time',
  'long-run',
  'planning',
  'makespan',
] as const;
export type PartName = (typeof PART_NAMES)[number];

export type BenchOptions = {
  parts: readonly PartName[];
  /** Nodes that are drained in each round. */
  nodes: number;
  podsPerNode: number;
  /** Rounds of each tool. */
  runs: number;
  /** Of the nodes, so many for the sequential kubectl: it is slow, and its rate does not depend on it. */
  sequentialNodes: number;
  /** Sizes of the fleets whose worker's memory is measured. */
  memoryNodes: readonly number[];
  /** Nodes of the real run. */
  runNodes: number;
  /** Nodes of the run whose histories are measured with nodes that exist only in memory. */
  longNodes: number;
  /** Nodes of the fleet whose refills are timed; two thirds of them are in the pool that is upgraded. */
  refillNodes: number;
};

export const USAGE = `npm run bench -- [PART…] [options]      PART: ${PART_NAMES.join(', ')}; none: all of them
  --nodes N              nodes drained in each round (200)
  --pods N               pods on each of them (5)
  --runs K               rounds of each tool, of planning and of makespan (3)
  --sequential-nodes N   of them, for kubectl one after another (a quarter)
  --run-nodes N          nodes of the real upgrade (24)
  --refill-nodes N       nodes of the fleet whose freed slots are timed (90)
  --long-nodes N         nodes of the long run (1000), which exist only in memory
  --memory-nodes N,N,…   fleets whose worker's memory is measured (24,200,1000)`;

export class UsageError extends Error {}

const NUMBERS = [
  'nodes',
  'pods',
  'runs',
  'sequential-nodes',
  'run-nodes',
  'refill-nodes',
  'long-nodes',
] as const;
type NumberName = (typeof NUMBERS)[number];

export function parseOptions(args: readonly string[]): BenchOptions {
  const parts: PartName[] = [];
  const given = new Map<NumberName, number>();
  let memoryNodes: number[] = [24, 200, 1000];
  for (let at = 0; at < args.length; at += 1) {
    const arg = args[at] ?? '';
    if (!arg.startsWith('--')) {
      parts.push(partOf(arg));
      continue;
    }
    const name = arg.slice(2);
    const value = args[(at += 1)];
    if (name === 'memory-nodes') memoryNodes = (value ?? '').split(',').map((each) => whole(name, each));
    else given.set(numberOf(name), whole(name, value));
  }
  const nodes = given.get('nodes') ?? 200;
  const sequentialNodes = given.get('sequential-nodes') ?? Math.max(1, Math.floor(nodes / 4));
  if (nodes < 10) throw new UsageError('--nodes: ten kubectl side by side want at least 10');
  if ((given.get('refill-nodes') ?? 90) < 9)
    throw new UsageError('--refill-nodes: at least 9, or no slot is refilled');
  if (sequentialNodes > nodes) throw new UsageError(`--sequential-nodes: there are only ${String(nodes)}`);
  return {
    parts: parts.length === 0 ? PART_NAMES : parts,
    nodes,
    podsPerNode: given.get('pods') ?? 5,
    runs: given.get('runs') ?? 3,
    sequentialNodes,
    memoryNodes,
    longNodes: given.get('long-nodes') ?? 1000,
    runNodes: given.get('run-nodes') ?? 24,
    refillNodes: given.get('refill-nodes') ?? 90,
  };
}

function partOf(text: string): PartName {
  const part = PART_NAMES.find((each) => each === text);
  if (part === undefined)
    throw new UsageError(`there is no part ${text}; there are ${PART_NAMES.join(', ')}`);
  return part;
}

function numberOf(text: string): NumberName {
  const name = NUMBERS.find((each) => each === text);
  if (name === undefined) throw new UsageError(`there is no option --${text}`);
  return name;
}

function whole(name: string, text: string | undefined): number {
  const value = Number(text);
  if (text !== undefined && text !== '' && Number.isInteger(value) && value >= 1 && value <= 10_000)
    return value;
  throw new UsageError(`--${name} is ${text ?? 'missing'}; expected a whole number between 1 and 10000`);
}
