// Quorum, the requester's own word, expiry and rejection at one gate.
import { describe, expect, it } from '@jest/globals';
import { nextExpiry } from '../../domain/machines/fleet-expiry.ts';
import type { RunState } from '../../domain/machines/fleet-state.ts';
import { statusOf, whyOf } from '../../domain/machines/fleet-views.ts';
import { PLAN, createApprovalBed, minute, no, recorded, textOf, yes } from './approval-bed.ts';

const IDS = { workflowId: 'upgrade.training.prod-east', firstExecutionRunId: 'run-1' };
const NODES = ['n1', 'n2', 'n3'];
const HOUR_MS = 3_600_000;
const gates = (state: RunState) => state.gates.map(({ name }) => name);
const ready = (state: RunState) => state.ready.map(({ step }) => step.node);

describe('a quorum of two', () => {
  const bed = createApprovalBed({ nodes: NODES, approval: { approvers: 2 } });
  const asked = bed.after(bed.planned, bed.offer(['n1']));
  const half = bed.after(asked, yes('node/n1', 'sam'));

  it('starts nothing on one yes, and says how many it has [I135]', () => {
    expect(gates(half)).toEqual(['node/n1']);
    expect(ready(half)).toEqual([]);
    const status = statusOf(half, IDS);
    expect(status.gates[0]).toMatchObject({
      approvers: 2,
      yeses: [{ by: 'sam', at: minute(0), until: null }],
    });
    expect(whyOf(half, bed.scope, {}).items[0]?.on).toMatch(/^approval \(1 of 2 yeses: sam\): n1 /);
  });

  it('starts the node on the yes of a second person [I135]', () => {
    const both = bed.after(half, yes('node/n1', 'ana'));
    expect(gates(both)).toEqual([]);
    expect(ready(both)).toEqual(['n1']);
    expect(both.events.at(-1)?.text).toBe('node/n1 approved by sam, ana');
  });

  it.each(['sam', 'Sam', ' sam ', 'ｓａｍ'])('counts one person once, also as "%s" [I136]', (by) => {
    const move = bed.tell(half, yes('node/n1', by), minute(1));
    expect(move.kind).toBe('same');
    expect(textOf(move)).toContain('1 of 2 yeses: sam');
  });

  it('answers each of the two the same, and others that it is decided, once it is [I136]', () => {
    const both = bed.after(half, yes('node/n1', 'ana'));
    expect(bed.tell(both, yes('node/n1', 'sam')).kind).toBe('same');
    expect(bed.tell(both, yes('node/n1', 'ana')).kind).toBe('same');
    const late = bed.tell(both, yes('node/n1', 'lee'));
    expect(late.kind).toBe('rejected');
    expect(textOf(late)).toContain('approve by sam, ana');
  });

  it('is rejected by one person, whoever has said yes [I139]', () => {
    const rejected = bed.after(half, no('node/n1', 'ana'));
    expect(rejected.codes).toBe('sww');
    expect(gates(rejected)).toEqual([]);
  });

  it('counts no yes for another plan [I135]', () => {
    const move = bed.tell(half, yes('node/n1', 'ana', { planDigest: 'sha256:other' }));
    expect(move.kind).toBe('rejected');
    expect(bed.after(half, yes('node/n1', 'ana', { planDigest: PLAN })).ready).toHaveLength(1);
  });

  it('records each yes with who, of which plan, which of how many, and what was on the screen [I141]', () => {
    const first = bed.tell(asked, yes('node/n1', 'sam', { reason: 'looked' }));
    const shown = statusOf(asked, IDS).gates[0]?.evidence;
    if (first.kind !== 'moved') throw new Error('no yes');
    expect(recorded(first.commands)).toEqual([
      {
        at: minute(0),
        kind: 'approve',
        subject: 'node/n1',
        by: 'sam',
        reason: 'looked',
        planDigest: PLAN,
        yeses: '1 of 2',
        evidence: shown,
      },
    ]);
    const second = bed.tell(first.state, yes('node/n1', 'ana'));
    expect(second.kind === 'moved' && recorded(second.commands)[0]?.yeses).toBe('2 of 2');
  });

  it('counts for a pool as well', () => {
    const pool = createApprovalBed({ nodes: NODES, approval: { before: 'pool', approvers: 2 } });
    const open = pool.after(pool.planned, pool.offer(['n1']));
    const one = pool.after(open, yes('pool/h100', 'sam'));
    expect(one.poolsApproved).toEqual([]);
    expect(pool.after(one, yes('pool/h100', 'ana')).poolsApproved).toEqual(['h100']);
  });

  it('asks for the strictest of all pools at a gate about the whole run', () => {
    const dead = { kind: 'adoptionNeeded', holder: 'default/dead/1', nodes: ['n1'] } as const;
    const open = bed.after(bed.planned, dead);
    expect(bed.after(open, yes('adopt', 'sam')).adoptFrom).toBeNull();
    const both = bed.after(bed.after(open, yes('adopt', 'sam')), yes('adopt', 'ana'));
    expect(both.adoptFrom).toBe('default/dead/1');
  });
});

