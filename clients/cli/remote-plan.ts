// A plan made by a worker: started, waited for, and its rows read to the last page. Says what keeps the worker
// from making it, and never leaves the terminal without a word while it waits.
import { randomUUID } from 'node:crypto';
import type { PlanUpgradeResult } from '../../workflows/messages.ts';
import type { FleetUpgradeInput } from '../../domain/run.ts';
import type { ConnectionFlags } from './connection.ts';
import type { CliContext } from './context.ts';
import { CliError } from './errors.ts';
import type { PlanAnswer } from './fleet-side.ts';
import { say } from './output.ts';
import { collectPages } from './pages.ts';
import { summarizeEnd } from './run-end.ts';
import { askRun, ensureWorker, sayTroubles, withTemporal } from './runs.ts';
import type { RunEnd, TemporalSide } from './temporal-side.ts';

const LOOK_EVERY_MS = 500;
/** The worker gives up what it cannot read after five minutes, and has two such steps. */
const WAIT_MAX_MS = 630_000;

export async function planRemotely(
  context: CliContext,
  input: FleetUpgradeInput,
  flags: ConnectionFlags,
): Promise<PlanAnswer> {
  return withTemporal(context, flags, async (temporal) => {
    await ensureWorker(temporal);
    const workflowId = `plan.${input.fleet}.${input.cluster}.${randomUUID()}`;
    await temporal.startPlan({ workflowId, input });
    const result = resultOf(workflowId, await awaitEnd(context, temporal, workflowId));
    if (result.kind === 'refused') return result;
    const rows = await collectPages(async (after) => {
      const page = await askRun(temporal, workflowId, 'plan', after === null ? {} : { after });
      return { items: page.rows, next: page.next };
    });
    return { ...result, rows };
  });
}

async function awaitEnd(context: CliContext, temporal: TemporalSide, workflowId: string): Promise<RunEnd> {
  const until = context.now().getTime() + WAIT_MAX_MS;
  let said = '';
  while (context.now().getTime() < until) {
    const run = await temporal.describe(workflowId);
    if (run !== undefined && run.closedAt !== null) return temporal.collectEnd(workflowId);
    const troubles = run?.troubles ?? [];
    if (troubles.join('\n') !== said) sayTroubles(context, troubles);
    said = troubles.join('\n');
    await context.pause(LOOK_EVERY_MS);
  }
  say(context, `The worker goes on with it: temporal workflow describe -w ${workflowId}`);
  throw new CliError(`plan ${workflowId} was not made in time`);
}

/** Safe to take as one: workflow and client are of one repository, and a plan that ended well answered it. */
function resultOf(workflowId: string, end: RunEnd): PlanUpgradeResult {
  if (end.kind === 'completed') return end.result as PlanUpgradeResult;
  throw new CliError(`plan ${workflowId} ${summarizeEnd(end).text}`);
}
