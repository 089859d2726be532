// Looks at each cluster of a fleet, and tells people what is newly out of date. Started by a Temporal Schedule,
// or by anybody with plain JSON. Must never change anything: what it learns is an upgrade that people start.
import { workflowInfo } from '@temporalio/workflow';
import type { DriftActivities } from '../activities/api.ts';
import { asWorkflowFailure, failureText, looking } from './activity-calls.ts';
import { sendNotice } from './fleet-telling.ts';
import { inputOrFail } from './inputs.ts';
import { driftNotice, recordsOfLast } from '../domain/drift.ts';
import type { ClusterDrift, ClusterLook, DriftResult, DriftScope } from '../domain/drift.ts';
import { parseDriftWatchInput } from '../domain/parse/workflow-inputs.ts';

/** Each look lists a cluster once; more at a time would load the worker and shorten nothing that hurries. */
const AT_ONCE = 5;
const TROUBLE_CHARS_MAX = 300;
const EVENTS = ['updateAvailable', 'drift'] as const;

type Looked = { cluster: string; look: ClusterLook | null; trouble: string | null };

export async function driftWatch(input: unknown): Promise<DriftResult> {
  const { fleet, clusters } = inputOrFail(parseDriftWatchInput(input));
  const asked = { fleet, ...(clusters === undefined ? {} : { clusters }) };
  const scope = await resolveScope(asked);
  const { workflowId, firstExecutionRunId, lastResult } = workflowInfo();
  const before = recordsOfLast(lastResult);
  const looked: Looked[] = [];
  for (let at = 0; at < scope.clusters.length; at += AT_ONCE) {
    const some = scope.clusters.slice(at, at + AT_ONCE);
    looked.push(...(await Promise.all(some.map((name) => lookAt(fleet, name, before.get(name) ?? null)))));
  }
  const looks = looked.flatMap(({ look }) => look ?? []);
  const told = EVENTS.map(async (event) => {
    const notice = driftNotice({ fleet, workflowId }, event, looks);
    if (notice === undefined) return { lost: [], nobody: false };
    const lost = await sendNotice(scope.notifications, [firstExecutionRunId], notice);
    const wanted = scope.notifications.filter(({ events }) => events.includes(event)).length;
    return { lost, nobody: wanted > 0 && lost.length === wanted };
  });
  const answers = await Promise.all(told);
  // What reached nobody is new to them at the next look as well.
  const nobody = answers.some((answer) => answer.nobody);
  const drifts = looked.map((one) => driftOf(one, before.get(one.cluster) ?? null, nobody));
  return { fleet, clusters: drifts, lost: answers.flatMap(({ lost }) => lost) };
}

async function resolveScope(o: Parameters<DriftActivities['resolveDrift']>[0]): Promise<DriftScope> {
  try {
    return await looking.resolveDrift(o);
  } catch (error) {
    throw asWorkflowFailure(error);
  }
}

/** A cluster that is away does not keep the others from being looked at. */
async function lookAt(fleet: string, cluster: string, before: string | null): Promise<Looked> {
  try {
    return { cluster, look: await looking.lookForDrift({ fleet, cluster, before }), trouble: null };
  } catch (error) {
    return { cluster, look: null, trouble: failureText(error).slice(0, TROUBLE_CHARS_MAX) };
  }
}

function driftOf({ cluster, look, trouble }: Looked, before: string | null, nobody: boolean): ClusterDrift {
  if (look === null) return { cluster, nodes: null, outdated: null, fresh: 0, record: before, trouble };
  const { nodes, outdated, record } = look;
  const fresh = EVENTS.reduce((sum, event) => sum + look.fresh[event].nodes, 0);
  return { cluster, nodes, outdated, fresh, record: nobody && fresh > 0 ? before : record, trouble };
}
