// `refit approve`: shows a person at a terminal what he is asked and what is known, and sends his yes. To
// one gate, or to many nodes at once. Where nobody can be asked, as in a script or a pipe, the command itself
// is the yes.
import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import { MANY_NODES_GATE } from '../../../domain/messages.ts';
import { indent } from '../../../domain/render/columns.ts';
import { renderGateFacts } from '../../../domain/render/status.ts';
import type { Gate, RunStatus } from '../../../domain/status.ts';
import type { CliContext } from '../context.ts';
import { CliError } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';
import { addExamples } from '../options.ts';
import { isForPrograms, say } from '../output.ts';
import { askRun } from '../runs.ts';
import {
  GATE_TEXT,
  addDecisionOptions,
  checkedContent,
  commonContent,
  sendDecision,
  withDecidedRun,
} from './decisions.ts';
import type { DecisionFlags } from './decisions.ts';

type ApproveFlags = DecisionFlags & { next?: string; pool?: string; zone?: string; yes?: boolean };

const APPROVE = { name: 'approve', update: 'approve' } as const;
/** More would push the question off the screen. */
const GATES_SHOWN = 5;

export function registerApprove(program: Command, context: CliContext): void {
  const command = program
    .command('approve')
    .description(
      'answer a gate, or those of many nodes, with yes; on a terminal it shows what is asked first',
    )
    .argument('[gate]', `${GATE_TEXT}; left out with --next, --pool or --zone`)
    .option('--next <n>', 'the next so many nodes: those at their gates, then those that come to theirs')
    .option('--pool <name>', 'nodes of this pool, now and later')
    .option('--zone <name>', 'nodes in this zone, now and later')
    .option('-y, --yes', 'do not ask on the terminal');
  addDecisionOptions(command, { reason: 'optional', planDigest: true });
  addExamples(
    command,
    [
      'refit approve node/ip-10-0-0-1',
      'refit approve pool/h100 --reason "looked at the canary" --yes',
      'refit approve --next 5',
      'refit approve --pool h100 --zone us-east-1a',
    ],
    `
With --next, --pool or --zone it is a yes to gate ${MANY_NODES_GATE}: one person's yes at each of these nodes,
also in advance. Asked are people at a terminal alone; in a script, in a pipe and with -o json the command
itself is the yes.`,
  );
  command.action((gate: string | undefined, flags: ApproveFlags) => approve(context, gate, flags));
}

async function approve(context: CliContext, gate: string | undefined, flags: ApproveFlags): Promise<void> {
  const updateId = flags.updateId ?? randomUUID();
  const content = approveContent(context, gate, { ...flags, updateId });
  await withDecidedRun(context, flags, APPROVE, content, async (temporal, workflowId) => {
    const { askYesNo } = context;
    const asks = askYesNo !== undefined && flags.yes !== true && !isForPrograms(flags.output);
    const seen = asks ? await askRun(temporal, workflowId, 'status') : undefined;
    if (asks && seen !== undefined) {
      const question = showQuestion(context, seen, content);
      // A gate that is not open: the run says why, and nothing is there to be asked about.
      const answer = question === undefined ? true : await askYesNo(question);
      if (answer !== true) {
        say(context, 'Nothing was sent.');
        context.setExitCode(answer === undefined ? EXIT.interrupted : EXIT.error);
        return;
      }
    }
    // What was shown is what is approved: a run that begins meanwhile under the same id has another plan.
    const shown = seen?.planDigest ?? undefined;
    const sent = shown === undefined ? content : { planDigest: shown, ...content };
    await sendDecision(context, temporal, {
      ...APPROVE,
      workflowId,
      content: sent,
      flags: { ...flags, updateId },
    });
  });
}

function approveContent(
  context: CliContext,
  gate: string | undefined,
  flags: ApproveFlags & { updateId: string },
): Record<string, unknown> {
  const { next, pool, zone } = flags;
  const many = next !== undefined || pool !== undefined || zone !== undefined;
  if (gate === undefined && !many) {
    throw new CliError('approve needs a gate, or which nodes: --next N, --pool POOL, --zone ZONE', {
      hints: ['Which gates are open: refit status'],
    });
  }
  return checkedContent('approve', 'approve', {
    gate: gate ?? MANY_NODES_GATE,
    ...commonContent(context, flags),
    // A second yes to the next so many is another one, unless it is sent again under its name.
    ...(next === undefined ? {} : { next: /^\d{1,9}$/.test(next) ? Number(next) : next, id: flags.updateId }),
    ...(pool === undefined ? {} : { pool }),
    ...(zone === undefined ? {} : { zone }),
  });
}

/** What is asked, with what is known; undefined when no such gate is open. */
function showQuestion(
  context: CliContext,
  status: RunStatus,
  content: Record<string, unknown>,
): string | undefined {
  const name = String(content['gate']);
  const { next, pool, zone } = content;
  if (next === undefined && pool === undefined && zone === undefined) {
    const gate = status.gates.find((open) => name === open.name || name === `${status.cluster}/${open.name}`);
    if (gate === undefined) return undefined;
    showGate(context, gate);
    return `${gate.name}: approve?`;
  }
  const open = status.gates.filter((gate) => gate.name.startsWith('node/'));
  for (const gate of open.slice(0, GATES_SHOWN)) showGate(context, gate);
  const left = open.length - GATES_SHOWN;
  if (left > 0) say(context, `… and ${String(left)} more gates of nodes are open: refit status`);
  if (open.length === 0) say(context, 'No gate of a node is open now: it is a yes in advance.');
  const which = next === undefined ? 'all nodes' : `the next ${String(next)} nodes`;
  const where = [
    ...(pool === undefined ? [] : [`of pool ${String(pool)}`]),
    ...(zone === undefined ? [] : [`in zone ${String(zone)}`]),
  ];
  return `${[which, ...where].join(' ')}, now and as they come to their gates: approve?`;
}

function showGate(context: CliContext, gate: Gate): void {
  say(context, gate.name, ...indent(renderGateFacts(gate, context.now())), '');
}