describe('what a gate tells besides its own node', () => {
  const bed = createApprovalBed({ nodes: ['n1', 'n2', 'n3', 'n4'] });
  const begin = (state: RunState, node: string, at: string) => {
    const asked = bed.after(state, bed.offer([node], at), at);
    const approved = bed.after(asked, yes(`node/${node}`, 'sam'), at);
    const step = approved.ready[0]?.step;
    if (step === undefined) throw new Error('not ready');
    return bed.after(approved, { kind: 'nodeStarted', step, childId: `run/node/${node}` }, at);
  };
  const end = (state: RunState, node: string, at: string, failed: boolean) =>
    bed.after(
      state,
      {
        kind: 'nodeEnded',
        node,
        attempt: 1,
        outcome: failed
          ? { kind: 'failed', at: 'verifying', why: 'wrong version', nodeEmpty: true }
          : { kind: 'done', release: '2026.11', bootId: 'b' },
      },
      at,
    );

  it('is what the last nodes did and what changed since the plan, as it stands when somebody looks [I142]', () => {
    const open = bed.after(bed.planned, bed.offer(['n4']));
    expect(statusOf(open, IDS).gates[0]?.evidence.at(-1)).toBe('so far 0 done, 0 failed, 3 waiting');
    const worked = end(begin(open, 'n1', minute(0)), 'n1', minute(14), false);
    const failed = end(begin(worked, 'n2', minute(15)), 'n2', minute(20), true);
    const upToDate = { kind: 'upToDate' as const };
    const settled = bed.after(
      failed,
      {
        kind: 'stepsOffered',
        next: {
          observedAt: minute(21),
          slots: [],
          steps: [],
          settled: [{ node: 'n3', disposition: upToDate }],
          waiting: [],
        },
      },
      minute(21),
    );
    const [gate] = statusOf(settled, IDS).gates;
    expect(gate?.name).toBe('node/n4');
    expect(gate?.evidence.slice(-5)).toEqual([
      'so far 1 done, 1 failed, 0 waiting',
      'the last nodes:',
      '  n1: done and verified after 14m',
      '  n2: failed while verifying after 5m: wrong version',
      'changed since the plan: 1 node, the last n3 is up to date',
    ]);
  });
});

