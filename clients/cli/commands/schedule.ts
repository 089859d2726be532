// `refit schedule`: what is done again and again by itself, as Temporal Schedules of the stock kind: whatever
// this creates, the `temporal` command and the Web UI show, change and delete as well.
import type { Command } from 'commander';
import { closest } from 'fastest-levenshtein';
import { formatDuration, parseDuration } from '../../../domain/duration.ts';
import type { Fleet } from '../../../domain/fleet.ts';
import { printable } from '../../../domain/render/printable.ts';
import { renderColumns } from '../columns.ts';
import { addConnectionOptions } from '../connection.ts';
import type { ConnectionFlags } from '../connection.ts';
import type { CliContext } from '../context.ts';
import { CliError } from '../errors.ts';
import { withFleet } from '../fleet-side.ts';
import { addExamples, collect, fleetPathOption } from '../options.ts';
import { outputOption, printFacts, say } from '../output.ts';
import type { Format } from '../output.ts';
import { withTemporal } from '../runs.ts';
import { ScheduleUnknown } from '../schedule-side.ts';
import type { ScheduleRow, ScheduleSide } from '../schedule-side.ts';
import { TASK_QUEUE } from '../temporal-side.ts';

type DriftFlags = ConnectionFlags & {
  every: string;
  cluster?: readonly string[];
  id?: string;
  fleetFile?: string;
};
type ListFlags = ConnectionFlags & { output: Format };
type PauseFlags = ConnectionFlags & { reason: string };

/** A look lists every cluster: more often than this it would never rest. */
const EVERY_MIN_MS = 60_000;
const EVERY_MAX_MS = 7 * 86_400_000;
const REASON_CHARS_MAX = 60;

export function registerSchedule(program: Command, context: CliContext): void {
  const schedule = program
    .command('schedule')
    .description('what is done again and again by itself: create, list, pause, resume and delete schedules');
  registerDrift(schedule, context);
  const list = schedule
    .command('list')
    .description('the schedules that there are')
    .addOption(outputOption())
    .action((flags: ListFlags) => listSchedules(context, flags));
  addConnectionOptions(list);
  const pause = schedule
    .command('pause')
    .description('start nothing by it until it is resumed; what has begun goes on')
    .argument('<id>', 'as `refit schedule list` shows it')
    .requiredOption('--reason <text>', 'shown with the schedule')
    .action((id: string, flags: PauseFlags) =>
      change(context, flags, id, 'is paused', (side) => side.pause({ scheduleId: id, note: flags.reason })),
    );
  addConnectionOptions(pause);
  const resume = schedule
    .command('resume')
    .description('start things by it again')
    .argument('<id>', 'as `refit schedule list` shows it')
    .action((id: string, flags: ConnectionFlags) =>
      change(context, flags, id, 'is resumed', (side) =>
        side.resume({ scheduleId: id, note: `resumed by ${context.userName()}` }),
      ),
    );
  addConnectionOptions(resume);
  const remove = schedule
    .command('delete')
    .description('delete a schedule; what has begun goes on')
    .argument('<id>', 'as `refit schedule list` shows it')
    .action((id: string, flags: ConnectionFlags) =>
      change(context, flags, id, 'is deleted', (side) => side.delete(id)),
    );
  addConnectionOptions(remove);
}

function registerDrift(schedule: Command, context: CliContext): void {
  const command = schedule
    .command('drift')
    .description('look at a fleet again and again, and tell people what is newly out of date')
    .argument('[fleet]', 'name of the fleet; may be left out when the files hold one')
    .requiredOption('--every <duration>', 'like 1h; from 1m to 7d')
    .option('--cluster <name>', 'only this cluster; may be given several times', collect)
    .option('--id <id>', 'of the schedule; drift.<fleet> without it')
    .addOption(fleetPathOption())
    .action((fleet: string | undefined, flags: DriftFlags) => scheduleDrift(context, fleet, flags));
  addConnectionOptions(command);
  addExamples(command, [
    'refit schedule drift training --every 1h',
    'refit schedule drift --every 10m --cluster prod-east --id drift.prod',
    'refit schedule pause drift.training --reason "catalog is being changed"',
  ]);
}

