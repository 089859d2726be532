// What a test says as a person: `refit` about one run, with a name; and what people may expect of nodes that
// nothing is done to. Must never look at what Refit holds in memory.
import { expect } from '@jest/globals';
import { refit } from './bed.ts';
import type { Bed, Said } from './bed.ts';
import { nodeView } from './run-control.ts';

const sayAs = (bed: Bed, by: string, run: string, ...args: string[]): Promise<Said> =>
  refit(bed, ...args, '-w', run, '--by', by);

/** It takes effect; answers what it did. */
export async function mustSay(bed: Bed, by: string, run: string, ...args: string[]): Promise<string> {
  const said = await sayAs(bed, by, run, ...args);
  expect({ args, ...said }).toMatchObject({ code: 0 });
  return said.stdout;
}

/** It is refused with this reason, and nothing stands on stdout. */
export async function refusedSaying(
  bed: Bed,
  o: { by: string; run: string; why: RegExp },
  ...args: string[]
): Promise<void> {
  const said = await sayAs(bed, o.by, o.run, ...args);
  expect({ args, code: said.code, out: said.stdout }).toEqual({ args, code: 1, out: '' });
  expect(said.stderr).toMatch(o.why);
}

/** Schedulable, Ready, and nothing of ours on it but the release that it was given. */
export async function expectNormal(bed: Bed, nodes: readonly string[]): Promise<void> {
  for (const node of nodes) {
    const { unschedulable, ready, marks } = await nodeView(bed, node);
    const left = Object.keys(marks).filter((key) => key !== 'refit.dev/release');
    expect({ node, unschedulable, ready, left }).toEqual({
      node,
      unschedulable: false,
      ready: true,
      left: [],
    });
  }
}
