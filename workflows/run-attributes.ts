// The search attributes of a run. One event in history for each change that people can search by, none
// otherwise.
import { defineSearchAttributeKey } from '@temporalio/common';
import { upsertSearchAttributes } from '@temporalio/workflow';

const KEYS = {
  fleet: defineSearchAttributeKey('RefitFleet', 'KEYWORD'),
  cluster: defineSearchAttributeKey('RefitCluster', 'KEYWORD'),
  phase: defineSearchAttributeKey('RefitPhase', 'KEYWORD'),
  waitingOn: defineSearchAttributeKey('RefitWaitingOn', 'KEYWORD'),
  done: defineSearchAttributeKey('RefitNodesDone', 'INT'),
  total: defineSearchAttributeKey('RefitNodesTotal', 'INT'),
} as const;

type RunAttributes = {
  fleet: string;
  cluster: string;
  phase: string;
  waitingOn: string;
  done: number;
  total: number;
};

/** `shown` is what this answered before; empty at first. */
export function showRunAttributes(shown: string, values: RunAttributes): string {
  const now = JSON.stringify(values);
  if (now === shown) return shown;
  upsertSearchAttributes([
    { key: KEYS.fleet, value: values.fleet },
    { key: KEYS.cluster, value: values.cluster },
    { key: KEYS.phase, value: values.phase },
    { key: KEYS.waitingOn, value: values.waitingOn },
    { key: KEYS.done, value: values.done },
    { key: KEYS.total, value: values.total },
  ]);
  return now;
}
