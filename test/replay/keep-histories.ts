// Keeps the histories of the runs that an end-to-end test leaves behind, when REFIT_RECORD_HISTORIES names a
// folder: every run, and its longest children. Must never fail the test.
import { mkdirSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import { renderHistory } from './history-file.ts';

const root = join(import.meta.dirname, '..', '..');
/** The longest ways of nodes are those to which most happened. */
const CHILDREN_PER_TEST = 6;
/** What one test may add to the repository. */
const BYTES_PER_TEST = 1_200_000;

/** `dir`: where the sandbox keeps its things. */
export type Server = { client: Client; dir: string };

type Found = { workflowId: string; runId: string; length: number; isChild: boolean };

async function listClosed({ client }: Server): Promise<Found[]> {
  const found: Found[] = [];
  for await (const run of client.workflow.list({ query: 'ExecutionStatus != "Running"' })) {
    const { workflowId, runId, historyLength: length } = run;
    found.push({ workflowId, runId, length, isChild: run.type === 'nodeUpgrade' });
  }
  return found;
}

export async function keepHistories(server: Server, folder: string, test: string): Promise<void> {
  const closed = (await listClosed(server)).sort((one, other) => other.length - one.length);
  const runs = closed.filter(({ isChild }) => !isChild);
  const children = closed.filter(({ isChild }) => isChild).slice(0, CHILDREN_PER_TEST);
  const replacements = [
    [server.dir, '/sandbox'],
    [root, '/refit'],
    [hostname(), 'host'],
  ] as const;
  mkdirSync(folder, { recursive: true });
  let bytes = 0;
  for (const { workflowId, runId } of [...runs, ...children]) {
    const history = await server.client.workflow.getHandle(workflowId, runId).fetchHistory();
    const text = `${renderHistory({ workflowId, history }, replacements)}\n`;
    if (bytes + text.length > BYTES_PER_TEST) continue;
    bytes += text.length;
    const name = `${test}.${workflowId.replaceAll(/[/:]/g, '_')}.${runId.slice(-6)}.json`;
    writeFileSync(join(folder, name), text);
  }
}
