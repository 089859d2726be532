// A yes to many nodes: to the gates that are open, and in advance to those that come to theirs later. It
// counts at each gate as that person's one yes, given when it was said, and for the rest of a quorum others
// are asked as ever. Must never be given to more nodes than it was for.
import {
  isSamePerson,
  isVoid,
  rulesOf,
  rulesOfPool,
  shownName,
  validYeses,
  whyNoVoice,
} from './approval-rules.ts';
import type { StandingYes } from './approval-state.ts';
import { evidenceOf } from './fleet-evidence.ts';
import type { FleetCommand, PersonMessage } from './fleet-events.ts';
import { reasonText } from './fleet-nodes.ts';
import { aboutPlan, giveYes, whyOtherPlan } from './fleet-quorum.ts';
import { decisionOf, moved, rejected, withEvent } from './fleet-state.ts';
import type { FleetMove, OpenGate, RunState, Scope } from './fleet-state.ts';
import { MANY_NODES_GATE } from '../messages.ts';
import type { ApproveMessage } from '../messages.ts';
import { ROW_CODES } from '../row-codes.ts';

type Moved = { state: RunState; commands: readonly FleetCommand[] };

/** As many as a run takes along: 300 bytes each. Those that are used up go first. */
const STANDING_MAX = 100;
/** Shown of the evidence at the gates that a yes to many opens at once. */
const EVIDENCE_LINES_MAX = 20;

export function approveMany(
  state: RunState,
  scope: Scope,
  event: PersonMessage & { kind: 'approve' },
): FleetMove {
  const { message, at } = event;
  const why = whyOtherPlan(state, message.planDigest) ?? whyNobody(state, scope, message);
  if (why !== undefined) return rejected(why);
  const yes = standingYesOf(message, at);
  const before = state.standing.find((other) => isSameYes(other, yes) && !isVoid(state, other, at));
  if (before !== undefined) return { kind: 'same', effect: sameText(before) };
  const live = state.standing.filter(({ left }) => left !== 0);
  if (live.length >= STANDING_MAX) {
    return rejected(`${String(live.length)} yeses to many nodes stand already: wait until some are used up`);
  }
  const used = state.standing.filter(({ left }) => left === 0);
  const room = STANDING_MAX - 1 - live.length;
  const kept = state.standing.filter(
    (other) => other.left !== 0 || used.indexOf(other) >= used.length - room,
  );
  const text = `${describeYes(yes)} approved by ${yes.by}${reasonText(message.reason)}`;
  const said = withEvent({ ...state, standing: [...kept, yes], planWanted: true }, at, text);
  const given = giveStanding(said, scope, at);
  const open = state.gates.filter((gate) => covers(yes, gate, scope)).slice(0, yes.next ?? undefined);
  const decision = decisionOf(at, 'approve', aboutPlan(state, describeYes(yes), message), {
    evidence: open.flatMap((gate) => evidenceOf(state, gate)).slice(0, EVIDENCE_LINES_MAX),
  });
  const now =
    open.length === 0
      ? 'no gate is open for it now'
      : `now at ${open
          .map(({ name }) => name)
          .slice(0, 5)
          .join(', ')}`;
  return moved(given.state, `${describeYes(yes)}: ${now}; the others as they come to their gates`, [
    { kind: 'record', decision },
    ...given.commands,
  ]);
}

function standingYesOf(message: ApproveMessage, at: string): StandingYes {
  const { next, pool, zone, id, planDigest } = message;
  return {
    by: shownName(message.by),
    at,
    planDigest: planDigest ?? null,
    next: next ?? null,
    left: next ?? null,
    pool: pool ?? null,
    zone: zone ?? null,
    id: id ?? null,
  };
}

function isSameYes(one: StandingYes, other: StandingYes): boolean {
  return (
    isSamePerson(one.by, other.by) &&
    one.planDigest === other.planDigest &&
    one.next === other.next &&
    one.pool === other.pool &&
    one.zone === other.zone &&
    one.id === other.id
  );
}

function sameText(yes: StandingYes): string {
  const text = `${yes.by} has said yes to ${describeYes(yes)} already, at ${yes.at}`;
  if (yes.left === null) return text;
  if (yes.left > 0) return `${text}: ${String(yes.left)} are still to come`;
  return `${text}, and it is used up: to say it once more, give the message another "id"`;
}

