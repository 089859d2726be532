// What people see before, are told during, and can prove after: plans by a worker and as a document, a start that
// the world has overtaken, drift by a schedule, messages to receivers on loopback, reports and timelines. Each is
// asked for with `refit`. Must never judge how fast anything is.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { DriftResult } from '../../domain/drift.ts';
import { kubectl, openBed, refit, runStatus, startWorker, temporal } from './bed.ts';
import type { Bed } from './bed.ts';
import { expectNormal, mustSay } from './people.ts';
import {
  ONCE,
  UNTOUCHED,
  awaitThat,
  holdDrain,
  leaseHolder,
  nodeView,
  removeHeld,
  runEnd,
  startRun,
  wayOf,
  writesSince,
} from './run-control.ts';
import {
  SECRET,
  chatTexts,
  editFleetFile,
  eventsAt,
  startReceivers,
  textIn,
  told,
  toldOf,
} from './telling-bed.ts';
import type { Receivers } from './telling-bed.ts';

const TEST_MS = 900_000;
const NODES = ['ip-10-0-0-1', 'ip-10-0-0-2', 'ip-10-0-0-3'] as const;
const POLICY = JSON.stringify({ disruption: { unavailableMax: 2 }, approval: { before: 'never' } });

let bed: Bed;
let receivers: Receivers;
let worker: { log: string };

beforeAll(async () => {
  bed = await openBed({ nodes: NODES.length });
  // Three nodes have no room for what two of them carried.
  await kubectl(bed, 'delete', 'deployments,statefulsets,jobs,pdb', '--all', '-A', '--wait=false');
  receivers = await startReceivers(bed);
  worker = await startWorker(bed);
}, TEST_MS);

afterAll(async () => {
  await bed?.close();
  await receivers?.close();
});

const must = async (code: number, ...args: string[]): Promise<{ stdout: string; stderr: string }> => {
  const said = await refit(bed, ...args);
  expect({ args, ...said }).toMatchObject({ args, code });
  return said;
};

type PlanJson = { summary: { digest: string; counts: { upgrade: number } }; rows: { node: string }[] };

const plan = async (...args: string[]): Promise<PlanJson> => {
  const { stdout } = await must(0, 'plan', 'prod-east', '--policy', POLICY, ...args, '-o', 'json');
  return JSON.parse(stdout) as PlanJson;
};

