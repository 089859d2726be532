// Signals, Updates and queries of a run. Handlers never throw into the workflow: a message that changes
// nothing is noted with its reason, and an Update answers with it.
import {
  CancellationScope,
  condition,
  setDefaultSignalHandler,
  setHandler,
  uuid4,
} from '@temporalio/workflow';
import { ApplicationFailure } from '@temporalio/common';
import { workflowNow } from './clock.ts';
import { hasShape } from './inputs.ts';
import { takePolicyChange } from './fleet-policy-change.ts';
import { apply } from './fleet-run.ts';
import type { Answer, FleetRun, Happened } from './fleet-run.ts';
import {
  MESSAGE_NAMES,
  grantQuery,
  nodeAnswerSignal,
  nodeCapacitySignal,
  nodeEndedSignal,
  nodeForceSignal,
  nodeProgressSignal,
  nodeStateSignal,
  nodeStrandedSignal,
  personSignal,
  personUpdate,
  planQuery,
  reportQuery,
  statusQuery,
  tableQuery,
  whyQuery,
} from './messages.ts';
import { pageOrThrow } from './pages.ts';
import { transition } from '../domain/machines/fleet.ts';
import { grantOf } from '../domain/machines/fleet-grant.ts';
import type { NodeEnd } from '../domain/machines/child-messages.ts';
import type { FleetEvent } from '../domain/machines/fleet-events.ts';
import { withIgnored } from '../domain/machines/fleet-state.ts';
import { planOf, reportOf, statusOf, tableOf, whyOf } from '../domain/machines/fleet-views.ts';
import type { MessageName } from '../domain/messages.ts';
import {
  isDrainProgress,
  isNodeCapacityAsk,
  isNodeForceAsk,
  isNodeOutcome,
  isNodeStateName,
  isNodeStrandedReport,
} from '../domain/parse/child-messages.ts';
import { cutForStatus } from '../domain/parse/cut-for-status.ts';
import { messageParsers } from '../domain/parse/messages.ts';
import { renderInvalid } from '../domain/parse/parsed.ts';
import type { UpdateAnswer } from '../domain/status.ts';

/** A child answers within one workflow task; this long only when no worker is there. */
const ANSWER_TIMEOUT_MS = 30_000;

export function setRunHandlers(run: FleetRun): void {
  for (const name of MESSAGE_NAMES) {
    setHandler(personSignal(name), (content) => takeSignal(run, name, content));
    setHandler(personUpdate(name), (content) => answerUpdate(run, name, content), {
      validator: (content) => validate(run, name, content),
    });
  }
  setChildHandlers(run);
  // Last: what arrived before the run began is handed out as soon as somebody takes signals of any name.
  setDefaultSignalHandler((name, ...content) => ignore(run, name, content[0], 'no such signal'));
  setQueryHandlers(run);
}

/** What cannot be read is noted before anything is awaited: notes stand in the order of arrival. */
function takeSignal(run: FleetRun, name: MessageName, content: unknown): Promise<void> | void {
  const event = eventOf(name, content, '');
  if ('refused' in event) return ignore(run, name, content, event.refused);
  return takeMessage(run, name, content).then((answer) => {
    if (answer.kind === 'accepted') return;
    ignore(run, name, content, answer.kind === 'same' ? answer.effect : answer.why);
  });
}

/** Must stay synchronous and change nothing: an async validator fails the workflow task. */
function validate(run: FleetRun, name: MessageName, content: unknown): void {
  const event = eventOf(name, content, '');
  if ('refused' in event) throw refusal(event.refused, 'InvalidMessage');
  // A run that has just continued as new answers from its handler, once it has read its plan again.
  if (!run.loaded) return;
  const move = transition(run.state, run.scope, { ...event, at: workflowNow() } as FleetEvent);
  if (move.kind === 'rejected') throw refusal(move.why, 'Rejected');
}

async function answerUpdate(run: FleetRun, name: MessageName, content: unknown): Promise<UpdateAnswer> {
  const answer = await takeMessage(run, name, content);
  if (answer.kind === 'refused') throw refusal(answer.why, 'Rejected');
  return { effect: answer.effect };
}

function refusal(why: string, type: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(why, type);
}

/** Handlers run in the workflow's own scope: after a cancel, whatever they wait for would throw. */
function takeMessage(run: FleetRun, name: MessageName, content: unknown): Promise<Answer> {
  return CancellationScope.nonCancellable(() => takeUncancelled(run, name, content));
}

async function takeUncancelled(run: FleetRun, name: MessageName, content: unknown): Promise<Answer> {
  const askId = uuid4();
  const event = eventOf(name, content, askId);
  if ('refused' in event) return { kind: 'refused', why: event.refused };
  await condition(() => run.loaded);
  if (event.kind === 'changePolicy') return await takePolicyChange(run, event);
  const move = apply(run, event);
  if (move.kind === 'rejected') return { kind: 'refused', why: move.why };
  if (move.kind === 'same') return move;
  if (!run.state.asks.some((ask) => ask.askId === askId)) return { kind: 'accepted', effect: move.effect };
  return await awaitAnswer(run, askId);
}

