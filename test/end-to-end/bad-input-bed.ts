// What tests of wrong input share: fleet files made wrong, the error that a person sees, and the failure of
// a workflow that the stock tool has started. Must never soften what a command printed.
import { expect } from '@jest/globals';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { openBed, refit, startWorker, temporal } from './bed.ts';
import type { Bed, Said } from './bed.ts';
import { refitToEnd } from './people.ts';
import { awaitThat, runEnd } from './run-control.ts';

type FleetDocument = {
  metadata: { name: string };
  spec: {
    clusters: {
      connection: Record<string, unknown>;
      pools: { name: string; selector: { matchLabels: Record<string, string> } }[];
    }[];
    releases: { name: string; image: { ec2: string }; expects: Record<string, unknown> }[];
  };
};

/** `fleets` is the folder that the worker reads; `fleetText` the sandbox's own file. */
export type BadInputBed = Bed & { fleets: string; fleetText: string };

export async function openBadInputBed(nodes: number): Promise<BadInputBed> {
  const bed = await openBed({ nodes });
  const fleetText = readFileSync(bed.sandbox.fleet, 'utf8');
  const fleets = join(bed.dir, '..', 'fleets');
  mkdirSync(fleets);
  writeFileSync(join(fleets, 'sandbox.yaml'), fleetText);
  bed.env['REFIT_FLEET'] = fleets;
  await startWorker(bed);
  return Object.assign(bed, { fleets, fleetText });
}

/** The sandbox's fleet file, changed; put where the worker sees it, under this name. */
export function addFleet(
  { fleets, fleetText }: BadInputBed,
  name: string,
  change: (spec: FleetDocument['spec']) => void,
): void {
  const document = parse(fleetText) as FleetDocument;
  document.metadata.name = name;
  change(document.spec);
  writeFileSync(join(fleets, `${name}.yaml`), stringify(document));
}

/** A file that no worker reads. */
export function addFile(bed: Bed, name: string, text: string): string {
  const path = join(bed.dir, '..', name);
  writeFileSync(path, text);
  return path;
}

/** Where one clear error stands; a command that checks files has the problems themselves as its answer. */
export function expectError(said: Said, code: number, ...parts: (string | RegExp)[]): void {
  const { stdout, stderr } = said;
  expect({ code: said.code, stdout, stderr }).toEqual({ code, stdout: '', stderr });
  expectReadable(stderr, parts);
}

export function expectReadable(text: string, parts: readonly (string | RegExp)[]): void {
  for (const part of parts) expect(text).toMatch(part);
  // A person reads it: no stack, and not a page of it.
  expect(text).not.toMatch(/^\s+at .+:\d+/m);
  expect(text.split('\n').length).toBeLessThan(15);
}

type Shown = { message: string; applicationFailureInfo?: { type: string } };

/** What ends a workflow that the stock tool has started with this input. */
export async function failureOf(
  bed: Bed,
  workflowId: string,
  json: string,
  type = 'fleetUpgrade',
): Promise<{ type: string; message: string }> {
  const start = ['workflow', 'start', '--task-queue', 'refit', '--type', type, '--workflow-id', workflowId];
  await temporal(bed, ...start, '--input', json);
  await runEnd(bed, workflowId);
  const shown = await temporal(bed, 'workflow', 'show', '-w', workflowId, '-o', 'json');
  const { events } = JSON.parse(shown) as {
    events: { workflowExecutionFailedEventAttributes?: { failure: Shown } }[];
  };
  const failure = events.at(-1)?.workflowExecutionFailedEventAttributes?.failure;
  if (failure === undefined) throw new Error(`${workflowId} did not fail: ${shown.slice(-2000)}`);
  return { type: failure.applicationFailureInfo?.type ?? '', message: failure.message };
}

export const inputOf = (more: Record<string, unknown>): string =>
  JSON.stringify({ fleet: 'sandbox', cluster: 'prod-east', release: 'next', ...more });

/** The same answer to one who asks for the plan, who starts it by `refit`, and by `temporal`. */
export async function expectRefused(
  bed: Bed,
  o: { id: string; fleet: string; node?: string },
  parts: readonly RegExp[],
): Promise<void> {
  const node = o.node === undefined ? [] : ['--node', o.node];
  const asked = ['prod-east', '--fleet', o.fleet, '--release', 'next', ...node];
  const nodes = o.node === undefined ? {} : { nodes: [o.node] };
  const [plan, failure] = await Promise.all([
    refit(bed, 'plan', ...asked),
    failureOf(bed, `${o.id}-by-temporal`, inputOf({ fleet: o.fleet, ...nodes })),
  ]);
  const upgrade = await refitToEnd(bed, 'upgrade', ...asked, '-w', `${o.id}-by-refit`);
  expect({ ...plan, code: plan.code }).toEqual({ ...plan, code: 3 });
  expect({ ...upgrade, code: upgrade.code }).toEqual({ ...upgrade, code: 3 });
  expect(failure).toEqual({ ...failure, type: 'Refused' });
  expectReadable(plan.stdout + plan.stderr, parts);
  expectReadable(upgrade.stdout + upgrade.stderr, parts);
  expectReadable(failure.message, parts);
}

/** A run that cannot begin says why, to the stock tool and to `refit`, and ends when somebody says so. */
export async function expectWaiting(bed: Bed, fleet: string, why: RegExp): Promise<void> {
  const workflowId = `waits-${fleet}`;
  const start = ['workflow', 'start', '--task-queue', 'refit', '--type', 'fleetUpgrade', '-w', workflowId];
  await temporal(bed, ...start, '--input', inputOf({ fleet }));
  let text = '';
  await awaitThat(`a reason of ${workflowId}`, async () => {
    text = await temporal(bed, 'workflow', 'describe', '-w', workflowId, '-o', 'json');
    return why.test(text);
  });
  expect(text).toMatch(why);
  for (const command of ['status', 'why']) {
    const said = await refit(bed, command, '-w', workflowId);
    expect([said.code, said.stderr]).toEqual([0, expect.stringMatching(why)]);
  }
  await temporal(bed, 'workflow', 'terminate', '-w', workflowId);
}
