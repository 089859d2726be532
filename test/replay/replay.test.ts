// Histories of real runs, replayed against the workflow code of today: a worker that is updated in the midst
// of a run must decide what the old one decided.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  DefaultLogger,
  Runtime,
  Worker,
  bundleWorkflowCode,
  makeTelemetryFilterString,
} from '@temporalio/worker';
import type { WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseHistory } from './history-file.ts';

const workflows = join(import.meta.dirname, '..', '..', 'workflows');
const folder = join(import.meta.dirname, 'histories');
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.json'))
  .sort();

type Event = { activityTaskScheduledEventAttributes?: { activityType: { name: string } } | null };
type Kept = { workflowId: string; history: { events: Event[] } };
const read = (file: string): Kept => parseHistory(readFileSync(join(folder, file), 'utf8')) as Kept;

let bundle: WorkflowBundleWithSourceMap;

async function replay(histories: readonly Kept[]): Promise<{ workflowId: string; error: string | null }[]> {
  const results = Worker.runReplayHistories(
    { workflowBundle: bundle, replayName: 'kept-histories' },
    histories.map(({ workflowId, history }) => ({ workflowId, history })),
  );
  const found: { workflowId: string; error: string | null }[] = [];
  for await (const { workflowId, error } of results)
    found.push({ workflowId, error: error === undefined ? null : String(error) });
  return found;
}

beforeAll(async () => {
  Runtime.install({
    logger: new DefaultLogger('ERROR'),
    telemetryOptions: { logging: { filter: makeTelemetryFilterString({ core: 'ERROR', other: 'ERROR' }) } },
  });
  bundle = await bundleWorkflowCode({
    workflowsPath: join(workflows, 'index.ts'),
    workflowInterceptorModules: [join(workflows, 'query-guard.ts')],
    payloadConverterPath: join(workflows, 'payload-converter.ts'),
    logger: new DefaultLogger('ERROR'),
  });
});

afterAll(() => Runtime.instance().shutdown());

describe('histories of end-to-end runs', () => {
  it('are there: of whole runs, of steered ones, of broken ones', () => {
    const tests = new Set(files.map((file) => file.split('/').at(-1)?.split('.')[0]));
    expect([...tests].sort()).toEqual(expect.arrayContaining(['steering', 'upgrade']));
  });

  it('replay against the workflows of today', async () => {
    const found = await replay(files.map(read));
    expect(found).toHaveLength(files.length);
    expect(found.filter(({ error }) => error !== null)).toEqual([]);
  });

  it('would not replay if a decision were another one', async () => {
    const kept = read(files.find((file) => !file.includes('_node_')) ?? '');
    const scheduled = kept.history.events
      .map((event) => event.activityTaskScheduledEventAttributes ?? undefined)
      .find((attributes) => attributes !== undefined);
    if (scheduled === undefined) throw new Error('no activity in the history');
    scheduled.activityType = { name: 'somethingElse' };
    const [found] = await replay([kept]);
    expect(found?.error).toMatch(/[Nn]ondeterminism|does not match/);
  });
});
