// A yes to many nodes: to whom it is given, when it counts once, and when it is used up.
import { describe, expect, it } from '@jest/globals';
import { OCCUPIED_MAX } from '../../domain/plan.ts';
import type { RunState } from '../../domain/machines/fleet-state.ts';
import { statusOf } from '../../domain/machines/fleet-views.ts';
import { renderStatus } from '../../domain/render/status.ts';
import { PLAN, createApprovalBed, minute, recorded, textOf, yes } from './approval-bed.ts';

const IDS = { workflowId: 'upgrade.training.prod-east', firstExecutionRunId: 'run-1' };
const NODES = ['n1', 'n2', 'n3', 'n4', 'n5', 'n6'];
const gates = (state: RunState) => state.gates.map(({ name }) => name);
const ready = (state: RunState) => state.ready.map(({ step }) => step.node);
const many = (by: string, more: object) => yes('node/*', by, more);

describe('a yes to the next nodes', () => {
  const bed = createApprovalBed({ nodes: NODES });
  const asked = bed.after(bed.planned, bed.offer(['n1', 'n2']));

  it('is given to the gates that are open, then to those that open later, and to no more [I140]', () => {
    const said = bed.after(asked, many('sam', { next: 3 }));
    expect(ready(said)).toEqual(['n1', 'n2']);
    const later = bed.after(said, bed.offer(['n3', 'n4']));
    expect(ready(later)).toEqual(['n1', 'n2', 'n3']);
    expect(gates(later)).toEqual(['node/n4']);
    expect(later.standing).toMatchObject([{ by: 'sam', next: 3, left: 0 }]);
  });

  it('counts once however often it is said, also when it is used up [I140]', () => {
    const said = bed.after(asked, many('sam', { next: 2 }));
    const again = bed.tell(said, many('sam', { next: 2 }));
    expect(again.kind).toBe('same');
    expect(textOf(again)).toContain('is used up: to say it once more, give the message another "id"');
    const asking = bed.after(said, bed.offer(['n3', 'n4', 'n5']));
    expect(bed.tell(asking, many('sam', { next: 2 })).kind).toBe('same');
    expect(gates(bed.after(asking, many('sam', { next: 2, id: 'second' })))).toEqual(['node/n5']);
  });

  it('is not used up by a gate at which that person has said yes already [I140]', () => {
    const two = createApprovalBed({ nodes: NODES, approval: { approvers: 2 } });
    const open = two.after(two.planned, two.offer(['n1', 'n2']));
    const one = two.after(open, yes('node/n1', 'sam'));
    const said = two.after(one, many('sam', { next: 1 }));
    expect(said.gates.map((gate) => gate.yeses?.length ?? 0)).toEqual([1, 1]);
  });

  it('is one person’s yes of a quorum at each of them [I140]', () => {
    const two = createApprovalBed({ nodes: NODES, approval: { approvers: 2 } });
    const open = two.after(two.planned, two.offer(['n1', 'n2']));
    const sam = two.after(open, many('sam', { next: 4 }));
    expect(gates(sam)).toEqual(['node/n1', 'node/n2']);
    expect(ready(two.after(sam, yes('node/n2', 'ana')))).toEqual(['n2']);
    const ana = two.after(sam, many('ana', { pool: 'h100' }));
    expect(ready(ana)).toEqual(['n1', 'n2']);
    const later = two.after(ana, two.offer(['n3', 'n4', 'n5']));
    expect(ready(later)).toEqual(['n1', 'n2', 'n3', 'n4']);
    expect(later.gates[0]).toMatchObject({ name: 'node/n5', yeses: [{ by: 'ana' }] });
  });

  it('is void with time like any other, counted from when it was said [I138]', () => {
    const hour = createApprovalBed({ nodes: NODES, approval: { expiresAfterMs: 3_600_000 } });
    const said = hour.after(hour.planned, many('sam', { next: 5 }));
    const intime = hour.after(said, hour.offer(['n1'], minute(59)), minute(59));
    expect(ready(intime)).toEqual(['n1']);
    const late = hour.after(said, hour.offer(['n1'], minute(60)), minute(60));
    expect(gates(late)).toEqual(['node/n1']);
    expect(late.standing).toEqual([]);
    expect(late.events.some(({ text }) => text.includes('the yes of sam is void'))).toBe(true);
  });
});

describe('a yes to a pool, a zone', () => {
  const bed = createApprovalBed({ nodes: NODES });

  it('is given to every node in it, and to no other [I140]', () => {
    const zone = bed.after(bed.planned, many('sam', { zone: 'us-east-1a' }));
    const offered = bed.after(zone, bed.offer(NODES));
    expect(ready(offered)).toEqual(['n1', 'n3', 'n5']);
    expect(gates(offered)).toEqual(['node/n2', 'node/n4', 'node/n6']);
    const pool = bed.after(offered, many('sam', { pool: 'h100' }));
    expect(gates(pool)).toEqual([]);
  });

  it('may be narrowed by both and by a number', () => {
    const said = bed.after(bed.planned, many('sam', { pool: 'h100', zone: 'us-east-1b', next: 2 }));
    expect(ready(bed.after(said, bed.offer(NODES)))).toEqual(['n2', 'n4']);
  });

  it.each([
    [{ pool: 'cpu' }, 'no pool cpu is in this run: h100'],
    [{ zone: 'mars-1' }, 'no node of this run is in zone mars-1: us-east-1a, us-east-1b'],
    [{ next: 2, planDigest: 'sha256:other' }, `this run's plan is ${PLAN}`],
  ])('is rejected with the reason when it means nothing: %j', (more, why) => {
    const move = bed.tell(bed.planned, many('sam', more));
    expect(move.kind).toBe('rejected');
    expect(textOf(move)).toContain(why);
  });

  it('is rejected where nodes are not asked for one by one, and when none waits', () => {
    const pools = createApprovalBed({ nodes: NODES, approval: { before: 'pool' } });
    expect(textOf(pools.tell(pools.planned, many('sam', { next: 2 })))).toContain('not asked for one by one');
    const done = { ...bed.planned, codes: 'dddddd' };
    expect(textOf(bed.tell(done, many('sam', { next: 2 })))).toContain('waits any more');
  });

  it('of another cluster is of no gate here', () => {
    const move = bed.tell(bed.planned, yes('prod-west/node/*', 'sam', { next: 2 }));
    expect(move.kind).toBe('rejected');
    expect(bed.tell(bed.planned, yes('prod-east/node/*', 'sam', { next: 2 })).kind).toBe('moved');
  });
});

