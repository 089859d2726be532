// Looks at each cluster of a fleet, and tells people what is newly out of date. Started by a Temporal Schedule,
// or by anybody with plain JSON. Must never change anything: what it learns is an upgrade that people start.
import { workflowInfo } from '@temporalio/workflow';
import type { DriftActivities } from '../activities/api.ts';
import { asWorkflowFailure, failureText, looking } from './activity-calls.ts';
import { inputOrFail } from './inputs.ts';
import { sendNotice } from './telling.ts';
import { blindNotice, driftNotice, readLastLook } from '../domain/drift.ts';
import type { ClusterDrift, ClusterLook, DriftResult, DriftScope, LastLook } from '../domain/drift.ts';
import type { Notice } from '../domain/notification.ts';
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
  const before = readLastLook(lastResult);
  const looked: Looked[] = [];
  for (let at = 0; at < scope.clusters.length; at += AT_ONCE) {
    const some = scope.clusters.slice(at, at + AT_ONCE);
    const looks = some.map((name) => lookAt(fleet, name, before.records.get(name) ?? null));
    looked.push(...(await Promise.all(looks)));
  }
  const looks = looked.flatMap(({ look }) => look ?? []);
  const about = { fleet, workflowId };
  const told = await Promise.all([
    ...EVENTS.map((event) => tell(scope, firstExecutionRunId, driftNotice(about, event, looks))),
    tell(scope, firstExecutionRunId, blindNotice(about, listBlind(looked, before))),
  ]);
  // What reached nobody is new to them at the next look as well.
  const nobody = told.some((answer) => answer.nobody);
  const drifts = looked.map((one) => driftOf(one, before.records.get(one.cluster) ?? null, nobody));
  return { fleet, clusters: drifts, lost: told.flatMap(({ lost }) => lost) };
}

async function tell(
  { notifications }: DriftScope,
  runId: string,
  notice: Notice | undefined,
): Promise<{ lost: readonly string[]; nobody: boolean }> {
  if (notice === undefined) return { lost: [], nobody: false };
  const lost = await sendNotice(notifications, [runId], notice);
  const wanted = notifications.filter(({ events }) => events.includes(notice.event)).length;
  return { lost, nobody: wanted > 0 && lost.length === wanted };
}

function listBlind(looked: readonly Looked[], { blind }: LastLook) {
  return looked.flatMap(({ cluster, trouble }) =>
    trouble === null || blind.has(cluster) ? [] : [{ cluster, trouble }],
  );
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
