// `refit completion SHELL`: the shell asks `refit complete -- …` at each tab. Names of clusters come
// from the fleet files at hand; the answer must never wait for a server, so gates and nodes do not.
import type { Command } from 'commander';
import tab from '@bomb.sh/tab/commander';
import type { CliContext } from '../context.ts';
import { addExamples } from '../options.ts';

const SHELLS = ['bash', 'zsh', 'fish'];

export function isCompletionRequest(args: readonly string[]): boolean {
  return args[0] === 'complete';
}

/** Registered last: it describes the commands that are there. */
export function registerCompletion(program: Command, clusters: readonly string[]): void {
  const completion = tab(program, { completionCommandName: 'completion' });
  for (const name of ['nodes', 'plan', 'upgrade']) {
    const argument = completion.commands.get(name)?.arguments.get('cluster');
    if (argument !== undefined) {
      argument.handler = (complete) => {
        for (const cluster of clusters) complete(cluster, 'cluster');
      };
    }
  }
  const command = program.commands.find((candidate) => candidate.name() === 'completion');
  if (command === undefined) return;
  command.description(`print the completion script of a shell (${SHELLS.join(', ')})`);
  addExamples(command, [
    'source <(refit completion bash)',
    'refit completion zsh > ~/.zfunc/_refit',
    'refit completion fish > ~/.config/fish/completions/refit.fish',
  ]);
}

/** Without a fleet file, or with one that is not right, there is simply nothing to offer. */
export async function collectClusterNames(context: CliContext): Promise<readonly string[]> {
  try {
    const side = await context.fleet({});
    try {
      return (await side.collectFleets()).flatMap((fleet) => fleet.clusters.map((cluster) => cluster.name));
    } finally {
      await side.close();
    }
  } catch {
    return [];
  }
}