async function awaitAnswer(run: FleetRun, askId: string): Promise<Answer> {
  const open = () => run.state.asks.some((ask) => ask.askId === askId);
  await condition(() => !open(), ANSWER_TIMEOUT_MS, { summary: 'a child decides on a skip' });
  const answer = run.answers.get(askId);
  run.answers.delete(askId);
  if (answer !== undefined) {
    return answer.accepted ? { kind: 'accepted', effect: answer.why } : { kind: 'refused', why: answer.why };
  }
  if (open())
    return {
      kind: 'accepted',
      effect: 'the node was asked and has not answered within 30 s: see its status',
    };
  return { kind: 'refused', why: 'the way of the node ended before it was asked: see its status' };
}

function eventOf(name: MessageName, content: unknown, askId: string): Happened | { refused: string } {
  const parsed = messageParsers[name](content);
  if (parsed.kind === 'invalid') return { refused: renderInvalid(parsed) };
  return { kind: name, askId, message: parsed.value } as Happened;
}

function ignore(run: FleetRun, message: string, content: unknown, why: string): void {
  run.state = withIgnored(run.state, {
    at: workflowNow(),
    message: cutForStatus(message),
    content: cutForStatus(content),
    why: cutForStatus(why),
  });
  run.version += 1;
}

/** In-house signals have names that anybody may use: what does not look like a child's report is ignored. */
function setChildHandlers(run: FleetRun): void {
  const isFit = (name: string, content: unknown, fits: boolean): boolean => {
    if (!fits) ignore(run, name, content, 'not what a child of this run reports');
    return fits;
  };
  const isReport = (name: string, content: unknown, shape: Readonly<Record<string, string>>): boolean =>
    isFit(name, content, hasShape(content, shape));
  setHandler(nodeStateSignal, (report) => {
    if (!isReport('nodeState', report, { node: 'string', state: 'string' })) return;
    if (!isFit('nodeState', report, isNodeStateName(report.state))) return;
    apply(run, { kind: 'nodeStateReported', node: report.node, state: report.state });
  });
  setHandler(nodeProgressSignal, (report) => {
    if (!isReport('nodeProgress', report, { node: 'string', progress: 'object' })) return;
    if (!isFit('nodeProgress', report, isDrainProgress(report.progress))) return;
    apply(run, { kind: 'progressReported', node: report.node, progress: report.progress });
  });
  setHandler(nodeAnswerSignal, (report) => {
    const shape = { node: 'string', askId: 'string', accepted: 'boolean', why: 'string' };
    if (!isReport('nodeAnswer', report, shape)) return;
    const { node, askId, accepted, why } = report;
    const open = run.state.asks.some((ask) => ask.askId === askId);
    if (open) run.answers.set(askId, { accepted, why });
    apply(run, { kind: 'skipAnswered', node, askId, accepted, why });
  });
  setHandler(nodeForceSignal, (ask) => {
    if (!isFit('nodeForce', ask, isNodeForceAsk(ask))) return;
    apply(run, { kind: 'forceAsked', ask });
  });
  setHandler(nodeCapacitySignal, (ask) => {
    if (!isFit('nodeCapacity', ask, isNodeCapacityAsk(ask))) return;
    apply(run, { kind: 'capacityAsked', ask });
  });
  setHandler(nodeStrandedSignal, (report) => {
    if (!isFit('nodeStranded', report, isNodeStrandedReport(report))) return;
    apply(run, { kind: 'stranded', report });
  });
  setHandler(nodeEndedSignal, async (report) => {
    if (!isReport('nodeEnded', report, { parentFirstRunId: 'string', end: 'object' })) return;
    const { parentFirstRunId, end } = report;
    if (!isReport('nodeEnded', end, { node: 'string', attempt: 'number', outcome: 'object' })) return;
    if (!isFit('nodeEnded', report, isNodeOutcome(end.outcome))) return;
    // From the child of a former run of the same id: not this run's business.
    if (parentFirstRunId !== run.ids.firstExecutionRunId) return;
    await CancellationScope.nonCancellable(() => condition(() => run.loaded));
    apply(run, { kind: 'nodeEnded', ...endOf(end) });
  });
}

/** Anybody may send one: what is no number is none. */
function endOf(end: NodeEnd) {
  const { node, attempt, outcome, deferrals } = end;
  return { node, attempt, outcome, ...(typeof deferrals === 'number' ? { deferrals } : {}) };
}

function setQueryHandlers(run: FleetRun): void {
  setHandler(statusQuery, () => statusOf(run.state, run.ids));
  setHandler(tableQuery, (query) => tableOf(run.state, run.scope, pageOrThrow(query)));
  setHandler(planQuery, (query) => planOf(run.state, run.scope, pageOrThrow(query)));
  setHandler(whyQuery, (query) => whyOf(run.state, run.scope, pageOrThrow(query)));
  setHandler(reportQuery, (query) =>
    reportOf(run.state, run.scope, run.ids, { now: workflowNow(), query: pageOrThrow(query) }),
  );
  setHandler(grantQuery, ({ node }) => ({
    ...grantOf(run.state, node),
    firstExecutionRunId: run.ids.firstExecutionRunId,
  }));
}
