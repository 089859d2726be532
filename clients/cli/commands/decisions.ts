// reject, pause, resume, skip, retry, next, abort, rollback: what people tell a run. Each goes as an Update,
// so that the answer says whether it took effect; sending the same one twice decides nothing twice.
import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import type { MessageName } from '../../../domain/messages.ts';
import { messageParsers } from '../../../domain/parse/messages.ts';
import { renderInvalid } from '../../../domain/parse/parsed.ts';
import { addConnectionOptions } from '../connection.ts';
import type { CliContext } from '../context.ts';
import { CliError } from '../errors.ts';
import { addExamples, workflowIdOption } from '../options.ts';
import type { RunFlags } from '../options.ts';
import { listMovedHints } from '../moved-hints.ts';
import { outputOption, printFacts } from '../output.ts';
import type { Format } from '../output.ts';
import { ensureWorker, explainRunError, pickRun, withTemporal } from '../runs.ts';
import { UpdateRefused } from '../temporal-side.ts';
import type { TemporalSide } from '../temporal-side.ts';

export type DecisionFlags = RunFlags & {
  by?: string;
  reason?: string;
  planDigest?: string;
  updateId?: string;
  rollback?: boolean;
  output: Format;
};

type Decision = {
  name: string;
  /** Name of the Update. */
  update: MessageName;
  /** `many`: several may be named, and are told one after another, in this order. */
  argument?: { name: string; key: string; text: string; many?: true };
  reason: 'none' | 'optional' | 'required';
  planDigest?: boolean;
  fixed?: Readonly<Record<string, unknown>>;
  /** Of the message, true when it is given. */
  flag?: { name: 'rollback'; text: string };
  description: string;
  examples: readonly string[];
  more?: string;
};

/** How a gate is named. */
export const GATE_TEXT = 'as refit status shows it, e.g. node/ip-10-0-0-1';
const GATE = { name: '<gate>', key: 'gate', text: GATE_TEXT };
const NODE = { name: '<node>', key: 'node', text: 'name of the node' };

const DECISIONS: readonly Decision[] = [
  {
    name: 'reject',
    update: 'reject',
    argument: GATE,
    reason: 'optional',
    planDigest: true,
    description: 'answer an open gate with no: its nodes are left as they are',
    examples: ['refit reject node/ip-10-0-0-1 --reason "training deadline on Friday"'],
  },
  {
    name: 'pause',
    update: 'pause',
    reason: 'required',
    description: 'start no more nodes; a node being drained goes no further than drained',
    examples: ['refit pause --reason "watching a latency alarm"'],
  },
  {
    name: 'resume',
    update: 'resume',
    reason: 'none',
    description: 'go on after a pause, or after failures that have been looked at',
    examples: ['refit resume', 'refit resume -w upgrade.training.prod-east'],
  },
  {
    name: 'skip',
    update: 'skipNode',
    argument: NODE,
    reason: 'required',
    description: 'leave a node out; one that is cordoned or draining is put back first',
    examples: ['refit skip ip-10-0-0-7 --reason "in use by the demo team"'],
    more: 'A node that is being reimaged, or is past that, cannot be skipped: it is taken to its end.',
  },
  {
    name: 'retry',
    update: 'retryNode',
    argument: NODE,
    reason: 'none',
    description: 'take a failed node again, as a new attempt',
    examples: ['refit retry ip-10-0-0-7'],
  },
  {
    name: 'next',
    update: 'nextNode',
    argument: { ...NODE, name: '<node...>', text: 'names of nodes, the first one first', many: true },
    reason: 'none',
    description: 'take waiting nodes before the others of their pools',
    examples: ['refit next ip-10-0-0-7', 'refit next ip-10-0-0-7 ip-10-0-0-3'],
    more:
      'They come after those that were asked for before. The first that is refused ends it. ' +
      'Budgets, windows, gates and the order of the pools hold it as before; refit why tells which.',
  },
  {
    name: 'abort',
    update: 'abort',
    reason: 'required',
    fixed: { rollback: false },
    flag: { name: 'rollback', text: 'and take back what is done or has failed, as refit rollback does' },
    description: 'end the run: nodes not yet reimaged are put back, later ones are finished',
    examples: [
      'refit abort --reason "wrong release"',
      'refit abort --rollback --reason "the new driver is slow"',
    ],
  },
  {
    name: 'rollback',
    update: 'rollback',
    reason: 'required',
    description: 'take nodes that are done or have failed back to their former image, then end the run',
    examples: ['refit rollback --reason "the new driver is slow"'],
    more:
      'Nodes that failed go first, then the newest, under the same budgets, windows and gates as before. ' +
      'One that could not go back pauses the run.',
  },
];

export function registerDecisions(program: Command, context: CliContext): void {
  for (const decision of DECISIONS) registerDecision(program, context, decision);
}

function registerDecision(program: Command, context: CliContext, decision: Decision): void {
  const command = program.command(decision.name).description(decision.description);
  if (decision.argument !== undefined) command.argument(decision.argument.name, decision.argument.text);
  addDecisionOptions(command, decision);
  if (decision.flag !== undefined) command.option(`--${decision.flag.name}`, decision.flag.text);
  addExamples(command, decision.examples, decision.more);
  command.action(async (...args: unknown[]) => {
    const flags = command.opts<DecisionFlags>();
    const subjects = decision.argument?.many === true ? (args[0] as string[]) : [args[0]];
    // All of them are looked at before the first is sent.
    const contents = subjects.map((subject) => decisionContent(context, decision, subject, flags));
    const [first = {}] = contents;
    await withDecidedRun(context, flags, decision, first, (temporal, workflowId) =>
      contents.length > 1
        ? sendInTurn(context, temporal, { ...decision, workflowId, contents, flags })
        : sendDecision(context, temporal, { ...decision, workflowId, content: first, flags }),
    );
  });
}

