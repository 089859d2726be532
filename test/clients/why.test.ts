// `refit why` and `refit status` of nodes at work that cannot get on: the run knows their state, the server what
// they fail with.
import { describe, expect, it } from '@jest/globals';
import type { ActiveNode, WaitingItem } from '../../domain/status.ts';
import type { StepTrouble } from '../../domain/step-trouble.ts';
import { runRefit } from './fake-context.ts';
import { FakeTemporal, makeStatus } from './fake-temporal.ts';

const RUN = 'upgrade.training.prod-east';
const AWAY = 'cluster prod-east at https://k8s.example does not answer (evict)';

function atWork(name: string, more: Partial<ActiveNode> = {}): ActiveNode {
  return {
    node: name,
    pool: 'h100',
    childId: `${RUN}/node/${name}`,
    attempt: 1,
    state: 'draining',
    since: '2026-11-21T11:58:00Z',
    until: '2026-11-21T12:28:00Z',
    progress: null,
    ...more,
  };
}

const itemOf = ({ node, state, since, until }: ActiveNode): WaitingItem => ({
  subject: `node/${node}`,
  kind: state,
  on: state,
  since,
  until,
  freedBy: 'its pods moving away',
});

function trouble(more: Partial<StepTrouble> = {}): StepTrouble {
  return {
    step: 'drainNode',
    kind: 'Unreachable',
    text: AWAY,
    attempt: 7,
    failedAt: '2026-11-21T12:00:00Z',
    nextAt: '2026-11-21T12:00:15Z',
    ...more,
  };
}

function withNodes(active: readonly ActiveNode[], items: readonly WaitingItem[] = active.map(itemOf)) {
  const temporal = new FakeTemporal();
  const why = { items, total: items.length, next: null };
  temporal.add(RUN, { statuses: [makeStatus({ active })], answers: { why } });
  return { temporal, connect: () => Promise.resolve(temporal) };
}

describe('a node at work that cannot get on', () => {
  it('is told by why with what it fails with, since when, how often, and the next try [I254]', async () => {
    const { temporal, connect } = withNodes([atWork('n1'), atWork('n2')]);
    temporal.troubles.set(`${RUN}/node/n1`, [trouble()]);
    const { out } = await runRefit(['why', '-o', 'json'], { connect });
    const { items } = JSON.parse(out) as { items: WaitingItem[] };
    expect(items).toEqual([
      {
        subject: 'node/n1',
        kind: 'unreachable',
        on: `draining: drainNode fails (attempt 7, last at 2026-11-21T12:00:00Z): ${AWAY}`,
        since: '2026-11-21T11:58:00Z',
        until: '2026-11-21T12:28:00Z',
        freedBy: 'an answer of that server; it is tried again by itself at 2026-11-21T12:00:15Z',
      },
      itemOf(atWork('n2')),
    ]);
    const text = await runRefit(['why'], { connect });
    expect(text.out).toContain(AWAY);
    expect(text.out.match(/node\/n1/g)).toHaveLength(1);
    const status = await runRefit(['status'], { connect });
    expect(status.err).toContain('It fails and is tried again: n1: drainNode fails (attempt 7');
  });

  it.each([
    ['Forbidden', 'forbidden', 'a right that somebody grants'],
    ['Throttled', 'throttled', 'fewer requests to that API'],
    ['Unexpected', 'failing', 'it is being tried again now'],
    [null, 'failing', 'it is being tried again now'],
  ])('by a step that failed as %s waits for what is %s', async (kind, told, freed) => {
    const { temporal, connect } = withNodes([atWork('n1', { state: 'rejoining' })]);
    temporal.troubles.set(`${RUN}/node/n1`, [trouble({ kind, nextAt: null, step: 'awaitRejoined' })]);
    const { out } = await runRefit(['why', 'n1', '-o', 'json'], { connect });
    const { items } = JSON.parse(out) as { items: WaitingItem[] };
    expect(items).toMatchObject([{ kind: told, freedBy: expect.stringContaining(freed) }]);
  });

  it('keeps what the run knows of the pods that hold it', async () => {
    const blockers = [
      {
        kind: 'pdb' as const,
        namespace: 'training',
        pod: 'llama-7',
        podUid: 'u',
        pdbs: ['llama'],
        disruptionsAllowed: 0,
        since: '2026-11-21T11:59:00Z',
        text: 'held',
      },
    ];
    const progress = { podsTotal: 9, podsLeft: 3, blockers, blockersTotal: 1 };
    const held = atWork('n1', { progress });
    const { temporal, connect } = withNodes([held], [{ ...itemOf(held), on: 'pod training/llama-7' }]);
    temporal.troubles.set(`${RUN}/node/n1`, [trouble()]);
    const { out } = await runRefit(['why', '-o', 'json'], { connect });
    const { items } = JSON.parse(out) as { items: WaitingItem[] };
    expect(items.map(({ on }) => on)).toEqual([
      expect.stringMatching(/^draining, 3 of 9 pods left: drainNode fails/),
      'pod training/llama-7',
    ]);
  });

  it('is asked about alone when a person names it, and of many the fifty that have stood longest', async () => {
    const nodes = Array.from({ length: 60 }, (_, index) =>
      atWork(`n${String(index)}`, { since: new Date(Date.UTC(2026, 10, 21, 11, 59 - index)).toISOString() }),
    );
    const { temporal, connect } = withNodes(nodes);
    await runRefit(['why', 'n3'], { connect });
    expect(temporal.asked).toEqual([`${RUN}/node/n3`]);
    temporal.asked.length = 0;
    const { err } = await runRefit(['why'], { connect });
    expect(temporal.asked).toHaveLength(50);
    expect(temporal.asked).not.toContain(`${RUN}/node/n0`);
    expect(temporal.asked).toContain(`${RUN}/node/n59`);
    expect(err).toContain('10 nodes at work');
  });

  it('that the server says nothing of keeps nobody from the run’s own answer [I254]', async () => {
    const { temporal, connect } = withNodes([atWork('n1')]);
    temporal.troubles.set(`${RUN}/node/n1`, 'silent');
    for (const name of ['why', 'status']) {
      const { exitCode, out, err } = await runRefit([name], { connect });
      expect(exitCode).toBe(0);
      expect(out).toContain('n1');
      expect(err).toContain('Whether the steps of 1 node at work fail was not asked, or not answered.');
    }
  });
});
