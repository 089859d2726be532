// What an upgrade would do, told by a worker: for people who may ask Temporal and not the cluster. The very
// functions that a run plans by, and nothing after them: no Lease, no gate, no child. Its rows are answered by
// the query of the same name as a run's, also after its end.
import { setHandler, workflowInfo } from '@temporalio/workflow';
import type { PlanForPeople } from '../activities/api.ts';
import { asWorkflowFailure, preparing, reading } from './activity-calls.ts';
import { inputOrFail } from './inputs.ts';
import { pageOrThrow } from './pages.ts';
import { planQuery } from './messages.ts';
import type { PlanUpgradeResult } from './messages.ts';
import { renderOwnerMark } from '../domain/owner-mark.ts';
import { parseFleetUpgradeInput } from '../domain/parse/workflow-inputs.ts';
import type { PlanRow, PlanSummary } from '../domain/plan.ts';
import { pageOfPlan } from '../domain/plan-page.ts';
import type { FleetUpgradeInput, RunDefinition } from '../domain/run.ts';

export async function planUpgrade(input: unknown): Promise<PlanUpgradeResult> {
  const parsed = inputOrFail(parseFleetUpgradeInput(input));
  let known: { summary: PlanSummary | null; rows: readonly PlanRow[] } = { summary: null, rows: [] };
  setHandler(planQuery, (query) => pageOfPlan(known.summary, known.rows, pageOrThrow(query)));
  try {
    const { definition, plan } = await makePlan(parsed);
    if (plan.kind === 'refused') return plan;
    known = { summary: plan.summary, rows: await readRows(plan.summary) };
    return { ...plan, definition };
  } catch (error) {
    throw asWorkflowFailure(error);
  }
}

async function makePlan(
  input: FleetUpgradeInput,
): Promise<{ definition: RunDefinition; plan: PlanForPeople }> {
  const definition = await preparing.resolveRun(input);
  const { workflowId, firstExecutionRunId, namespace } = workflowInfo();
  // It stands on no node: everybody's cordon is somebody else's.
  const owner = renderOwnerMark({ namespace, workflowId, firstExecutionRunId });
  const run = { workflowId, firstExecutionRunId, owner };
  return { definition, plan: await preparing.planForPeople({ definition, run }) };
}

async function readRows({ pages, preflight }: PlanSummary): Promise<readonly PlanRow[]> {
  const rows = await Promise.all(pages.map((digest) => reading.readPlanPage({ digest })));
  const met = await Promise.all((preflight?.pages ?? []).map((digest) => reading.readMeetsPage({ digest })));
  const meetsOf = new Map(met.flat().map(({ node, meets }) => [node, meets]));
  return rows.flat().map((row) => {
    const meets = meetsOf.get(row.node);
    return meets === undefined ? row : { ...row, meets };
  });
}
