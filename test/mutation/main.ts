// `npm run mutate`: plants one mistake after another in a copy of the tree, and sees whether the tests find it:
// first rollouts by chance, which are quick, then the unit tests of the planner and the machines. One line for
// each mutant; exit code 1 when fewer than 95 of 100 are found, or one survives that nobody has explained.
import { spawnSync } from 'node:child_process';
import { stripTypeScriptTypes } from 'node:module';
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MACHINE_MUTANTS } from './machine-mutants.ts';
import { mutate } from './mutant.ts';
import type { Mutant } from './mutant.ts';
import { PLANNER_MUTANTS } from './planner-mutants.ts';
import { SURVIVORS } from './survivors.ts';

const USAGE = `npm run mutate -- [WORD…]    mutants whose file or name has one of these words; none: all of them`;
const KILLED_MIN_PERCENT = 95;
/** A mistake that makes a test run for ever is found, too. */
const TEST_TIMEOUT_MS = 600_000;
const ROLLOUTS = ['test/simulation/main.ts', '--runs', '60', '--nodes', '120'];
const UNIT = ['--selectProjects', 'unit', '--runInBand', '--bail', '--testPathPatterns'];
/** Of one half of the code at a time: the other half's tests tell nothing of it. */
const UNIT_PATHS = {
  planner: 'test/(domain/planning|scenarios)/',
  machines: 'test/domain/(machines|approval)-',
} as const;

const root = join(import.meta.dirname, '..', '..');

type Finding = { mutant: Mutant; by: string | null; seconds: number };

function copyTree(): string {
  const folder = mkdtempSync(join(tmpdir(), 'refit-mutants-'));
  for (const name of readdirSync(root)) {
    if (name === 'node_modules' || name.startsWith('.')) continue;
    cpSync(join(root, name), join(folder, name), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}

/** True when these tests pass. */
function passes(folder: string, args: readonly string[]): boolean {
  const { status } = spawnSync(process.execPath, args, {
    cwd: folder,
    stdio: 'ignore',
    timeout: TEST_TIMEOUT_MS,
  });
  return status === 0;
}

function killerIn(folder: string, half: keyof typeof UNIT_PATHS): string | null {
  if (!passes(folder, ROLLOUTS)) return 'rollouts by chance';
  const jest = ['--experimental-vm-modules', 'node_modules/jest/bin/jest.js'];
  return passes(folder, [...jest, ...UNIT, UNIT_PATHS[half]]) ? null : 'unit tests';
}

function tryMutant(folder: string, mutant: Mutant): Finding {
  const path = join(folder, mutant.file);
  const good = readFileSync(path, 'utf8');
  const began = performance.now();
  writeFileSync(path, mutate(good, mutant));
  const by = killerIn(folder, PLANNER_MUTANTS.includes(mutant) ? 'planner' : 'machines');
  writeFileSync(path, good);
  return { mutant, by, seconds: (performance.now() - began) / 1000 };
}

function render({ mutant, by, seconds }: Finding): string {
  const reason = SURVIVORS[mutant.what];
  const fate = by === null ? (reason === undefined ? 'SURVIVED' : `survived: ${reason}`) : `killed by ${by}`;
  return `${mutant.file}: ${mutant.what}: ${fate} (${seconds.toFixed(0)} s)`;
}

function run(words: readonly string[]): number {
  const all = [...PLANNER_MUTANTS, ...MACHINE_MUTANTS];
  const isAsked = ({ file, what }: Mutant) =>
    words.some((word) => file.includes(word) || what.includes(word));
  const mutants = words.length === 0 ? all : all.filter(isAsked);
  // All of them first, so that one whose code has moved on is told before an hour has passed.
  // What no longer is a program would be found by whatever runs it, and prove nothing.
  for (const mutant of all)
    stripTypeScriptTypes(mutate(readFileSync(join(root, mutant.file), 'utf8'), mutant));
  const folder = copyTree();
  try {
    const ill = killerIn(folder, 'planner') ?? killerIn(folder, 'machines');
    if (ill !== null) throw new Error(`without any mutant, ${ill} fail already`);
    process.stderr.write(`the tests pass without a mutant; ${String(mutants.length)} mutants follow\n`);
    const findings = mutants.map((mutant) => {
      const finding = tryMutant(folder, mutant);
      process.stdout.write(`${render(finding)}\n`);
      return finding;
    });
    const killed = findings.filter(({ by }) => by !== null).length;
    const percent = (100 * killed) / findings.length;
    process.stdout.write(
      `${String(killed)} of ${String(findings.length)} mutants killed, ${percent.toFixed(1)} %\n`,
    );
    const unexplained = findings.some(
      ({ by, mutant }) => by === null && SURVIVORS[mutant.what] === undefined,
    );
    return percent >= KILLED_MIN_PERCENT && !unexplained ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const words = process.argv.slice(2);
if (words.includes('--help')) process.stdout.write(`${USAGE}\n`);
else process.exitCode = run(words);
