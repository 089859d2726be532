// `refit change-policy`: other values for fields of a run's policies, while it is at work. The run checks
// all of them before any counts, and answers what has changed from what to what.
import type { Command } from 'commander';
import type { CliContext } from '../context.ts';
import { CliError } from '../errors.ts';
import { addExamples, collect, parsePolicy } from '../options.ts';
import {
  addDecisionOptions,
  checkedContent,
  commonContent,
  ensureReason,
  sendDecision,
  withDecidedRun,
} from './decisions.ts';
import type { DecisionFlags } from './decisions.ts';

type Flags = DecisionFlags & { set?: readonly string[]; policy?: string };

const NAME = 'change-policy';
const UPDATE = 'changePolicy';

export function registerChangePolicy(program: Command, context: CliContext): void {
  const command = program
    .command(NAME)
    .description('change the policies of a run that is at work')
    .option('--set <field=value>', 'one field, named as in a fleet file; may be given several times', collect)
    .option('--policy <json>', "all of them at once, as in a fleet file's policy")
    .action((flags: Flags) => changePolicy(context, flags));
  addDecisionOptions(command, { reason: 'required' });
  addExamples(
    command,
    [
      'refit change-policy --set disruption.unavailableMax=3 --reason "night shift"',
      'refit change-policy --set drain.timeout=1h --set failure.failuresMax=2 --reason "slow checkpoints"',
      `refit change-policy --policy '{"windows": []}' --reason "the freeze is over"`,
    ],
    `
It counts from the next start on and undoes nothing: nodes at work keep what they began with. All pools of
the run get it. reimage.method never changes in a run, canary.nodes not once it has planned, and approval
never to less than one person may decide.`,
  );
}

async function changePolicy(context: CliContext, flags: Flags): Promise<void> {
  ensureReason(NAME, flags);
  const content = checkedContent(NAME, UPDATE, {
    ...commonContent(context, flags),
    policy: overridesOf(flags),
  });
  await withDecidedRun(context, flags, { update: UPDATE }, content, (temporal, workflowId) =>
    sendDecision(context, temporal, { name: NAME, update: UPDATE, workflowId, content, flags }),
  );
}

function overridesOf(flags: Flags): Readonly<Record<string, unknown>> {
  if (flags.policy !== undefined && flags.set !== undefined) {
    throw new CliError(`${NAME}: --set and --policy do not go together; put all of it into one of them`);
  }
  if (flags.policy !== undefined) return parsePolicy(flags.policy);
  if (flags.set === undefined) {
    throw new CliError(`${NAME} needs what to change: --set FIELD=VALUE, or --policy JSON`, {
      hints: ['For example: --set disruption.unavailableMax=3'],
    });
  }
  return flags.set.reduce<Record<string, unknown>>(withField, {});
}

/** A dot leads into a section: `drain.timeout=1h`. */
function withField(overrides: Record<string, unknown>, text: string): Record<string, unknown> {
  const at = text.indexOf('=');
  const path = text.slice(0, Math.max(0, at)).split('.');
  if (at < 1 || path.some((key) => key.trim() === '')) {
    throw new CliError(`--set: found ${JSON.stringify(text)}, expected FIELD=VALUE, like drain.timeout=1h`);
  }
  return laidOver(overrides, path, valueOf(text.slice(at + 1)));
}

function laidOver(
  base: Readonly<Record<string, unknown>>,
  [key = '', ...rest]: readonly string[],
  value: unknown,
): Record<string, unknown> {
  if (rest.length === 0) return { ...base, [key]: value };
  const inner = Object.hasOwn(base, key) ? base[key] : {};
  const section = typeof inner === 'object' && inner !== null && !Array.isArray(inner) ? inner : {};
  return { ...base, [key]: laidOver(section as Record<string, unknown>, rest, value) };
}

/** `3`, `true`, `null` and lists are what JSON says; `10%`, `1h` and `defer` are text. */
function valueOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
