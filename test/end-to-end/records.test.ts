// What outlives a run: one cluster is held by one run at a time, and what happened can be read when Temporal
// has forgotten it. Judged by the audit log, the Lease, the folder of records and the stock tools.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { cordonHistory } from '../checker/audit-log.ts';
import { auditLog, openBed, refit, runStatus, startWorker, temporal } from './bed.ts';
import type { Bed } from './bed.ts';
import { awaitThat, leaseHolder, runEnd, startRun, writesSince } from './run-control.ts';

const TEST_MS = 3_600_000;
const FIRST = 'first';
const SECOND = 'second';
const [firstNode, secondNode] = ['ip-10-0-0-1', 'ip-10-0-0-2'];

let bed: Bed;

beforeAll(async () => {
  bed = await openBed({ nodes: 3 });
  await startWorker(bed);
}, TEST_MS);

afterAll(async () => bed?.close());

async function must(...args: string[]): Promise<string> {
  const said = await refit(bed, ...args);
  expect({ args, ...said }).toMatchObject({ code: 0 });
  return said.stdout;
}

/** The timers of a run that waits for its cluster: what it had begun before it planned. */
async function sleptMs(workflowId: string): Promise<readonly number[]> {
  const { events = [] } = await bed.client.workflow.getHandle(workflowId).fetchHistory();
  const planned = (events ?? []).findIndex(
    (event) => event.activityTaskScheduledEventAttributes?.activityType?.name === 'planRun',
  );
  const timers = (events ?? []).slice(0, planned).flatMap((event) => event.timerStartedEventAttributes ?? []);
  return timers.map(({ startToFireTimeout }) => Number(startToFireTimeout?.seconds ?? Infinity) * 1000);
}

describe('two runs for one cluster', () => {
  it(
    'lets the second wait, touching nothing and saying for whom, and go on when the first has ended [I8]',
    async () => {
      await startRun(bed, FIRST, { release: 'next', nodes: [firstNode] });
      await awaitThat('the first to ask', async () => (await runStatus(bed, FIRST)).gates.length === 1);
      const holder = await leaseHolder(bed);
      expect(holder).toMatch(/^default\/first\/[0-9a-f-]{36}$/);

      const since = Date.now();
      await startRun(bed, SECOND, {
        release: 'next',
        nodes: [secondNode],
        policy: { approval: { before: 'never' } },
      });
      await awaitThat('the second to wait', async () => {
        return (await runStatus(bed, SECOND)).phase === 'waiting-for-cluster';
      });
      expect((await runStatus(bed, SECOND)).phaseWhy).toContain(holder);
      for (const command of ['status', 'why']) expect(await must(command, '-w', SECOND)).toContain(holder);
      expect(await writesSince(bed, since)).toEqual([]);
      expect(await leaseHolder(bed)).toBe(holder);

      await must('approve', `node/${firstNode}`, '-w', FIRST, '--by', 'sam', '--reason', 'a quiet evening');
      expect((await runEnd(bed, FIRST)).result).toMatchObject({ outcome: 'succeeded', counts: { done: 1 } });
      expect((await runEnd(bed, SECOND)).result).toMatchObject({ outcome: 'succeeded', counts: { done: 1 } });

      const { cordonTimes, uncordons } = cordonHistory(auditLog(bed));
      expect([...cordonTimes.keys()]).toEqual([firstNode, secondNode]);
      const [uncordoned = 0, cordoned = 0] = [
        uncordons.get(firstNode)?.[0],
        cordonTimes.get(secondNode)?.[0],
      ];
      expect(cordoned).toBeGreaterThan(uncordoned);
      // It looked again and again until then, and slept for a minute at the most.
      const slept = await sleptMs(SECOND);
      expect(slept.length).toBeGreaterThan(0);
      expect(Math.max(...slept)).toBeLessThanOrEqual(60_000);
      expect(await leaseHolder(bed)).toBe('');
    },
    TEST_MS,
  );
});

describe('a run that Temporal has forgotten', () => {
  it(
    'is still reported: outcome, way of its node, and who approved it [I7]',
    async () => {
      const digest = (await runEnd(bed, FIRST)).result?.report ?? '';
      const before = await must('report', FIRST);
      for (const id of [FIRST, `${FIRST}/node/${firstNode}`]) {
        await temporal(bed, 'workflow', 'delete', '-w', id, '--yes');
        await awaitThat(`${id} to be gone`, async () => {
          const handle = bed.client.workflow.getHandle(id);
          return handle.describe().then(
            () => false,
            () => true,
          );
        });
      }
      const after = await must('report', FIRST);
      expect(after).toBe(before);
      for (const text of ['succeeded', firstNode, 'sam', 'a quiet evening']) expect(after).toContain(text);
      const json = await must('report', digest, '-o', 'json');
      expect((JSON.parse(json) as { report: { outcome: string } }).report.outcome).toBe('succeeded');
      for (const text of ['drained', 'reimaged', 'verified', 'uncordoned']) expect(json).toContain(text);
      expect(await must('report', '--list')).toContain(digest);
    },
    TEST_MS,
  );

  it('is kept as files that are what their names say', async () => {
    const objects = join(bed.dir, 'records', 'objects');
    const files = readdirSync(objects, { recursive: true, encoding: 'utf8' }).filter((path) =>
      path.endsWith('.json'),
    );
    // A plan, a node's history, a report of each run, and the decision of the first.
    expect(files.length).toBeGreaterThanOrEqual(7);
    for (const file of files) {
      const hex = createHash('sha256')
        .update(readFileSync(join(objects, file)))
        .digest('hex');
      expect(file).toBe(join(hex.slice(0, 2), `${hex}.json`));
    }
  });
});
