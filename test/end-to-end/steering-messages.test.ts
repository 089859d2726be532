// Messages that mean nothing, sent by the stock `temporal` CLI to a run that waits at a gate: each changes
// nothing and is told of with its reason, as a signal in the status and as an Update in its answer.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openBed, refit, runStatus, startWorker, stock, temporal } from './bed.ts';
import type { Bed, Said } from './bed.ts';
import { awaitThat, runEnd, startRun, writesSince } from './run-control.ts';

const ID = 'asked';
const NODE = 'ip-10-0-0-1';
const GATE = `node/${NODE}`;
const TEST_MS = 3_600_000;
const ANSWER_BYTES_MAX = 256 * 1024;
const MEGABYTE = 1024 * 1024;

let bed: Bed;
let begun: number;

beforeAll(async () => {
  bed = await openBed({ nodes: 3 });
  await startWorker(bed);
  await startRun(bed, ID, { release: 'next', nodes: [NODE, 'ip-10-0-0-2'] });
  await awaitThat('two gates', async () => (await runStatus(bed, ID)).gates.length === 2);
  begun = Date.now();
}, TEST_MS);

afterAll(async () => bed?.close());

type Wrong = { name: string; input: string | undefined; why: RegExp };
const json = (name: string, content: unknown, why: RegExp): Wrong => ({
  name,
  input: JSON.stringify(content),
  why,
});

const wrong: readonly Wrong[] = [
  { name: 'approve', input: undefined, why: /expected/ },
  json('approve', 'yes', /expected/),
  json('approve', [], /expected/),
  json('approve', { gate: GATE }, /by/),
  json('approve', { gate: GATE, by: 7 }, /by/),
  json('approve', { gate: GATE, by: 'ana', force: true }, /force/),
  json('approve', { gate: 'node/nobody', by: 'ana' }, /no gate node\/nobody/),
  json('approve', { gate: 'adopt', by: 'ana' }, /no gate adopt/),
  json('approve', { gate: GATE, by: 'ana', planDigest: `sha256:${'0'.repeat(64)}` }, /plan is sha256:/),
  json('reject', { by: 'ana' }, /gate/),
  { name: 'reject', input: `{"gate":${'['.repeat(6_000)}${']'.repeat(6_000)},"by":"ana"}`, why: /levels/ },
  json('pause', { by: 'ana' }, /reason/),
  json('pause', { by: 'ana', reason: 'x'.repeat(MEGABYTE) }, /reason/),
  json('resume', { by: 'ana' }, /not paused/),
  json('skipNode', { node: 'nobody', by: 'ana', reason: 'r' }, /no node nobody/),
  json('retryNode', { node: NODE, by: 'ana' }, /only a failed node is retried/),
  json('abort', { by: 'ana', reason: 'r', rollback: 'no' }, /rollback/),
  json('rollback', { by: 'ana' }, /reason/),
];

/** By a file: one argument of a command holds no megabyte. */
function inputOf({ input }: Wrong): string[] {
  if (input === undefined) return [];
  const path = join(bed.dir, '..', 'message.json');
  writeFileSync(path, input);
  return ['--input-file', path];
}

const signal = (one: Wrong) =>
  temporal(bed, 'workflow', 'signal', '-w', ID, '--name', one.name, ...inputOf(one));

const update = (one: Wrong): Promise<Said> =>
  stock(bed, 'temporal', ['workflow', 'update', 'execute', '-w', ID, '--name', one.name, ...inputOf(one)]);

const awaitIgnored = (count: number) =>
  awaitThat(`${String(count)} ignored messages`, async () => {
    return (await runStatus(bed, ID)).ignored.length === count;
  });

type Event = { eventType: string };
const history = async (): Promise<Event[]> =>
  (JSON.parse(await temporal(bed, 'workflow', 'show', '-w', ID, '-o', 'json')) as { events: Event[] }).events;

