// What a test says as a person: `refit` about one run, with a name; and what people may expect of nodes that
// nothing is done to. Must never look at what Refit holds in memory.
import { expect } from '@jest/globals';
import { refit } from './bed.ts';
import type { Bed, Said } from './bed.ts';
import { awaitThat, nodeView } from './run-control.ts';
import type { NodeView } from './run-control.ts';

const UNANSWERED = 'its worker is busy or has just died';
const TRIES_MAX = 10;

const sayAs = (bed: Bed, by: string, run: string, ...args: string[]): Promise<Said> =>
  refit(bed, ...args, '-w', run, '--by', by);

/** It takes effect; answers what it did. */
export async function mustSay(bed: Bed, by: string, run: string, ...args: string[]): Promise<string> {
  let said = await sayAs(bed, by, run, ...args);
  if (!said.stderr.includes(UNANSWERED)) expect({ args, ...said }).toMatchObject({ code: 0 });
  // It may have been heard all the same: then the second time is told so.
  for (let tries = 0; said.stderr.includes(UNANSWERED) && tries < TRIES_MAX; tries += 1) {
    said = await sayAs(bed, by, run, ...args);
    if (/already/.test(said.stderr)) return said.stderr;
  }
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

/**
 * `refit upgrade` of a run that will not begin. The command looks at what it started for some seconds alone: on a
 * slow machine its end is asked for.
 */
export async function refitToEnd(bed: Bed, ...args: string[]): Promise<Said> {
  const said = await refit(bed, ...args);
  const run = args[args.indexOf('-w') + 1] ?? '';
  return said.code === 0 ? refit(bed, 'status', '-w', run, '--watch') : said;
}

/** Schedulable, Ready, and nothing of ours on it but the release that it was given. */
export async function expectNormal(bed: Bed, nodes: readonly string[]): Promise<void> {
  for (const node of nodes) {
    const { unschedulable, marks } = await readyView(bed, node);
    const left = Object.keys(marks).filter((key) => key !== 'refit.dev/release');
    expect({ node, unschedulable, left }).toEqual({ node, unschedulable: false, left: [] });
  }
}

/** Once it is Ready: a control plane that is too busy to hear of a node takes it for lost until it does. */
export async function readyView(bed: Bed, node: string): Promise<NodeView> {
  let view = await nodeView(bed, node);
  await awaitThat(`${node} to be Ready`, async () => {
    view = await nodeView(bed, node);
    return view.ready;
  });
  return view;
}