describe('what stands of it', () => {
  const bed = createApprovalBed({ nodes: NODES, approval: { expiresAfterMs: 3_600_000 } });
  const said = bed.tell(bed.after(bed.planned, bed.offer(['n1'])), many('sam', { next: 3, reason: 'quiet' }));
  if (said.kind !== 'moved') throw new Error('not said');

  it('is recorded when it is said, and once more for each node that it is given to [I141]', () => {
    const later = bed.tell(said.state, bed.offer(['n2'], minute(10)), minute(10));
    const decisions = [
      ...recorded(said.commands),
      ...(later.kind === 'moved' ? recorded(later.commands) : []),
    ];
    expect(decisions.map(({ at, subject, by, planDigest }) => [at, subject, by, planDigest])).toEqual([
      [minute(0), 'node/* (the next 3)', 'sam', PLAN],
      [minute(0), 'node/n1', 'sam', PLAN],
      [minute(10), 'node/n2', 'sam', PLAN],
    ]);
    expect(decisions[0]?.evidence?.[0]).toContain('n1 (h100');
    expect(decisions[2]).toMatchObject({ saidAt: minute(0), yeses: '1 of 1' });
  });

  it('is shown in the status until it is used up or void', () => {
    const status = statusOf(said.state, IDS);
    expect(status.standing).toEqual([
      { by: 'sam', at: minute(0), until: minute(60), what: 'node/* (the next 3)', left: 2 },
    ]);
    expect(renderStatus(status, new Date(minute(20)))).toContain(
      'Approved in advance\n  sam: node/* (the next 3), 2 to come, 40m left',
    );
    const used = bed.after(said.state, bed.offer(['n2', 'n3']));
    expect(statusOf(used, IDS).standing).toBeUndefined();
  });

  it('stays bounded: a hundred live ones are the most, and used ones are forgotten first', () => {
    let state = bed.planned;
    for (let index = 0; index < 100; index += 1) {
      state = bed.after(state, many('sam', { next: 1, id: String(index) }));
    }
    expect(textOf(bed.tell(state, many('sam', { next: 1, id: 'more' })))).toContain('stand already');
    const used = bed.after(state, bed.offer(['n1']));
    const more = bed.after(used, many('sam', { next: 1, id: 'more' }));
    expect(more.standing).toHaveLength(100);
    expect(more.standing.at(-1)?.id).toBe('more');
  });
});

describe('the status of a run with as many gates as it may hold', () => {
  const node = (index: number) => `ip-10-100-${String(index)}-1.eu-central-1.compute.internal`;
  const names = Array.from({ length: OCCUPIED_MAX }, (_, index) => node(index));
  const bed = createApprovalBed({
    nodes: names,
    approval: { approvers: 10, expiresAfterMs: 3_600_000 },
  });

  it('fits one payload with the longest evidence and nine yeses at each, and so does what is carried [I142]', () => {
    const long = 'x'.repeat(300);
    const kinds = Array.from({ length: 6 }, () => ({ namespace: long, owner: long, pods: 9 }));
    const pdb = { namespace: long, name: long, pods: 9, disruptionsAllowed: 0, never: true };
    const impact = {
      podsTotal: 99,
      pods: kinds,
      kindsLeft: 9,
      pdbs: Array.from({ length: 6 }, () => pdb),
      pdbsLeft: 9,
      blocked: Array.from({ length: 3 }, () => ({ namespace: long, name: long, why: long })),
    };
    let state = bed.after(bed.planned, bed.offer(names, minute(0), { impact }));
    for (let person = 0; person < 9; person += 1) {
      state = bed.after(state, many(`${String(person)}${'p'.repeat(200)}`, { pool: 'h100' }));
    }
    expect(state.gates).toHaveLength(OCCUPIED_MAX);
    expect(state.gates.every(({ yeses }) => yeses?.length === 9)).toBe(true);
    const bytes = (value: unknown) => Buffer.byteLength(JSON.stringify(value));
    expect(bytes(statusOf(state, IDS))).toBeLessThan(128 * 1024);
    // With ten approvers it takes along more than other runs do, and far less than the 2 MB that may be.
    expect(bytes(bed.after(state, { kind: 'handedOver' }))).toBeLessThan(384 * 1024);
    const five = createApprovalBed({ nodes: names, approval: { approvers: 5 } });
    let usual = five.after(five.planned, five.offer(names, minute(0), { impact }));
    for (const person of 'abcd') usual = five.after(usual, many(person.repeat(200), { pool: 'h100' }));
    expect(bytes(five.after(usual, { kind: 'handedOver' }))).toBeLessThan(256 * 1024);
  });
});