describe('messages that mean nothing', () => {
  it(
    'are ignored as signals, each with its reason, cut to what a status may hold [I73]',
    async () => {
      // One after the other: of two that share a workflow task, what cannot be read is noted first.
      for (const [at, one] of wrong.entries()) {
        await signal(one);
        await awaitIgnored(at + 1);
      }
      const status = await runStatus(bed, ID);
      status.ignored.forEach((ignored, at) => {
        expect(ignored.message).toBe(wrong[at]?.name);
        expect(ignored.why).toMatch(wrong[at]?.why ?? /^$/);
        expect(ignored.content.length).toBeLessThanOrEqual(1_024);
      });
      expect(JSON.stringify(status).length).toBeLessThan(ANSWER_BYTES_MAX);
      expect([status.phase, status.gates.length]).toEqual(['running', 2]);
    },
    TEST_MS,
  );

  it(
    'are rejected as Updates with the same reasons',
    async () => {
      for (const one of wrong) {
        const { code, stderr } = await update(one);
        expect({ name: one.name, code }).toEqual({ name: one.name, code: 1 });
        expect(stderr).toMatch(one.why);
      }
      // Rejected by the validator, they leave nothing in the history.
      expect((await runStatus(bed, ID)).ignored).toHaveLength(wrong.length);
    },
    TEST_MS,
  );

  it(
    'of another name, or in another encoding than JSON, are ignored as well',
    async () => {
      const before = (await runStatus(bed, ID)).ignored.length;
      await temporal(bed, 'workflow', 'signal', '-w', ID, '--name', 'approveAll', '-i', '{"by":"ana"}');
      const encoded = ['-i', 'yes', '--input-meta', 'encoding=binary/encrypted'];
      await temporal(bed, 'workflow', 'signal', '-w', ID, '--name', 'approve', ...encoded);
      await awaitIgnored(before + 2);
      const [unknown, unreadable] = (await runStatus(bed, ID)).ignored.slice(-2);
      expect(unknown).toMatchObject({ message: 'approveAll', why: expect.stringMatching(/no such signal/) });
      expect(unreadable).toMatchObject({
        message: 'approve',
        why: expect.stringMatching(/unreadable payload/),
      });
      const update = ['workflow', 'update', 'execute', '-w', ID, '--name', 'approve'];
      const { code, stderr } = await stock(bed, 'temporal', [...update, ...encoded]);
      expect([code, stderr]).toEqual([1, expect.stringMatching(/unreadable payload/)]);
    },
    TEST_MS,
  );

  it(
    'keep the last fifty',
    async () => {
      const one = json('resume', { by: 'ana' }, /not paused/);
      const missing = 51 - (await runStatus(bed, ID)).ignored.length;
      for (let sent = 0; sent < missing; sent += 1) await signal(one);
      await awaitThat('the oldest to be gone', async () => {
        const { ignored } = await runStatus(bed, ID);
        return ignored.length === 50 && ignored.at(-1)?.message === 'resume';
      });
    },
    TEST_MS,
  );

  it('have touched nothing and failed no workflow task', async () => {
    expect(await writesSince(bed, begun)).toEqual([]);
    const types = new Set((await history()).map((event) => event.eventType));
    expect(types).not.toContain('EVENT_TYPE_WORKFLOW_TASK_FAILED');
    expect(types).toContain('EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED');
  });
});

describe('the same decision again', () => {
  it(
    'is answered as such, another one about the same gate is rejected, and after the end it is too late',
    async () => {
      const yes = json('approve', { gate: GATE, by: 'ana' }, /./);
      const no = json('reject', { gate: GATE, by: 'ana' }, /./);
      expect((await update(yes)).code).toBe(0);
      const again = await update(yes);
      expect([again.code, again.stdout]).toEqual([
        0,
        expect.stringMatching(/decided already: approve by ana/),
      ]);
      expect(await update(no)).toMatchObject({ code: 1, stderr: expect.stringMatching(/decided already/) });
      await signal(json('reject', { gate: 'node/ip-10-0-0-2', by: 'ana', reason: 'in use' }, /./));
      const { result } = await runEnd(bed, ID);
      expect(result).toMatchObject({ counts: { done: 1, skipped: 1 } });

      const late = await stock(bed, 'temporal', [
        ...['workflow', 'signal', '-w', ID, '--name', 'pause'],
        ...['-i', '{"by":"ana","reason":"late"}'],
      ]);
      expect([late.code, late.stderr]).toEqual([1, expect.stringMatching(/already completed|not found/i)]);
      const explained = await refit(bed, 'pause', '-w', ID, '--reason', 'late');
      expect([explained.code, explained.stdout]).toEqual([1, '']);
      expect(explained.stderr).toMatch(/has ended|ended/);
    },
    TEST_MS,
  );
});
