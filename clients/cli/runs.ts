// Which run a command is about, and what is said when it cannot be asked. Never guesses between two
// open runs, and never hangs in a query that no worker would answer.
import { printable } from '../../domain/render/printable.ts';
import type { PageQuery } from '../../domain/status.ts';
import type { CliContext } from './context.ts';
import { CliError } from './errors.ts';
import type { ConnectionFlags } from './connection.ts';
import type { RunFlags } from './options.ts';
import { say } from './output.ts';
import { NoAnswer, RunNotOpen, TASK_QUEUE } from './temporal-side.ts';
import type { OpenRun, QueryAnswers, TemporalSide, Workers } from './temporal-side.ts';

/** A refusal of an API server names the verb, the resource and who asked: about 300. */
const TROUBLE_CHARS_MAX = 600;

export async function withTemporal<T>(
  context: CliContext,
  flags: ConnectionFlags,
  action: (temporal: TemporalSide) => Promise<T>,
): Promise<T> {
  const temporal = await context.connect(flags);
  try {
    return await action(temporal);
  } finally {
    await temporal.close();
  }
}

/** The run that the flags name, or the only open one. */
export async function pickRun(temporal: TemporalSide, flags: RunFlags): Promise<string> {
  if (flags.workflowId !== undefined) return flags.workflowId;
  const open = await temporal.listOpenRuns();
  const only = open[0];
  if (only !== undefined && open.length === 1) return only.workflowId;
  if (only === undefined) {
    throw new CliError(`no run is open in namespace "${temporal.namespace}" at ${temporal.address}`, {
      hints: ['Start one: refit upgrade CLUSTER', 'Look at one that has ended: refit report'],
    });
  }
  throw new CliError(`${String(open.length)} runs are open; say which one by -w:`, {
    hints: openRunLines(open),
  });
}

function openRunLines(open: readonly OpenRun[]): readonly string[] {
  return open.map((run) => `-w ${run.workflowId}   (${run.type}, since ${run.startedAt})`);
}

/** One line that says who works; undefined when somebody does. */
export function whyNoWorker(temporal: TemporalSide, workers: Workers): string | undefined {
  if (workers.polling > 0) return undefined;
  const seen =
    workers.lastSeenAt === null ? 'none was seen lately' : `one was last seen at ${workers.lastSeenAt}`;
  return (
    `no worker serves task queue "${TASK_QUEUE}" in namespace "${temporal.namespace}" ` +
    `at ${temporal.address} (${seen})`
  );
}

export const START_WORKER_HINT = 'Start one, with the same settings: refit worker';

export async function ensureWorker(temporal: TemporalSide, hints: readonly string[] = []): Promise<void> {
  const why = whyNoWorker(temporal, await temporal.collectWorkers());
  if (why === undefined) return;
  throw new CliError(why, { hints: [START_WORKER_HINT, ...hints] });
}

/** What keeps a run from going on although a worker is there: a server that is away, a right that is missing. */
export function sayTroubles(context: CliContext, troubles: readonly string[]): void {
  for (const trouble of troubles) {
    say(context, `It fails and is tried again: ${printable(trouble, TROUBLE_CHARS_MAX)}`);
  }
}

/** What their own steps fail with is then not known, which is no good sign and no bad one. */
export function sayUnasked(context: CliContext, nodes: number): void {
  if (nodes === 0) return;
  const which = nodes === 1 ? '1 node at work' : `${String(nodes)} nodes at work`;
  say(context, `Whether the steps of ${which} fail was not asked, or not answered.`);
}

/** A query, with the reasons why it may go unanswered made plain. */
export async function askRun<Name extends keyof QueryAnswers>(
  temporal: TemporalSide,
  workflowId: string,
  name: Name,
  page?: PageQuery,
): Promise<QueryAnswers[Name]> {
  try {
    return await temporal.query(workflowId, name, page);
  } catch (error) {
    throw await explainRunError(temporal, workflowId, error);
  }
}

export async function explainRunError(
  temporal: TemporalSide,
  workflowId: string,
  error: unknown,
): Promise<unknown> {
  if (error instanceof NoAnswer) {
    const why = whyNoWorker(temporal, await temporal.collectWorkers());
    return new CliError(
      `run ${workflowId} did not answer in time: ${why ?? 'its worker is busy or has just died'}`,
      {
        hints:
          why === undefined
            ? ['Try again; the run itself goes on as soon as a worker does.']
            : [START_WORKER_HINT],
      },
    );
  }
  if (error instanceof RunNotOpen) return explainNotOpen(temporal, workflowId);
  return error;
}

/** After the end, and before the beginning, the server says NotFound: which of them was it? */
export async function explainNotOpen(temporal: TemporalSide, workflowId: string): Promise<CliError> {
  const run = await temporal.describe(workflowId);
  if (run !== undefined && run.closedAt !== null) {
    return new CliError(
      `run ${workflowId} has ended (${run.status.toLowerCase()} at ${run.closedAt}): it takes no more messages`,
      { hints: [`Its report: refit report ${workflowId}`] },
    );
  }
  const open = await temporal.listOpenRuns();
  return new CliError(
    `Temporal knows no run ${workflowId} in namespace "${temporal.namespace}" at ${temporal.address}`,
    {
      hints: [
        ...(open.length === 0 ? ['No run is open there.'] : ['Open runs:', ...openRunLines(open)]),
        `If it ended long ago, its report may stand in the records: refit report ${workflowId}`,
      ],
    },
  );
}