describe('the requester, where the policy counts none of his yeses', () => {
  const bed = createApprovalBed({ nodes: NODES, approval: { selfApproval: false }, requestedBy: 'Ana' });
  const asked = bed.after(bed.planned, bed.offer(['n1']));

  it('is refused with the reason, alone and among many nodes [I137]', () => {
    for (const message of [yes('node/n1', 'ana'), yes('node/*', ' ANA', { next: 2 })]) {
      const move = bed.tell(asked, message);
      expect(move.kind).toBe('rejected');
      expect(textOf(move)).toContain('asked for this run, and its policy counts no yes of theirs');
    }
    expect(statusOf(asked, IDS).gates[0]?.notBy).toBe('Ana');
  });

  it('may reject, and anybody else may approve [I137]', () => {
    expect(bed.after(asked, no('node/n1', 'ana')).codes).toBe('sww');
    expect(ready(bed.after(asked, yes('node/n1', 'sam')))).toEqual(['n1']);
  });

  it('is everybody when nobody knows who asked [I137]', () => {
    const unknown = createApprovalBed({ nodes: NODES, approval: { selfApproval: false } });
    const open = unknown.after(unknown.planned, unknown.offer(['n1']));
    expect(unknown.tell(open, yes('node/n1', 'sam')).kind).toBe('rejected');
  });
});

