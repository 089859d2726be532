// `refit approve`: what a person at a terminal is shown and asked, what is sent, and what a script sends.
import { describe, expect, it } from '@jest/globals';
import type { Gate } from '../../domain/status.ts';
import { runRefit } from './fake-context.ts';
import { FakeTemporal, makeStatus } from './fake-temporal.ts';

const RUN = 'upgrade.training.prod-east';
const gate: Gate = {
  name: 'node/ip-1',
  openedAt: '2026-11-21T11:50:00Z',
  evidence: ['ip-1 (h100, us-east-1a): 2026.09 → 2026.11', 'pods to move: 3\u001b[2J'],
  answers: [],
  approvers: 2,
  yeses: [{ by: 'sam', at: '2026-11-21T11:55:00Z', until: '2026-11-21T12:55:00Z' }],
};

function atTerminal(answer: boolean | undefined) {
  const temporal = new FakeTemporal();
  temporal.add(RUN, { statuses: [makeStatus({ gates: [gate] })] });
  const questions: string[] = [];
  const askYesNo = (question: string) => {
    questions.push(question);
    return Promise.resolve(answer);
  };
  return { temporal, questions, context: { connect: () => Promise.resolve(temporal), askYesNo } };
}

describe('refit approve at a terminal', () => {
  it('shows the evidence and the yeses so far, asks, and sends the yes for the plan that was shown [I143]', async () => {
    const { temporal, questions, context } = atTerminal(true);
    const { exitCode, out, err } = await runRefit(['approve', 'node/ip-1'], context);
    expect(exitCode).toBe(0);
    expect(questions).toEqual(['node/ip-1: approve?']);
    expect(err).toContain('ip-1 (h100, us-east-1a): 2026.09 → 2026.11');
    expect(err).toContain('1 of 2 yeses: sam (55m left)');
    expect(err).not.toContain('\u001b');
    expect(out).toBe('approve: done as asked\n');
    expect(temporal.updates[0]?.content).toEqual({ gate: 'node/ip-1', by: 'ana', planDigest: 'sha256:aa' });
  });

  it.each([
    [false, 1],
    [undefined, 130],
  ])('sends nothing when the answer is %s, and exits with %i [I143]', async (answer, code) => {
    const { temporal, context } = atTerminal(answer);
    const { exitCode, out, err } = await runRefit(['approve', 'node/ip-1'], context);
    expect(exitCode).toBe(code);
    expect(out).toBe('');
    expect(err).toContain('Nothing was sent.');
    expect(temporal.updates).toEqual([]);
  });

  it.each([
    [['approve', 'node/ip-1', '--yes']],
    [['approve', 'node/ip-1', '-o', 'json']],
    // The run says why: there is nothing to be shown.
    [['approve', 'node/ip-9']],
  ])('asks nothing for %j', async (args) => {
    const { temporal, questions, context } = atTerminal(false);
    expect((await runRefit(args, context)).exitCode).toBe(0);
    expect(questions).toEqual([]);
    expect(temporal.updates).toHaveLength(1);
  });

  it('asks for many nodes with the gates that are open', async () => {
    const { temporal, questions, context } = atTerminal(true);
    const { err } = await runRefit(['approve', '--next', '5', '--zone', 'us-east-1a'], context);
    expect(questions).toEqual([
      'the next 5 nodes in zone us-east-1a, now and as they come to their gates: approve?',
    ]);
    expect(err).toContain('pods to move: 3');
    expect(temporal.updates[0]).toMatchObject({ name: 'approve', content: { gate: 'node/*', next: 5 } });
  });
});

describe('refit approve in a script', () => {
  function inScript() {
    const temporal = new FakeTemporal();
    temporal.add(RUN);
    return { temporal, context: { connect: () => Promise.resolve(temporal) } };
  }

  it('is the yes itself, without a look at the status [I143]', async () => {
    const { temporal, context } = inScript();
    expect((await runRefit(['approve', 'node/ip-1'], context)).exitCode).toBe(0);
    expect(temporal.updates[0]?.content).toEqual({ gate: 'node/ip-1', by: 'ana' });
  });

  it.each([
    [['--pool', 'h100'], { gate: 'node/*', by: 'ana', pool: 'h100' }],
    [['--zone', 'us-east-1a', '--by', 'sam'], { gate: 'node/*', by: 'sam', zone: 'us-east-1a' }],
    [['--next', '5', '--update-id', 'mine'], { gate: 'node/*', by: 'ana', next: 5, id: 'mine' }],
  ])('sends one yes to many nodes for %j', async (args, content) => {
    const { temporal, context } = inScript();
    expect((await runRefit(['approve', ...args], context)).exitCode).toBe(0);
    expect(temporal.updates[0]?.content).toEqual(content);
  });

  it('says the next so many once more under a name of its own', async () => {
    const { temporal, context } = inScript();
    await runRefit(['approve', '--next', '5'], context);
    await runRefit(['approve', '--next', '5'], context);
    const [first, second] = temporal.updates;
    expect(first?.content).toMatchObject({ id: first?.updateId });
    expect(second?.updateId).not.toBe(first?.updateId);
  });

  it.each([
    [['approve'], 'approve needs a gate, or which nodes'],
    [
      ['approve', 'node/ip-1', '--next', '5'],
      'gate: found "node/ip-1", expected next, pool, zone and id only',
    ],
    [['approve', '--next', 'five'], 'next: found "five", expected a whole number from 1 to 5000'],
    [['approve', '--next', '0'], 'next: found 0, expected a whole number from 1 to 5000'],
    [['approve', 'node/*'], 'expected with gate node/* also which nodes'],
  ])('refuses %j before anything is sent', async (args, why) => {
    const { temporal, context } = inScript();
    const { exitCode, err } = await runRefit(args, context);
    expect(exitCode).toBe(1);
    expect(err).toContain(why);
    expect(temporal.updates).toEqual([]);
  });
});
