// Every signal, Update and query of the workflows, by the names that the contract fixes. Messages of
// people are `unknown` here on purpose: they come from anybody's `temporal` CLI and are parsed on arrival.
import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { PlanForPeople } from '../activities/api.ts';
import type {
  NodeAnswer,
  NodeCapacityAsk,
  NodeControl,
  NodeEndReport,
  NodeForceAsk,
  NodeProgressReport,
  NodeStateReport,
  NodeStrandedReport,
} from '../domain/machines/child-messages.ts';
import type { MessageName } from '../domain/messages.ts';
import type { RunDefinition } from '../domain/run.ts';
import type {
  PageQuery,
  PlanPage,
  ReportAnswer,
  RunStatus,
  TablePage,
  UpdateAnswer,
  WhyPage,
} from '../domain/status.ts';

/** What people may say to a run; each is a signal and an Update of the same name. */
export const MESSAGE_NAMES: readonly MessageName[] = [
  'approve',
  'reject',
  'pause',
  'resume',
  'skipNode',
  'retryNode',
  'abort',
  'rollback',
  'changePolicy',
  'nextNode',
];

/** Why a query failed that would have moved its workflow (workflows/query-guard.ts): the next one is answered. */
export const QUERY_AHEAD_OF_TASK = 'a query came with events ahead of their workflow task: ask again';

export function personSignal(name: MessageName) {
  return defineSignal<[unknown]>(name);
}

export function personUpdate(name: MessageName) {
  return defineUpdate<UpdateAnswer, [unknown]>(name);
}

export const statusQuery = defineQuery<RunStatus, [PageQuery?]>('status');
export const tableQuery = defineQuery<TablePage, [PageQuery?]>('table');
export const planQuery = defineQuery<PlanPage, [PageQuery?]>('plan');
export const whyQuery = defineQuery<WhyPage, [PageQuery?]>('why');
export const reportQuery = defineQuery<ReportAnswer, [PageQuery?]>('report');

/** May this child still act? `firstExecutionRunId` says which run answers. */
export type GrantAnswer = {
  kind: 'granted' | 'paused' | 'aborted';
  why: string;
  firstExecutionRunId: string;
};
export const grantQuery = defineQuery<GrantAnswer, [{ node: string }]>('grant');

/** To a run, from its children and their activities. */
export const nodeStateSignal = defineSignal<[NodeStateReport]>('nodeState');
export const nodeProgressSignal = defineSignal<[NodeProgressReport]>('nodeProgress');
export const nodeAnswerSignal = defineSignal<[NodeAnswer]>('nodeAnswer');
export const nodeForceSignal = defineSignal<[NodeForceAsk]>('nodeForce');
export const nodeCapacitySignal = defineSignal<[NodeCapacityAsk]>('nodeCapacity');
export const nodeStrandedSignal = defineSignal<[NodeStrandedReport]>('nodeStranded');
export const nodeEndedSignal = defineSignal<[NodeEndReport]>('nodeEnded');

/** To a child, from its run. */
export const nodeControlSignal = defineSignal<[NodeControl]>('nodeControl');

/** What `planUpgrade` answers; its rows are asked for by the query `plan`. */
export type PlanUpgradeResult =
  | (Extract<PlanForPeople, { kind: 'planned' }> & { definition: RunDefinition })
  | Extract<PlanForPeople, { kind: 'refused' }>;