async function scheduleDrift(
  context: CliContext,
  named: string | undefined,
  flags: DriftFlags,
): Promise<void> {
  const everyMs = parseEvery(flags.every);
  const fleet = await withFleet(context, flags, async (side) => pickFleet(await side.collectFleets(), named));
  const clusters = flags.cluster;
  for (const name of clusters ?? []) ensureCluster(fleet, name);
  const input = { fleet: fleet.name, ...(clusters === undefined ? {} : { clusters }) };
  const scheduleId = flags.id ?? `drift.${fleet.name}`;
  const type = 'driftWatch';
  await withTemporal(context, flags, async ({ schedules }) => {
    const note = `created by ${context.userName()}`;
    const answer = await schedules.create({ scheduleId, type, input, everyMs, note });
    if (answer === 'exists') {
      throw new CliError(`there is a schedule ${scheduleId} already`, {
        hints: ['See it: refit schedule list', `Delete it first: refit schedule delete ${scheduleId}`],
      });
    }
  });
  const looks = `${scheduleId} looks at fleet ${fleet.name} every ${formatDuration(everyMs)}`;
  if ((fleet.notifications ?? []).length === 0) {
    say(context, `${looks}; it tells nobody: fleet ${fleet.name} has no spec.notifications.`);
  } else say(context, `${looks}.`);
  say(
    context,
    'The same by the stock command:',
    ...stockCommand({ scheduleId, type, input, every: flags.every }),
  );
}

function stockCommand(o: {
  scheduleId: string;
  type: string;
  input: object;
  every: string;
}): readonly string[] {
  return [
    `  temporal schedule create --schedule-id ${o.scheduleId} --interval ${o.every} --overlap-policy Skip \\`,
    `    --workflow-id ${o.scheduleId} --task-queue ${TASK_QUEUE} --type ${o.type} --input '${JSON.stringify(o.input)}'`,
  ];
}

function parseEvery(text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined && ms >= EVERY_MIN_MS && ms <= EVERY_MAX_MS) return ms;
  const [min, max] = [formatDuration(EVERY_MIN_MS), formatDuration(EVERY_MAX_MS)];
  throw new CliError(
    `--every is ${printable(text, REASON_CHARS_MAX)}, expected a duration from ${min} to ${max}, like 1h`,
  );
}

function pickFleet(fleets: readonly Fleet[], named: string | undefined): Fleet {
  const names = fleets.map(({ name }) => name);
  const found = fleets.filter(({ name }) => named === undefined || name === named);
  const [only, second] = found;
  if (only !== undefined && second === undefined) return only;
  if (named === undefined) throw new CliError(`say which fleet: ${names.join(', ') || '(there is none)'}`);
  throw unknown(`there is no fleet "${named}" in the fleet files`, named, names);
}

function ensureCluster(fleet: Fleet, name: string): void {
  const names = fleet.clusters.map((cluster) => cluster.name);
  if (!names.includes(name)) throw unknown(`fleet ${fleet.name} has no cluster "${name}"`, name, names);
}

function unknown(what: string, name: string, names: readonly string[]): CliError {
  const near = names.length === 0 ? [] : [`Did you mean ${closest(name, names)}?`];
  return new CliError(what, { hints: [...near, `There are: ${names.join(', ')}`] });
}

async function listSchedules(context: CliContext, flags: ListFlags): Promise<void> {
  await withTemporal(context, flags, async ({ schedules }) => {
    const rows = await schedules.list();
    printFacts(context, flags.output, { schedules: rows }, () => renderSchedules(rows));
    if (rows.length === 0) say(context, 'There is none. Create one: refit schedule drift --every 1h');
  });
}

function renderSchedules(rows: readonly ScheduleRow[]): string {
  const header = ['ID', 'TYPE', 'EVERY', 'LAST', 'NEXT', 'STATE'];
  return renderColumns(
    header,
    rows.map((row) => [
      row.scheduleId,
      row.type,
      row.everyMs === null ? 'see temporal schedule describe' : formatDuration(row.everyMs),
      row.lastAt ?? '-',
      row.paused ? '-' : (row.nextAt ?? '-'),
      row.paused ? `paused: ${printable(row.note, REASON_CHARS_MAX)}` : 'active',
    ]),
  );
}

async function change(
  context: CliContext,
  flags: ConnectionFlags,
  id: string,
  effect: string,
  work: (side: ScheduleSide) => Promise<void>,
): Promise<void> {
  try {
    await withTemporal(context, flags, ({ schedules }) => work(schedules));
  } catch (error) {
    if (!(error instanceof ScheduleUnknown)) throw error;
    throw new CliError(`there is no schedule "${id}"`, {
      hints: ['See which there are: refit schedule list'],
    });
  }
  say(context, `Schedule ${id} ${effect}.`);
}
