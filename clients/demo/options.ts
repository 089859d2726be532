// What `npm run demo -- …` takes.
import { parseArgs } from 'node:util';

export type DemoOptions = {
  /** Approve without asking. */
  yes: boolean;
  /** Leave everything up at the end. */
  keep: boolean;
  /** Kill the worker in the middle. */
  kill: boolean;
  nodes: number;
};

export const DEMO_HELP = `npm run demo -- [options]

Starts a real Temporal server and a real Kubernetes control plane with simulated GPU nodes on this
machine, and takes the nodes through a durable upgrade; you approve the first three.

  --yes        approve without asking (also when there is no terminal)
  --keep       leave everything up at the end, to look around
  --no-kill    do not kill the worker in the middle
  --nodes N    how many nodes, 6 to 1000 (default: 24)
`;

// With fewer, all nodes of a pool are away at once and their pods have nowhere to go: PDBs then rightly
// hold the drain for ever.
const NODES_MIN = 6;
const NODES_MAX = 1_000;

/** A text is what is wrong. */
export function parseDemoOptions(args: readonly string[]): DemoOptions | 'help' | { wrong: string } {
  let values;
  try {
    values = parseArgs({
      args: [...args],
      allowNegative: true,
      options: {
        yes: { type: 'boolean', short: 'y', default: false },
        keep: { type: 'boolean', default: false },
        kill: { type: 'boolean', default: true },
        nodes: { type: 'string', default: '24' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values;
  } catch (error) {
    return { wrong: error instanceof Error ? error.message : String(error) };
  }
  if (values.help) return 'help';
  const nodes = Number(values.nodes);
  if (!Number.isInteger(nodes) || nodes < NODES_MIN || nodes > NODES_MAX) {
    return { wrong: `--nodes is ${values.nodes}; expected a whole number from 6 to 1000` };
  }
  return { yes: values.yes, keep: values.keep, kill: values.kill, nodes };
}