describe('a plan', () => {
  it(
    'is the same by a worker as here, row by row, and as a document names the same digest [I176]',
    async () => {
      const here = await plan();
      expect(here.summary.counts.upgrade).toBe(NODES.length);
      const remote = await plan('--remote');
      expect(remote.summary.digest).toBe(here.summary.digest);
      expect(remote.rows.map(({ node }) => node).sort()).toEqual(here.rows.map(({ node }) => node).sort());
      const request = await must(
        2,
        ...['plan', 'prod-east', '--policy', POLICY, '-o', 'markdown', '--detailed-exitcode'],
      );
      expect(request.stdout).toMatch(/^# Change request: next on cluster prod-east$/m);
      for (const text of [here.summary.digest, '## Risks', '## Signatures', ...NODES]) {
        expect(request.stdout).toContain(text);
      }
      expect(request.stdout).toContain(`--plan-digest ${here.summary.digest}`);
    },
    TEST_MS,
  );

  it(
    'that the world has overtaken is not begun: the start says what has moved, and touches nothing [I175]',
    async () => {
      const [node] = NODES;
      const { digest } = (await plan()).summary;
      await kubectl(bed, 'cordon', node);
      const since = Date.now();
      const started = await refit(
        bed,
        ...[
          'upgrade',
          'prod-east',
          '--watch',
          '-w',
          'overtaken',
          '--policy',
          POLICY,
          '--plan-digest',
          digest,
        ],
      );
      expect(started).toMatchObject({ code: 3 });
      expect(started.stderr).toMatch(new RegExp(`nodes: ${node}: .*upgrade --> cordonedByOther`));
      expect(await writesSince(bed, since)).toEqual([]);
      await awaitThat('people to be told that it could not begin', () => {
        return toldOf(receivers, 'overtaken', 'failed')?.summary.includes('the run could not begin') === true;
      });
      await kubectl(bed, 'uncordon', node);
      expect((await plan()).summary.digest).toBe(digest);
    },
    TEST_MS,
  );
});

describe('a watch by a schedule', () => {
  const id = 'drift.sandbox';
  let looks = 0;

  /** The stock command; one that comes while the last is still being ended waits for it. */
  const look = async (): Promise<DriftResult> => {
    await temporal(bed, ...['schedule', 'trigger', '--schedule-id', id, '--overlap-policy', 'BufferOne']);
    looks += 1;
    let begun: { workflowId: string; firstExecutionRunId: string } | undefined;
    await awaitThat('the look to begin', async () => {
      const { numActionsTaken, recentActions } = (await bed.client.schedule.getHandle(id).describe()).info;
      begun = recentActions.at(-1)?.action.workflow;
      return numActionsTaken === looks && begun !== undefined;
    });
    const run = bed.client.workflow.getHandle(begun?.workflowId ?? '', begun?.firstExecutionRunId);
    return (await run.result()) as DriftResult;
  };
  const toldByWatch = () =>
    told(receivers, new RegExp(`^${id}`)).map(({ event, summary }) => [event, summary]);

  it(
    'tells once what could be upgraded, and then what shows no release, as `refit nodes --check` does [I248]',
    async () => {
      const checked = await must(2, 'nodes', '--check');
      for (const node of NODES) expect(checked.stdout).toContain(node);
      // As seldom as may be: it looks when it is told to.
      await must(0, 'schedule', 'drift', '--every', '7d');
      expect((await must(0, 'schedule', 'list')).stdout).toMatch(/drift\.sandbox +driftWatch +7d/);
      expect((await look()).clusters).toMatchObject([{ cluster: 'prod-east', outdated: 3, fresh: 3 }]);
      const update = ['updateAvailable', '3 more nodes could be upgraded: 3 in prod-east'];
      expect(toldByWatch()).toEqual([update]);
      expect((await look()).clusters).toMatchObject([{ outdated: 3, fresh: 0 }]);
      const undo = editFleetFile(bed, (spec) => ({
        ...spec,
        releases: spec.releases.filter(({ name }) => name === 'next'),
      }));
      expect((await look()).clusters).toMatchObject([{ outdated: 3, fresh: 3 }]);
      undo();
      expect(toldByWatch()).toEqual([
        update,
        ['drift', '3 more nodes show no release of the catalog: 3 in prod-east'],
      ]);
      await must(0, 'schedule', 'delete', id);
    },
    TEST_MS,
  );
});

describe('a run that needs people', () => {
  const run = 'needs-people';
  const [node, other] = NODES;
  const gate = `node/${node}`;
  const policy = {
    disruption: { unavailableMax: 1 },
    approval: { before: 'node' },
    drain: { timeout: '5s', onTimeout: 'fail' },
    failure: { failuresMax: 0, onExceeded: 'pause' },
  };
  const heard = async (event: string) => {
    await awaitThat(`${event} to be told`, () => toldOf(receivers, run, event) !== undefined);
    return toldOf(receivers, run, event);
  };

  it(
    'tells them of gates, failures, its pause and its end, whoever else takes no message [I218]',
    async () => {
      const since = Date.now();
      await holdDrain(bed, node);
      await startRun(bed, run, { release: 'next', nodes: [node, other], policy });
      await awaitThat('the gate to be told', () =>
        told(receivers, run).some(({ gates }) => gates.some(({ name }) => name === gate)),
      );
      const asked = told(receivers, run).flatMap(({ gates }) => gates.filter(({ name }) => name === gate))[0];
      expect(asked?.evidence.length).toBeGreaterThan(0);
      // The very line that the message gives.
      const [program, ...words] = (asked?.answers[0] ?? '').split(' ');
      expect(program).toBe('refit');
      await must(0, ...words, '--by', 'sam');

      const failed = await heard('failed');
      expect(failed).toMatchObject({
        fleet: 'sandbox',
        cluster: 'prod-east',
        summary: `1 node has failed: ${node}`,
      });
      expect(failed?.nodes).toMatchObject([{ cluster: 'prod-east', node }]);
      expect(failed?.link).toContain(`/workflows/${run}`);
      expect((await heard('paused'))?.summary).toMatch(/^no more nodes are started: 1 failed/);
      expect((await must(0, 'timeline', run)).stdout).toMatch(new RegExp(`^${node} .*failed`, 'm'));
      await mustSay(bed, 'ana', run, 'abort', '--reason', 'a test');
      const { result } = await runEnd(bed, run);
      expect(result).toMatchObject({ outcome: 'aborted', counts: { done: 0, failed: 1 } });
      expect((await heard('finished'))?.summary).toMatch(/^the run has ended as aborted: /);
      // Nobody waited for these: the run went through while their messages were tried again and again.
      expect(receivers.down.tries).toBeGreaterThan(0);
      expect(receivers.silent.tries).toBeGreaterThan(0);
      const said = (await runStatus(bed, run)).events.map(({ text }) => text).join('\n');
      expect(said).toContain('nobody was told: approvalNeeded: notify: notification gone answered 404');
      expect(said).toMatch(/notification (down|silent) cannot be reached|still on their way at the end/);
      expect(await leaseHolder(bed)).toBe('');
      const way = async (of: string) => wayOf(bed, { ...(await nodeView(bed, of)), node: of }, since);
      // One that has failed is left to a person, as it is.
      expect([await way(node), await way(other)]).toEqual([{ ...UNTOUCHED, cordons: 1 }, UNTOUCHED]);
      await removeHeld(bed, node);
      await kubectl(bed, 'uncordon', node);
    },
    TEST_MS,
  );

  it('is told alike in both modes of CloudEvents and to a chat, each thing once [I217, I219]', () => {
    const { webhook } = receivers;
    const [bus, binary] = [eventsAt(webhook, 'bus'), eventsAt(webhook, 'binary')];
    const of = (events: typeof bus) =>
      events
        .filter(({ data }) => data?.workflowId === run)
        .map(({ id, type, source, subject }) => ({ id, type, source, subject }));
    const byId = (a: { id: string }, b: { id: string }) => a.id.localeCompare(b.id);
    expect(of(bus).sort(byId)).toEqual(of(binary).sort(byId));
    for (const event of bus)
      expect(event).toMatchObject({ specversion: '1.0', type: `dev.refit.${event.data?.event ?? ''}` });
    expect(of(bus)[0]).toMatchObject({ source: `/refit/default/${run}`, subject: 'prod-east' });
    for (const event of ['failed', 'paused', 'finished']) {
      expect(told(receivers, run).filter((one) => one.event === event)).toHaveLength(1);
    }
    const gates = told(receivers, run).flatMap((one) => one.gates.map(({ name }) => name));
    expect(gates).toEqual([...new Set(gates)]);
    const texts = chatTexts(webhook).filter((text) => text.includes(`|${run} in the Web UI>`));
    for (const title of ['*Approval needed*', '*Failed*', '*Paused*', '*Finished*']) {
      expect(texts.filter((text) => text.startsWith(title)).length).toBeGreaterThan(0);
    }
  });
});

describe('a run that goes well', () => {
  const run = 'goes-well';

  it(
    'is started by the digest of its plan, and leaves nothing for `refit nodes --check`',
    async () => {
      const since = Date.now();
      const { digest } = (await plan()).summary;
      await must(0, 'upgrade', 'prod-east', '-w', run, '--policy', POLICY, '--plan-digest', digest);
      const { result } = await runEnd(bed, run);
      expect(result).toMatchObject({ outcome: 'succeeded', counts: { done: 3, failed: 0 } });
      for (const node of NODES) {
        expect(await wayOf(bed, { ...(await nodeView(bed, node)), node }, since)).toEqual(ONCE);
      }
      await expectNormal(bed, NODES);
      await must(0, 'nodes', '--check');
      await awaitThat('its end to be told', () => toldOf(receivers, run, 'finished') !== undefined);
      expect(told(receivers, run)).toMatchObject([
        { event: 'finished', summary: 'the run has ended as succeeded: 3 of 3 nodes done' },
      ]);
    },
    TEST_MS,
  );

  it('is reported as a document, the counterpart of its change request', async () => {
    const { stdout } = await must(0, 'report', run, '-o', 'markdown');
    expect(stdout).toMatch(new RegExp(`^# Report: ${run}$`, 'm'));
    for (const text of ['succeeded', '3 of 3 nodes done', ...NODES]) expect(stdout).toContain(text);
  });

  it('is drawn as lanes on a terminal, and as a page that a parser reads whole [I183]', async () => {
    const { stdout } = await must(0, 'timeline', run);
    for (const node of NODES) expect(stdout).toMatch(new RegExp(`^${node} .* done$`, 'm'));
    const page = (await must(0, 'timeline', run, '-o', 'html')).stdout;
    expect(page.startsWith('<!doctype html>')).toBe(true);
    const markup = page.replace('<!doctype html>', '');
    const o = { unpairedTags: ['meta'], allowBooleanAttributes: true };
    expect(XMLValidator.validate(markup, o)).toBe(true);
    const parsed = new XMLParser({ ...o, stopNodes: ['*.style'] }).parse(markup) as {
      html: { head: { title: string }; body: unknown };
    };
    expect(parsed.html.head.title).toBe(`${run}: succeeded`);
    for (const node of NODES) expect(JSON.stringify(parsed.html.body)).toContain(node);
  });
});

describe('over all of these runs', () => {
  it(
    'no URL and no header of a receiver stands in a history, a record or the log of the worker [I216]',
    async () => {
      const taken = receivers.webhook.taken;
      expect(taken.length).toBeGreaterThan(0);
      const headers = taken.flatMap(({ path, headers: sent }) =>
        path.endsWith('/bus') ? [sent['authorization']] : [],
      );
      expect(new Set(headers)).toEqual(new Set([`Bearer ${SECRET}`]));
      let [histories, names] = [0, 0];
      for await (const { workflowId, runId } of bed.client.workflow.list()) {
        const text = textIn(await bed.client.workflow.getHandle(workflowId, runId).fetchHistory());
        expect({ workflowId, told: text.includes(SECRET) }).toEqual({ workflowId, told: false });
        histories += 1;
        if (text.includes('REFIT_NOTIFY_TOKEN')) names += 1;
      }
      // The runs and watches above, some of which name the variable.
      expect(histories).toBeGreaterThan(6);
      expect(names).toBeGreaterThanOrEqual(5);
      const records = join(bed.dir, 'records', 'objects');
      const files = readdirSync(records, { recursive: true, encoding: 'utf8' }).filter((path) =>
        path.endsWith('.json'),
      );
      expect(files.length).toBeGreaterThan(0);
      for (const path of [...files.map((file) => join(records, file)), worker.log, bed.sandbox.fleet]) {
        expect({ path, told: readFileSync(path, 'utf8').includes(SECRET) }).toEqual({ path, told: false });
      }
      expect(taken.filter(({ body }) => body.includes(SECRET))).toEqual([]);
    },
    TEST_MS,
  );
});
