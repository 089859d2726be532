// Messages and queries of a promotion. What is about a cluster or a node is passed on to the run of that
// cluster as an Update, whose answer is the answer. Handlers never throw into the workflow.
import { ApplicationFailure } from '@temporalio/common';
import {
  CancellationScope,
  condition,
  setDefaultSignalHandler,
  setHandler,
  uuid4,
} from '@temporalio/workflow';
import { closing, failureText } from './activity-calls.ts';
import { workflowNow } from './clock.ts';
import {
  MESSAGE_NAMES,
  personSignal,
  personUpdate,
  planQuery,
  reportQuery,
  statusQuery,
  tableQuery,
  whyQuery,
} from './messages.ts';
import { checking, telling } from './promotion-calls.ts';
import { applyTo } from './promotion-run.ts';
import type { PromotionRun } from './promotion-run.ts';
import type { Told } from '../activities/promotion-api.ts';
import { decisionOf } from '../domain/machines/fleet-state.ts';
import type { PromotionMove } from '../domain/machines/promotion.ts';
import { mergeOverrides, routeMessage } from '../domain/machines/promotion-route.ts';
import type { PersonSays } from '../domain/machines/promotion-route.ts';
import { clusterAtWork, withPromotionIgnored } from '../domain/machines/promotion-state.ts';
import {
  promotionReport,
  promotionStatus,
  promotionTable,
  promotionWhyPage,
} from '../domain/machines/promotion-views.ts';
import type { MessageName } from '../domain/messages.ts';
import { cutForStatus } from '../domain/parse/cut-for-status.ts';
import { messageParsers, parsePageQuery } from '../domain/parse/messages.ts';
import { renderInvalid } from '../domain/parse/parsed.ts';
import type { Decision } from '../domain/report.ts';
import type { PageQuery, UpdateAnswer } from '../domain/status.ts';

export function setPromotionHandlers(run: PromotionRun): void {
  for (const name of MESSAGE_NAMES) {
    setHandler(personSignal(name), async (content) => {
      const told = await take(run, name, content);
      if (told.kind === 'refused') ignore(run, name, content, told.why);
    });
    setHandler(
      personUpdate(name),
      async (content): Promise<UpdateAnswer> => {
        const told = await take(run, name, content);
        if (told.kind === 'refused') throw ApplicationFailure.nonRetryable(told.why, 'Rejected');
        return { effect: told.effect };
      },
      { validator: (content) => validate(name, content) },
    );
  }
  setDefaultSignalHandler((name, ...content) => ignore(run, name, content[0], 'no such signal'));
  setHandler(statusQuery, () => promotionStatus(run.state, run.ids));
  setHandler(tableQuery, (query) => promotionTable(run.state, pageOrThrow(query)));
  setHandler(planQuery, () => ({ summary: null, rows: [], total: 0, next: null }));
  setHandler(whyQuery, (query) => promotionWhyPage(run.state, pageOrThrow(query)));
  setHandler(reportQuery, () => ({
    report: promotionReport(run.state, run.ids, run.state.endedAt ?? workflowNow()),
    digest: run.state.reportDigest,
    next: null,
  }));
}

/** Must stay synchronous and change nothing. */
function validate(name: MessageName, content: unknown): void {
  const parsed = messageParsers[name](content);
  if (parsed.kind === 'invalid') {
    throw ApplicationFailure.nonRetryable(renderInvalid(parsed), 'InvalidMessage');
  }
}

function ignore(run: PromotionRun, message: string, content: unknown, why: string): void {
  run.state = withPromotionIgnored(run.state, {
    at: workflowNow(),
    message: cutForStatus(message),
    content: cutForStatus(content),
    why: cutForStatus(why),
  });
  run.version += 1;
}

/** Handlers run in the workflow's own scope: after a cancel, whatever they wait for would throw. */
function take(run: PromotionRun, name: MessageName, content: unknown): Promise<Told> {
  return CancellationScope.nonCancellable(async () => {
    const parsed = messageParsers[name](content);
    if (parsed.kind === 'invalid') return { kind: 'refused', why: renderInvalid(parsed) };
    const says = { name, message: parsed.value } as PersonSays;
    const route = routeMessage(run.state, says);
    switch (route.kind) {
      case 'refused':
        return route;
      case 'cluster':
        return await tell(route.way.childId, route.way.cluster, says.name, route.content);
      case 'both':
        return await takeOwn(run, says);
    }
  });
}

