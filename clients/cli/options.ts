// Options that many commands share, and the helps' examples. One spelling for each.
import { Option } from 'commander';
import type { Command } from 'commander';
import { CliError } from './errors.ts';
import type { ConnectionFlags } from './connection.ts';

export type RunFlags = ConnectionFlags & { workflowId?: string };

export function workflowIdOption(): Option {
  return new Option('-w, --workflow-id <id>', 'which run; without it, the only open one');
}

export function fleetPathOption(): Option {
  return new Option('--fleet-file <path>', 'fleet file or folder (or REFIT_FLEET)');
}

export function fleetNameOption(): Option {
  return new Option('--fleet <name>', 'which fleet, where the files hold several');
}

export function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

export function addExamples(command: Command, examples: readonly string[], more = ''): Command {
  const lines = examples.map((example) => `  $ ${example}`).join('\n');
  return command.addHelpText('after', `\nExamples:\n${lines}${more === '' ? '' : `\n${more}`}`);
}

/** `--policy '{"disruption":{"unavailableMax":3}}'` */
export function parsePolicy(text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new CliError(`--policy is not JSON: ${error instanceof Error ? error.message : String(error)}`, {
      hints: [
        `It stood: ${text.slice(0, 200)}`,
        `Expected, for example: '{"disruption":{"unavailableMax":3}}'`,
      ],
    });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new CliError(
      `--policy must be a JSON object, as in a fleet file's policy; it is ${text.slice(0, 200)}`,
    );
  }
  return value as Record<string, unknown>;
}
