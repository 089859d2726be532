// What of a run people should be told without asking: gates that wait for them, a run that starts no more
// nodes, nodes that failed, the end. Must never tell the same thing twice: what was told is kept by key for as
// long as it is so, and everything that opened meanwhile goes into one message.
import { phaseWhyOf } from './fleet-phase.ts';
import { cut, withEvent } from './fleet-state.ts';
import type { RunState, Scope } from './fleet-state.ts';
import { statusOf } from './fleet-views.ts';
import type { RunIds } from './fleet-views.ts';
import type { Notice, NotificationEvent, NotificationTarget } from '../notification.ts';
import { own } from '../own.ts';
import { renderCounts } from '../render/status.ts';

/** One thing that people may be told; `key` is short, since all of them travel when the run continues as new. */
export type News = {
  key: string;
  event: NotificationEvent;
  /** The gate or the node that it is about. */
  subject: string;
};

/** A message that a person reads; the link leads to the others. */
const SHOWN_MAX = 20;
const EVIDENCE_SHOWN_MAX = 6;
const NAMED_MAX = 3;
const SUMMARY_CHARS_MAX = 500;

export function targetsOf({ definition }: RunState): readonly NotificationTarget[] {
  return definition?.notifications ?? [];
}

/** All that is so now, told or not. */
export function listNews(state: RunState, scope: Scope): readonly News[] {
  const news: News[] = state.gates.map((gate) => {
    const { about } = gate;
    const name = about.kind === 'node' ? rowKey(scope, about.node) : gate.name;
    return { key: `g${name}@${timeKey(gate.openedAt)}`, event: 'approvalNeeded', subject: gate.name };
  });
  const held = [state.paused, state.tripped, state.rollback].filter((one) => one !== null);
  for (const { at } of held) news.push({ key: `p@${timeKey(at)}`, event: 'paused', subject: '' });
  for (const [node, note] of Object.entries(state.notes)) {
    if (note.state !== 'failed') continue;
    news.push({ key: `f${rowKey(scope, node)}@${timeKey(note.at)}`, event: 'failed', subject: node });
  }
  if (state.outcome !== null) news.push({ key: 'end', event: 'finished', subject: '' });
  return news;
}

/** What nobody was told of yet. */
export function listUntold(state: RunState, scope: Scope): readonly News[] {
  const told = new Set(state.told);
  return listNews(state, scope).filter(({ key }) => !told.has(key));
}

export function withTold(
  state: RunState,
  scope: Scope,
  o: { at: string; keys: readonly string[]; lost: readonly string[] },
): RunState {
  const told = new Set([...state.told, ...o.keys]);
  const kept = listNews(state, scope).flatMap(({ key }) => (told.has(key) ? [key] : []));
  const noted = o.lost.reduce((run, why) => withEvent(run, o.at, `nobody was told: ${why}`), state);
  return { ...noted, told: kept };
}

/** One message for everything of one event. */
export function noticeOf(
  state: RunState,
  ids: RunIds,
  event: NotificationEvent,
  news: readonly News[],
): Notice {
  const { workflowId } = ids;
  const { fleet, cluster, counts, gates } = statusOf(state, ids);
  const names = news.map(({ subject }) => subject);
  const about = { event, fleet, cluster, workflowId, gates: [], gatesLeft: 0, nodes: [], nodesLeft: 0 };
  const total = String(names.length);
  switch (event) {
    case 'approvalNeeded': {
      const summary = `${total} ${names.length === 1 ? 'gate waits' : 'gates wait'} for a yes: ${named(names)}`;
      const asked = gates.filter(({ name }) => names.includes(name)).slice(0, SHOWN_MAX);
      const whole = asked.map(({ name, evidence, answers }) => ({
        name,
        evidence: evidence.slice(0, EVIDENCE_SHOWN_MAX),
        answers,
      }));
      return { ...about, summary, gates: whole, gatesLeft: names.length - whole.length };
    }
    case 'failed': {
      const nodes = names.slice(0, SHOWN_MAX).map((node) => ({ cluster, node, why: whyOf(state, node) }));
      const summary = `${total} ${names.length === 1 ? 'node has' : 'nodes have'} failed: ${named(names)}`;
      return { ...about, summary, nodes, nodesLeft: names.length - nodes.length };
    }
    case 'paused':
      return { ...about, summary: `no more nodes are started: ${phaseWhyOf(state) ?? 'it goes on by now'}` };
    default:
      return {
        ...about,
        summary: `the run has ended as ${state.outcome ?? 'open'}: ${renderCounts(counts)}`,
      };
  }
}

/** It fails before it has a plan, and nothing was touched. */
export function noticeOfFailedStart(state: RunState, ids: RunIds, why: string): Notice {
  const { fleet, cluster } = statusOf(state, ids);
  const summary = cut(`the run could not begin, and has touched nothing: ${why}`, SUMMARY_CHARS_MAX);
  const { workflowId } = ids;
  return {
    event: 'failed',
    fleet,
    cluster,
    workflowId,
    summary,
    gates: [],
    gatesLeft: 0,
    nodes: [],
    nodesLeft: 0,
  };
}

function whyOf({ notes }: RunState, node: string): string {
  return own(notes, node)?.why ?? 'it was taken again by now';
}

function named(names: readonly string[]): string {
  const left = names.length - NAMED_MAX;
  return `${names.slice(0, NAMED_MAX).join(', ')}${left > 0 ? ` and ${String(left)} more` : ''}`;
}

/** The place of a row is shorter than a name, and stays. */
function rowKey({ indexOf }: Scope, node: string): string {
  return String(indexOf.get(node) ?? node);
}

export function timeKey(at: string): string {
  return Date.parse(at).toString(36);
}
