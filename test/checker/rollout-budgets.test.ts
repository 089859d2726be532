// The checker's own judgement of budgets: a start is not blamed for what had come back before it, and a node too
// many is told whichever picture it is begun by.
import { describe, expect, it } from '@jest/globals';
import { samplePool, withUnavailableMax } from '../domain/planning/sample-fleet.ts';
import { newLedger } from './rollout-ledger.ts';
import type { Ledger, Picture, PlannedNode, SeenNode, Stand } from './rollout-ledger.ts';
import { noteStart } from './rollout-starts.ts';

const BEGAN_MS = Date.parse('2026-11-20T10:00:00.000Z');
const NODES = ['a', 'b', 'c', 'd'];

const sampleSeen = (node: string, changes: Partial<SeenNode> = {}): [string, SeenNode] => {
  const marks = { updated: false, quarantined: false, replaces: undefined, joins: false, runs: true };
  const place = { uid: `uid-${node}`, pool: 'batch', zone: 'z' };
  return [node, { ...place, ...marks, ready: true, cordon: 'none', ...changes }];
};

/** All nodes, those of these names cordoned by us. */
const pictureWith = (...cordoned: string[]): Picture =>
  new Map(NODES.map((node) => sampleSeen(node, cordoned.includes(node) ? { cordon: 'ours' } : {})));

const ledgerOf = (stands: Record<string, Stand>): Ledger => {
  const planned = NODES.map((node): PlannedNode => {
    const marks = { canary: false, wasNotReady: false, formerImage: null, formerGone: false };
    return { node, uid: `uid-${node}`, pool: 'batch', zone: 'z', ...marks, stand: stands[node] ?? 'waiting' };
  });
  const policy = withUnavailableMax(2);
  const approval = { ...policy.approval, before: 'never' as const };
  const pools = [samplePool('batch', { policy: { ...policy, approval } })];
  return newLedger(planned, { pools, clusterMax: null, requestedBy: null, tier: null });
};

const start = (ledger: Ledger, node: string, o: { picture: Picture; seenS: number; nowS: number }) => {
  const step = { node, uid: `uid-${node}`, pool: 'batch', attempt: 1, imageId: 'ami-new', back: null };
  const [observedAt, now] = [BEGAN_MS + o.seenS * 1_000, BEGAN_MS + o.nowS * 1_000];
  noteStart(ledger, step, { picture: o.picture, observedAt, now });
};

describe('budgets of simulated rollouts, of two nodes', () => {
  it('hold for one from its gate whose picture shows a node at work that has ended, and given its place on, since', () => {
    const ledger = ledgerOf({ a: 'atWork' });
    const early = pictureWith('a');
    // b is offered by this picture, and asked about; a ends meanwhile, and c takes its place.
    ledger.stands.set('a', 'done');
    start(ledger, 'c', { picture: pictureWith(), seenS: 20, nowS: 22 });
    expect(() => {
      start(ledger, 'b', { picture: early, seenS: 0, nowS: 30 });
    }).not.toThrow();
  });

  it('are broken when nobody else was begun by what shows it free', () => {
    const ledger = ledgerOf({ a: 'done', c: 'atWork' });
    expect(() => {
      start(ledger, 'b', { picture: pictureWith('a'), seenS: 0, nowS: 30 });
    }).toThrow('3 of pool batch are away, 2 may be [I91]');
  });

  it('are broken by one too many at work, whatever was seen since', () => {
    const ledger = ledgerOf({ a: 'atWork' });
    const early = pictureWith('a');
    start(ledger, 'c', { picture: pictureWith('a'), seenS: 20, nowS: 22 });
    expect(() => {
      start(ledger, 'b', { picture: early, seenS: 0, nowS: 30 });
    }).toThrow('3 of pool batch are away, 2 may be [I91]');
  });

  it('are judged by no picture that was older than its own', () => {
    const ledger = ledgerOf({});
    start(ledger, 'c', { picture: pictureWith(), seenS: 0, nowS: 2 });
    expect(() => {
      start(ledger, 'b', { picture: pictureWith('a'), seenS: 10, nowS: 12 });
    }).toThrow('3 of pool batch are away, 2 may be [I91]');
  });
});