describe('a yes that is void after an hour', () => {
  const approval = { approvers: 2, expiresAfterMs: HOUR_MS };
  const bed = createApprovalBed({ nodes: NODES, approval });
  const asked = bed.after(bed.planned, bed.offer(['n1']));
  const half = bed.after(asked, yes('node/n1', 'sam'));

  it('counts until the last moment before, and not at it [I138]', () => {
    expect(ready(bed.after(half, yes('node/n1', 'ana'), minute(59.999)))).toEqual([]);
    const late = bed.after(half, yes('node/n1', 'ana'), minute(59.999));
    // Old news of the node by then: it is looked at again, and is approved.
    expect(late.nodesApproved).toEqual(['n1']);
    const tooLate = bed.after(half, yes('node/n1', 'ana'), minute(60));
    expect(tooLate.nodesApproved).toEqual([]);
    expect(tooLate.gates[0]?.yeses).toEqual([{ by: 'ana', at: minute(60) }]);
  });

  it('is told until when it counts, and dropped when its time has come [I138]', () => {
    expect(statusOf(half, IDS).gates[0]?.yeses).toEqual([{ by: 'sam', at: minute(0), until: minute(60) }]);
    expect(whyOf(half, bed.scope, {}).items[0]?.on).toContain(`expires at ${minute(60)}`);
    expect(nextExpiry(half)).toBe(minute(60));
    const due = bed.after(half, { kind: 'yesesDue' }, minute(60));
    expect(due.gates[0]?.yeses).toEqual([]);
    expect(due.events.at(-1)?.text).toContain('the yes of sam is void');
    expect(nextExpiry(due)).toBeNull();
  });

  it('is not prolonged by being said again, and counts anew once it is void [I136]', () => {
    expect(bed.tell(half, yes('node/n1', 'sam'), minute(50)).kind).toBe('same');
    expect(bed.after(half, yes('node/n1', 'sam'), minute(61)).gates[0]?.yeses).toEqual([
      { by: 'sam', at: minute(61) },
    ]);
  });

  it('voids an approval that has not begun: the gate opens again, and says why [I138]', () => {
    const paused = bed.after(half, { kind: 'pause', askId: 'a', message: { by: 'sam', reason: 'x' } });
    const approved = bed.after(paused, yes('node/n1', 'ana'), minute(30));
    expect(approved.nodesApproved).toEqual(['n1']);
    expect(nextExpiry(approved)).toBe(minute(60));
    const due = bed.after(approved, { kind: 'yesesDue' }, minute(60));
    expect(due.nodesApproved).toEqual([]);
    expect(gates(due)).toEqual(['node/n1']);
    expect(due.gates[0]?.evidence.at(-1)).toContain('asked again: the approval by sam, ana is void');
    expect(due.codes[0]).toBe('a');
    const resumed = bed.after(due, { kind: 'resume', askId: 'a', message: { by: 'sam' } }, minute(61));
    expect(ready(bed.after(resumed, bed.offer(['n1'], minute(61)), minute(61)))).toEqual([]);
  });

  it('voids one that was about to start in that very moment [I135]', () => {
    const fresh = bed.after(bed.planned, bed.offer(['n1'], minute(59.5)), minute(0));
    const both = bed.after(bed.after(fresh, yes('node/n1', 'sam')), yes('node/n1', 'ana'), minute(59.9));
    const step = both.ready[0]?.step;
    if (step === undefined) throw new Error('not ready');
    const started = bed.after(both, { kind: 'nodeStarted', step, childId: 'c' }, minute(60));
    expect(started.active).toEqual({});
    expect(gates(started)).toEqual(['node/n1']);
    expect(started.ready).toEqual([]);
  });

  it('stops no node that has begun [I138]', () => {
    const both = bed.after(half, yes('node/n1', 'ana'));
    const step = both.ready[0]?.step;
    if (step === undefined) throw new Error('not ready');
    const started = bed.after(both, { kind: 'nodeStarted', step, childId: 'c' }, minute(1));
    const due = bed.after(started, { kind: 'yesesDue' }, minute(90));
    expect(Object.keys(due.active)).toEqual(['n1']);
    expect(gates(due)).toEqual([]);
    expect(nextExpiry(started)).toBeNull();
  });

  it('asks nobody about a retry that came too late for its window: it stays failed, and comes again [I86] [I138]', () => {
    const both = bed.after(half, yes('node/n1', 'ana'));
    const step = both.ready[0]?.step;
    if (step === undefined) throw new Error('not ready');
    const begun = bed.after(both, { kind: 'nodeStarted', step, childId: 'c' }, minute(1));
    const outcome = { kind: 'failed', at: 'verifying', why: 'wrong version', nodeEmpty: true } as const;
    const failed = bed.after(begun, { kind: 'nodeEnded', node: 'n1', attempt: 1, outcome }, minute(20));
    const wish = { kind: 'retryNode', askId: 'a', message: { node: 'n1', by: 'sam' } } as const;
    const again = { kind: 'nodeStarted', step: { ...step, attempt: 2 }, childId: 'c' } as const;
    const retried = bed.after(bed.after(failed, wish, minute(70)), again, minute(70));
    const late = { kind: 'putBack', why: 'too late', uncordoned: false, again: true } as const;
    const back = bed.after(retried, { kind: 'nodeEnded', node: 'n1', attempt: 2, outcome: late }, minute(71));
    const due = bed.after(back, { kind: 'yesesDue' }, minute(71));
    expect(gates(due)).toEqual([]);
    expect(due).toMatchObject({ retries: [{ node: 'n1', attempt: 2 }], nodesApproved: [] });
    expect(due.codes[0]).toBe('f');
    expect(nextExpiry(due)).toBeNull();
    expect(ready(bed.after(due, bed.offer(['n1'], minute(72), { attempt: 2 }), minute(72)))).toEqual(['n1']);
  });

  it('opens the gate of a pool again for the nodes that have not begun [I138]', () => {
    const pool = createApprovalBed({ nodes: NODES, approval: { before: 'pool', expiresAfterMs: HOUR_MS } });
    const open = pool.after(pool.planned, pool.offer(['n1']));
    const begun = pool.after(open, yes('pool/h100', 'sam'));
    const due = pool.after(begun, { kind: 'yesesDue' }, minute(60));
    expect(due.poolsApproved).toEqual([]);
    expect(gates(due)).toEqual(['pool/h100']);
    expect(ready(pool.after(due, pool.offer(['n1'], minute(61)), minute(61)))).toEqual([]);
  });

  it('keeps the gates of a run that never expires as they are [I138]', () => {
    const calm = createApprovalBed({ nodes: NODES, approval: { approvers: 2 } });
    const waiting = calm.after(calm.after(calm.planned, calm.offer(['n1'])), yes('node/n1', 'sam'));
    expect(nextExpiry(waiting)).toBeNull();
    expect(calm.after(waiting, { kind: 'yesesDue' }, minute(1e6)).gates).toEqual(waiting.gates);
  });
});