async function takeOwn(run: PromotionRun, says: PersonSays): Promise<Told> {
  switch (says.name) {
    case 'pause': {
      const { by, reason } = says.message;
      return await both(
        run,
        says,
        applyTo(run, { kind: 'paused', by, reason }),
        'no further cluster is begun',
      );
    }
    case 'abort': {
      const { by, reason } = says.message;
      const own = 'no further cluster is begun; those that have ended stay as they are';
      return await both(run, says, applyTo(run, { kind: 'aborted', by, reason }), own);
    }
    case 'resume': {
      // The cluster at work may be paused by itself, when it has tripped.
      if (run.state.paused === null) {
        return (await passOn(run, 'resume', says.message)) ?? { kind: 'refused', why: 'nothing is paused' };
      }
      const { by } = says.message;
      return await both(run, says, applyTo(run, { kind: 'resumed', by }), 'the promotion goes on');
    }
    case 'changePolicy':
      return await changePolicy(run, says);
    default:
      return { kind: 'refused', why: `${says.name} is for a cluster` };
  }
}

/** What it means to the promotion stands, whatever the cluster at work says to it. */
async function both(run: PromotionRun, says: PersonSays, move: PromotionMove, own: string): Promise<Told> {
  if (move.kind === 'rejected') return { kind: 'refused', why: move.why };
  const { name, message } = says;
  if (name === 'pause' || name === 'resume' || name === 'abort') {
    await record(run, decisionOf(workflowNow(), name, message));
  }
  const told = await passOn(run, name, message);
  if (told === undefined) return { kind: 'accepted', effect: own };
  return { kind: 'accepted', effect: `${own}; ${told.kind === 'accepted' ? told.effect : told.why}` };
}

/** Checked for all clusters, then told to the one at work, then kept for those to come: a no leaves all as it was. */
async function changePolicy(run: PromotionRun, says: PersonSays & { name: 'changePolicy' }): Promise<Told> {
  await condition(() => !run.policyChanging);
  run.policyChanging = true;
  try {
    const { by, reason } = says.message;
    const policy = mergeOverrides(run.state.policy ?? run.input.policy ?? null, says.message.policy);
    const wrong = await checking.resolvePromotion({ ...run.input, policy }).then(
      () => undefined,
      (error: unknown) => failureText(error),
    );
    if (wrong !== undefined) return { kind: 'refused', why: wrong };
    const told = await passOn(run, 'changePolicy', says.message);
    if (told?.kind === 'refused') return told;
    const move = applyTo(run, { kind: 'policyChanged', by, policy });
    if (move.kind === 'rejected') return { kind: 'refused', why: move.why };
    await record(run, decisionOf(workflowNow(), 'changePolicy', { by, reason }));
    const own = 'clusters to come are begun with it';
    return { kind: 'accepted', effect: told === undefined ? own : `${told.effect}; ${own}` };
  } finally {
    run.policyChanging = false;
  }
}

/** undefined: no cluster is at work. */
export async function passOn(
  run: PromotionRun,
  name: MessageName,
  content: object,
): Promise<Told | undefined> {
  const way = clusterAtWork(run.state);
  return way === undefined ? undefined : await tell(way.childId, way.cluster, name, content);
}

async function tell(childId: string, cluster: string, name: MessageName, content: object): Promise<Told> {
  const updateId = uuid4();
  const told = await telling
    .tellCluster({ childId, name, content, updateId })
    .catch((error: unknown): Told => ({ kind: 'refused', why: failureText(error) }));
  return told.kind === 'accepted'
    ? { kind: 'accepted', effect: `${cluster}: ${told.effect}` }
    : { kind: 'refused', why: `${cluster}: ${told.why}` };
}

/** The history of the workflow has it in any case. */
async function record(run: PromotionRun, decision: Decision): Promise<void> {
  await closing.recordDecision({ run: run.identity, decision }).catch(() => undefined);
}

/** A query that throws is answered with the text; the workflow goes on. */
function pageOrThrow(query: unknown): PageQuery {
  const parsed = parsePageQuery(query);
  if (parsed.kind === 'invalid') throw new Error(renderInvalid(parsed));
  return parsed.value;
}
