// `refit validate` and `refit schema`: is this fleet file right, and what may stand in one.
import type { Command } from 'commander';
import { validateFiles } from '../../../adapters/fleet-files/validate-files.ts';
import { renderFleetProblems } from '../../../domain/invalid-fleet.ts';
import { fleetJsonSchema } from '../../../domain/schemas/fleet.ts';
import type { CliContext } from '../context.ts';
import { CliError } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';
import { addExamples } from '../options.ts';
import { isForPrograms, outputOption, printFacts, say } from '../output.ts';
import type { Format } from '../output.ts';

export function registerFleetFiles(program: Command, context: CliContext): void {
  const validate = program
    .command('validate')
    .description('check fleet files: every error with its place, what stood there and what was expected')
    .argument('[fleet...]', 'fleet files or folders (default: what REFIT_FLEET names)')
    .addOption(outputOption())
    .action((paths: readonly string[], flags: { output: Format }) =>
      validateAll(context, paths, flags.output),
    );
  addExamples(validate, ['refit validate fleet.yaml', 'refit validate fleets/ -o json']);

  const schema = program
    .command('schema')
    .description('print the JSON Schema of fleet files, for editors')
    .action(() => {
      printFacts(context, 'json', fleetJsonSchema(), () => '');
    });
  addExamples(
    schema,
    ['refit schema > fleet.schema.json'],
    '\nIn the fleet file: # yaml-language-server: $schema=fleet.schema.json',
  );
}

async function validateAll(context: CliContext, given: readonly string[], output: Format): Promise<void> {
  const validation = await validateFiles(given.length > 0 ? given : [defaultPath(context)]);
  printFacts(context, output, validation, () =>
    validation.ok ? validation.fleets.map(renderFleet).join('\n') : renderFleetProblems(validation.problems),
  );
  if (validation.ok) return;
  if (!isForPrograms(output)) {
    const found = validation.problemsFound;
    const unseen = found - validation.problems.length;
    const more = unseen > 0 ? `, ${String(unseen)} of them not shown` : '';
    say(context, `${String(found)} problem${found === 1 ? '' : 's'}${more}`);
  }
  context.setExitCode(EXIT.error);
}

function defaultPath(context: CliContext): string {
  const path = context.env['REFIT_FLEET'] ?? '';
  if (path !== '') return path;
  throw new CliError('which file? Name one, or set REFIT_FLEET', { hints: ['refit validate fleet.yaml'] });
}

type ValidFleet = Awaited<ReturnType<typeof validateFiles>>['fleets'][number];

function renderFleet(fleet: ValidFleet): string {
  const count = (many: number, what: string): string => `${String(many)} ${what}${many === 1 ? '' : 's'}`;
  const parts = [
    count(fleet.clusters, 'cluster'),
    count(fleet.pools, 'pool'),
    count(fleet.releases, 'release'),
  ];
  return `${fleet.file}: fleet ${fleet.name} is valid (${parts.join(', ')})`;
}
