// Random walks of a run whose nodes are asked for, beside a ledger of who said what that shares no code with
// the machine: no node starts without its quorum.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { FleetEvent } from '../../domain/machines/fleet-events.ts';
import { nextExpiry } from '../../domain/machines/fleet-expiry.ts';
import type { RunState } from '../../domain/machines/fleet-state.ts';
import type { ApproveMessage } from '../../domain/messages.ts';
import { createApprovalBed, minute, no, recorded, yes } from './approval-bed.ts';
import type { Unstamped } from './approval-bed.ts';

const NODES = ['n1', 'n2', 'n3', 'n4', 'n5', 'n6'];
const EXPIRY_MINUTES = 10;

const node = fc.constantFrom(...NODES);
const by = fc.constantFrom('sam', ' SAM', 'ana', 'lee', 'Lee', 'kim');
const which = fc.oneof(
  fc.record({ next: fc.integer({ min: 1, max: 3 }), id: fc.constantFrom('a', 'b', 'c') }),
  fc.record({ zone: fc.constantFrom('us-east-1a', 'us-east-1b') }),
  fc.constant({ pool: 'h100' }),
);
const move = fc.oneof(
  { weight: 8, arbitrary: fc.tuple(node, by).map(([name, who]) => yes(`node/${name}`, who)) },
  { weight: 4, arbitrary: by.map((who) => yes('pool/h100', who)) },
  { weight: 2, arbitrary: fc.tuple(by, which).map(([who, more]) => yes('node/*', who, more)) },
  { weight: 1, arbitrary: fc.tuple(node, by).map(([name, who]) => no(`node/${name}`, who)) },
  {
    weight: 8,
    arbitrary: fc.subarray(NODES, { minLength: 1 }).map((names) => ({ kind: 'offer' as const, names })),
  },
  { weight: 12, arbitrary: fc.constant({ kind: 'startReady' as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'yesesDue' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'handedOver' as const }) },
  {
    weight: 1,
    arbitrary: fc.constant({ kind: 'pause', askId: 'a', message: { by: 'sam', reason: 'x' } } as const),
  },
  { weight: 2, arbitrary: fc.constant({ kind: 'resume', askId: 'a', message: { by: 'sam' } } as const) },
);
const walk = fc.array(fc.tuple(move, fc.constantFrom(0, 0, 0, 0.5, 2, 5)), { minLength: 20, maxLength: 90 });
const rules = fc.record({
  before: fc.constantFrom('node' as const, 'node' as const, 'pool' as const),
  approvers: fc.integer({ min: 1, max: 3 }),
  expires: fc.boolean(),
  selfApproval: fc.boolean(),
});

/** What was said and taken, by gate; `many` are yeses to many nodes. */
type Said = { person: string; minutes: number; message: ApproveMessage };
const personOf = (name: string) => name.trim().toLowerCase();

function isFor(one: Said, gates: readonly string[], zone: string): boolean {
  if (one.message.gate !== 'node/*') return gates.includes(one.message.gate);
  return gates[0]?.startsWith('node/') === true && (one.message.zone ?? zone) === zone;
}

function voices(
  said: readonly Said[],
  o: { gates: readonly string[]; zone: string; now: number; expires: boolean; selfApproval: boolean },
) {
  const counted = said
    .filter((one) => isFor(one, o.gates, o.zone))
    .filter((one) => !o.expires || o.now - one.minutes < EXPIRY_MINUTES)
    .filter((one) => o.selfApproval || one.person !== 'kim');
  return new Set(counted.map(({ person }) => person)).size;
}

describe('walks of a run that asks', () => {
  it('start no node without its quorum of different people whose yeses count then [I135]', () => {
    const seen = { started: 0, reopened: 0, half: 0, many: 0 };
    fc.assert(
      fc.property(rules, walk, ({ before, approvers, expires, selfApproval }, moves) => {
        const approval = {
          before,
          approvers,
          selfApproval,
          expiresAfterMs: expires ? EXPIRY_MINUTES * 60_000 : null,
        };
        const bed = createApprovalBed({ nodes: NODES, approval, requestedBy: 'Kim' });
        let state: RunState = bed.planned;
        let now = 0;
        const said: Said[] = [];
        const given = new Map<string, number>();
        const tell = (event: Unstamped<FleetEvent>) => {
          const answer = bed.tell(state, event, minute(now));
          if (answer.kind !== 'moved') return;
          if (event.kind === 'approve') {
            said.push({ person: personOf(event.message.by), minutes: now, message: event.message });
          }
          for (const one of recorded(answer.commands)) {
            if (one.saidAt === undefined) continue;
            const key = `${one.by} ${one.saidAt} ${one.reason ?? ''}`;
            given.set(key, (given.get(key) ?? 0) + 1);
            seen.many += 1;
          }
          state = answer.state;
        };
        for (const [drawn, minutes] of moves) {
          now += minutes;
          if (drawn.kind === 'offer') tell(bed.offer(drawn.names, minute(now)));
          else if (drawn.kind !== 'startReady') tell(drawn);
          else {
            for (const { step } of state.ready) {
              tell({ kind: 'nodeStarted', step, childId: `run/node/${step.node}` });
              if (!(step.node in state.active)) continue;
              seen.started += 1;
              const gates = before === 'pool' ? ['pool/h100'] : [`node/${step.node}`];
              const zone = bed.zoneOf(step.node);
              expect(voices(said, { gates, zone, now, expires, selfApproval })).toBeGreaterThanOrEqual(
                approvers,
              );
            }
          }
          // Time is up for nothing that was just looked at.
          bed.tell(state, { kind: 'yesesDue' }, minute(now));
          const due = bed.after(state, { kind: 'yesesDue' }, minute(now));
          const next = nextExpiry(due);
          expect(next === null || next > minute(now)).toBe(true);
          if (due.gates.length > state.gates.length) seen.reopened += 1;
          const names = state.gates.map(({ name }) => name);
          expect(new Set(names).size).toBe(names.length);
          if (state.gates.some(({ yeses }) => (yeses ?? []).length > 0)) seen.half += 1;
        }
        // A yes to the next so many was given to no more than so many, each time that it was said.
        for (const [key, times] of given) {
          const next = /the next (\d)/.exec(key)?.[1];
          const same = said.filter((one) =>
            key.startsWith(`${one.message.by.trim()} ${minute(one.minutes)}`),
          );
          if (next !== undefined) expect(times).toBeLessThanOrEqual(Number(next) * same.length);
        }
        expect(JSON.parse(JSON.stringify(state))).toEqual(state);
      }),
      { numRuns: 300 },
    );
    // The walks have been where something can go wrong.
    expect(Math.min(...Object.values(seen))).toBeGreaterThan(20);
  });
});