/** `node/* (the next 5 of pool h100)` */
export function describeYes({ next, pool, zone }: Pick<StandingYes, 'next' | 'pool' | 'zone'>): string {
  const which = next === null ? 'all' : `the next ${String(next)}`;
  const where = [
    ...(pool === null ? [] : [`of pool ${pool}`]),
    ...(zone === null ? [] : [`in zone ${zone}`]),
  ];
  return `${MANY_NODES_GATE} (${[which, ...where].join(' ')})`;
}

/** Why no node could ever be meant, or why this person may not say it. */
function whyNobody(state: RunState, scope: Scope, message: ApproveMessage): string | undefined {
  if (state.aborting !== null) return `the run is being aborted by ${state.aborting.by}`;
  const { definition, plan } = state;
  if (definition === null || plan === null) return 'the run has no plan yet';
  const { pool, zone, by } = message;
  const named = definition.pools.filter(({ name }) => pool === undefined || name === pool);
  if (named.length === 0) {
    return `no pool ${pool ?? ''} is in this run: ${definition.pools.map(({ name }) => name).join(', ')}`;
  }
  if (zone !== undefined && !scope.rows.some((row) => row.zone === zone)) {
    const zones = [...new Set(scope.rows.map((row) => row.zone))].slice(0, 10);
    return `no node of this run is in zone ${zone}: ${zones.join(', ')}`;
  }
  const asking = named.filter(({ policy }) => policy.approval.before === 'node').map(({ name }) => name);
  if (asking.length === 0) {
    return `nodes of ${named.map(({ name }) => name).join(', ')} are not asked for one by one (approval.before)`;
  }
  const noVoice = whyNoVoice(state, rulesOfPool(state, pool ?? null), by);
  if (noVoice !== undefined) return noVoice;
  const left = scope.rows.some(
    (row, index) =>
      asking.includes(row.pool) &&
      (zone === undefined || row.zone === zone) &&
      (state.codes[index] === ROW_CODES.waiting || isAtGate(state, row.node)),
  );
  return left ? undefined : 'no node that it would be for waits any more';
}

function isAtGate(state: RunState, node: string): boolean {
  return state.gates.some(({ about }) => about.kind === 'node' && about.node === node);
}

function covers(yes: StandingYes, { about }: OpenGate, scope: Scope): boolean {
  if (about.kind !== 'node') return false;
  if (yes.pool !== null && yes.pool !== about.pool) return false;
  return yes.zone === null || scope.rows[scope.indexOf.get(about.node) ?? -1]?.zone === yes.zone;
}

/** Gives what was said in advance to the gates that are open now, in the order in which it was said. */
export function giveStanding(state: RunState, scope: Scope, at: string): Moved {
  if (state.standing.length === 0) return { state, commands: [] };
  return state.gates
    .map(({ name }) => name)
    .reduce<Moved>((so, name) => giveAtGate(so, scope, name, at), { state, commands: [] });
}

function giveAtGate(before: Moved, scope: Scope, name: string, at: string): Moved {
  let { state, commands } = before;
  for (const index of state.standing.keys()) {
    const gate = state.gates.find((open) => open.name === name);
    const yes = state.standing[index];
    if (gate === undefined || yes === undefined) break;
    const rules = rulesOf(state, gate.about);
    const counts =
      yes.left !== 0 &&
      covers(yes, gate, scope) &&
      !isVoid(state, yes, at) &&
      whyNoVoice(state, rules, yes.by) === undefined &&
      !validYeses(gate, rules, at).some(({ by }) => isSamePerson(by, yes.by));
    if (!counts) continue;
    const evidence = evidenceOf(state, gate);
    const given = giveYes(state, scope, gate, {
      yes: { by: yes.by, at: yes.at },
      at,
      said: `, said for ${describeYes(yes)} at ${yes.at}`,
      planDigest: yes.planDigest,
    });
    const left = yes.left === null ? null : yes.left - 1;
    const standing = given.state.standing.map((other) => (other === yes ? { ...yes, left } : other));
    const decision = decisionOf(
      at,
      'approve',
      aboutPlan(state, gate.name, {
        by: yes.by,
        reason: `said for ${describeYes(yes)}`,
        ...(yes.planDigest === null ? {} : { planDigest: yes.planDigest }),
      }),
      { yeses: given.count, evidence, saidAt: yes.at },
    );
    state = { ...given.state, standing };
    commands = [...commands, { kind: 'record', decision }];
  }
  return { state, commands };
}