export function addDecisionOptions(
  command: Command,
  o: { reason: 'none' | 'optional' | 'required'; planDigest?: boolean },
): void {
  command.addOption(workflowIdOption());
  command.option('--by <name>', "who says so (default: the operating system's user; not authenticated)");
  if (o.reason !== 'none') command.option('--reason <text>', 'why, for the report');
  if (o.planDigest === true) {
    command.option('--plan-digest <digest>', 'only if the run still has this plan (sha256:…)');
  }
  command.option('--update-id <id>', 'name of this very message: sent again under it, it counts once');
  command.addOption(outputOption());
  addConnectionOptions(command);
}

/** The run that is meant, with a worker that can answer; else how to say it without one. */
export async function withDecidedRun(
  context: CliContext,
  flags: DecisionFlags,
  { update }: { update: MessageName },
  content: object,
  work: (temporal: TemporalSide, workflowId: string) => Promise<void>,
): Promise<void> {
  await withTemporal(context, flags, async (temporal) => {
    const workflowId = await pickRun(temporal, flags);
    await ensureWorker(temporal, [
      'Or send it as a signal, which waits for a worker: ' +
        `temporal workflow signal -w ${workflowId} --name ${update} -i '${JSON.stringify(content)}'`,
    ]);
    await work(temporal, workflowId);
  });
}

type Sending = { name: string; update: MessageName; workflowId: string; flags: DecisionFlags };
type Sent = { workflowId: string; message: MessageName; content: object; accepted: true; effect: string };

export async function sendDecision(
  context: CliContext,
  temporal: TemporalSide,
  o: Sending & { content: object },
): Promise<void> {
  const sent = await tellRun(context, temporal, { ...o, updateId: o.flags.updateId ?? randomUUID() });
  printFacts(context, o.flags.output, sent, () => `${o.name}: ${sent.effect}`);
}

/** Each is answered before the next is sent: they count in this order. What was accepted before a no is printed. */
async function sendInTurn(
  context: CliContext,
  temporal: TemporalSide,
  o: Sending & { contents: readonly object[] },
): Promise<void> {
  const { name, contents, flags } = o;
  const id = flags.updateId ?? randomUUID();
  const accepted: Sent[] = [];
  try {
    for (const [index, content] of contents.entries()) {
      accepted.push(await tellRun(context, temporal, { ...o, content, updateId: `${id}/${String(index)}` }));
    }
  } finally {
    if (accepted.length > 0) {
      printFacts(context, flags.output, accepted, () =>
        accepted.map(({ effect }) => `${name}: ${effect}`).join('\n'),
      );
    }
  }
}

async function tellRun(
  context: CliContext,
  temporal: TemporalSide,
  o: Sending & { content: object; updateId: string },
): Promise<Sent> {
  const { name, update, workflowId, content, updateId } = o;
  try {
    const { effect } = await temporal.update({ workflowId, name: update, content, updateId });
    return { workflowId, message: update, content, accepted: true, effect };
  } catch (error) {
    if (error instanceof UpdateRefused) {
      throw new CliError(`run ${workflowId} refused ${name}: ${error.message}`, {
        hints: [
          ...(await listMovedHints(context, temporal, workflowId, content)),
          `What is open, and what stands where: refit status -w ${workflowId}`,
        ],
      });
    }
    throw await explainRunError(temporal, workflowId, error);
  }
}

function decisionContent(
  context: CliContext,
  decision: Decision,
  subject: unknown,
  flags: DecisionFlags,
): Record<string, unknown> {
  if (decision.reason === 'required') ensureReason(decision.name, flags);
  return checkedContent(decision.name, decision.update, {
    ...(decision.argument === undefined ? {} : { [decision.argument.key]: subject }),
    ...commonContent(context, flags),
    ...decision.fixed,
    ...(decision.flag !== undefined && flags[decision.flag.name] === true
      ? { [decision.flag.name]: true }
      : {}),
  });
}

export function ensureReason(name: string, { reason }: DecisionFlags): void {
  if (reason !== undefined && reason.trim() !== '') return;
  throw new CliError(`${name} needs a reason: --reason TEXT`, {
    hints: ['It stands in the report, for those who ask later.'],
  });
}

export function commonContent(context: CliContext, flags: DecisionFlags): Record<string, unknown> {
  return {
    by: flags.by ?? context.userName(),
    ...(flags.reason === undefined ? {} : { reason: flags.reason }),
    ...(flags.planDigest === undefined ? {} : { planDigest: flags.planDigest }),
  };
}

/** The very check that the run makes, before anything is sent. */
export function checkedContent(
  name: string,
  update: MessageName,
  content: Record<string, unknown>,
): Record<string, unknown> {
  const parsed = messageParsers[update](content);
  if (parsed.kind === 'invalid') throw new CliError(`${name}: ${renderInvalid(parsed)}`);
  return content;
}
