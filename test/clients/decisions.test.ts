// What people tell a run: what is sent, what is refused before sending, how a no is explained.
import { describe, expect, it } from '@jest/globals';
import { runRefit } from './fake-context.ts';
import { FakeTemporal, openRun } from './fake-temporal.ts';

const RUN = 'upgrade.training.prod-east';

function connected(): { temporal: FakeTemporal; connect: () => Promise<FakeTemporal> } {
  const temporal = new FakeTemporal();
  temporal.add(RUN);
  return { temporal, connect: () => Promise.resolve(temporal) };
}

describe('decisions of people', () => {
  it('sends approve as an Update of the only open run, in the name of the operating system user', async () => {
    const { temporal, connect } = connected();
    const { exitCode, out } = await runRefit(['approve', 'node/ip-1', '--reason', 'looked'], { connect });
    expect(exitCode).toBe(0);
    expect(out).toBe('approve: done as asked\n');
    expect(temporal.updates).toHaveLength(1);
    expect(temporal.updates[0]).toMatchObject({
      workflowId: RUN,
      name: 'approve',
      content: { gate: 'node/ip-1', by: 'ana', reason: 'looked' },
    });
    expect(temporal.closed).toBe(true);
  });

  it.each([
    [['skip', 'ip-1', '--reason', 'busy'], 'skipNode', { node: 'ip-1', by: 'ana', reason: 'busy' }],
    [['retry', 'ip-1'], 'retryNode', { node: 'ip-1', by: 'ana' }],
    [['pause', '--reason', 'alarm', '--by', 'sam'], 'pause', { by: 'sam', reason: 'alarm' }],
    [['resume'], 'resume', { by: 'ana' }],
    [['abort', '--reason', 'wrong'], 'abort', { by: 'ana', reason: 'wrong', rollback: false }],
    [['abort', '--rollback', '--reason', 'slow'], 'abort', { by: 'ana', reason: 'slow', rollback: true }],
    [['rollback', '--reason', 'slow'], 'rollback', { by: 'ana', reason: 'slow' }],
    [['reject', 'pool/h100'], 'reject', { gate: 'pool/h100', by: 'ana' }],
    [['next', 'ip-1'], 'nextNode', { node: 'ip-1', by: 'ana' }],
  ])('sends %j as %s', async (args, name, content) => {
    const { temporal, connect } = connected();
    expect((await runRefit(args, { connect })).exitCode).toBe(0);
    expect(temporal.updates[0]).toMatchObject({ name, content });
  });

  it('tells several nodes one after another, in their order, each under an id of its own', async () => {
    const { temporal, connect } = connected();
    const { out, exitCode } = await runRefit(['next', 'ip-3', 'ip-1', 'ip-2', '-o', 'json'], { connect });
    expect(exitCode).toBe(0);
    expect(temporal.updates.map(({ name, content }) => [name, content])).toEqual(
      ['ip-3', 'ip-1', 'ip-2'].map((node) => ['nextNode', { node, by: 'ana' }]),
    );
    expect(new Set(temporal.updates.map(({ updateId }) => updateId)).size).toBe(3);
    expect(JSON.parse(out)).toMatchObject([
      { content: { node: 'ip-3' }, accepted: true },
      { content: { node: 'ip-1' } },
      { content: { node: 'ip-2' } },
    ]);
    const mine = ['next', 'ip-3', 'ip-1', '--update-id', 'mine'];
    await runRefit(mine, { connect });
    await runRefit(mine, { connect });
    const ids = temporal.updates.slice(3).map(({ updateId }) => updateId);
    expect(ids).toEqual(['mine/0', 'mine/1', 'mine/0', 'mine/1']);
  });

  it('stops at the first of several that is refused, and tells which were accepted', async () => {
    const { temporal, connect } = connected();
    temporal.refuses = ({ content }) => (content as { node: string }).node === 'ip-1';
    temporal.refusal = 'node ip-1 is done';
    const { out, err, exitCode } = await runRefit(['next', 'ip-3', 'ip-1', 'ip-2'], { connect });
    expect(exitCode).toBe(1);
    expect(temporal.updates.map(({ content }) => content)).toEqual([{ node: 'ip-3', by: 'ana' }]);
    expect(out).toBe('next: done as asked\n');
    expect(err).toContain('refused next: node ip-1 is done');
  });

  it('sends two calls under two ids, and one that a script repeats under its own', async () => {
    const { temporal, connect } = connected();
    await runRefit(['resume'], { connect });
    await runRefit(['resume'], { connect });
    await runRefit(['resume', '--update-id', 'mine'], { connect });
    const ids = temporal.updates.map((update) => update.updateId);
    expect(new Set(ids).size).toBe(3);
    expect(ids[2]).toBe('mine');
  });

  it('prints JSON alone on stdout', async () => {
    const { connect } = connected();
    const { out, err } = await runRefit(['approve', 'node/ip-1', '-o', 'json'], { connect });
    expect(JSON.parse(out)).toMatchObject({ workflowId: RUN, message: 'approve', accepted: true });
    expect(err).toBe('');
  });

  it('tells why the run refused, and exits with 1', async () => {
    const { temporal, connect } = connected();
    temporal.refusal = 'there is no open gate node/ip-9';
    const { exitCode, out, err } = await runRefit(['approve', 'node/ip-9'], { connect });
    expect(exitCode).toBe(1);
    expect(out).toBe('');
    expect(err).toContain('refused approve: there is no open gate node/ip-9');
    expect(err).toContain(`refit status -w ${RUN}`);
  });

  it('explains after the end that the run takes no more messages, and where its report is', async () => {
    const { temporal, connect } = connected();
    temporal.add(RUN, {
      description: { ...openRun(RUN), status: 'COMPLETED', closedAt: '2026-11-21T11:30:00Z' },
    });
    const { exitCode, err } = await runRefit(['approve', 'node/ip-1', '-w', RUN], { connect });
    expect(exitCode).toBe(1);
    expect(err).toContain('has ended (completed at 2026-11-21T11:30:00Z)');
    expect(err).toContain(`refit report ${RUN}`);
  });

  it('names the open runs when it knows none of the given id', async () => {
    const { connect } = connected();
    const { exitCode, err } = await runRefit(['resume', '-w', 'nope'], { connect });
    expect(exitCode).toBe(1);
    expect(err).toContain('Temporal knows no run nope in namespace "fleets" at temporal.example:7233');
    expect(err).toContain(`-w ${RUN}`);
  });

  it('lists the open runs when there are several and none was named', async () => {
    const { temporal, connect } = connected();
    temporal.add('upgrade.training.prod-west');
    const { exitCode, err } = await runRefit(['resume'], { connect });
    expect(exitCode).toBe(1);
    expect(err).toContain('2 runs are open');
    expect(err).toContain('-w upgrade.training.prod-west');
    expect(temporal.updates).toEqual([]);
  });

  it('says that no run is open', async () => {
    const temporal = new FakeTemporal();
    const { exitCode, err } = await runRefit(['resume'], { connect: () => Promise.resolve(temporal) });
    expect(exitCode).toBe(1);
    expect(err).toContain('no run is open in namespace "fleets"');
  });

  it('does not hang without a worker: says so, how to start one, and the signal that would wait', async () => {
    const { temporal, connect } = connected();
    temporal.workers = { polling: 0, lastSeenAt: null };
    const { exitCode, err } = await runRefit(['approve', 'node/ip-1'], { connect });
    expect(exitCode).toBe(1);
    expect(err).toContain('no worker serves task queue "refit"');
    expect(err).toContain('refit worker');
    expect(err).toContain(`temporal workflow signal -w ${RUN} --name approve`);
    expect(temporal.updates).toEqual([]);
  });

  it.each([
    [['pause'], 'pause needs a reason'],
    [['abort', '--reason', '  '], 'abort needs a reason'],
    [['approve', 'node/ip-1', '--reason', 'x'.repeat(1_000_000)], 'at most 4096 characters (it has 1000000)'],
    [['approve', 'node/ip-1', '--plan-digest', 'md5:1'], 'planDigest: found "md5:1", expected a digest'],
    [['approve', ' '], 'gate: found " "'],
    [['skip', 'ip-1', '--reason', 'x', '--by', 'y'.repeat(300)], 'by: found'],
  ])('refuses %# before anything is sent', async (args, why) => {
    const { temporal, connect } = connected();
    const { exitCode, out, err } = await runRefit(args, { connect });
    expect(exitCode).toBe(1);
    expect(err).toContain(why);
    expect(err.length).toBeLessThan(2_000);
    expect(out).toBe('');
    expect(temporal.updates).toEqual([]);
  });
});
