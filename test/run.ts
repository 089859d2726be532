// `npm test`: every check that this project holds itself to, in the order of how soon each tells.
// It stops after the first stage in which something fails, and ends with what failed, each with the beginning of its
// error, and one line of totals. It must never skip in silence.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { ensureBinaries } from '../sandbox/binaries.ts';
import { progressTo } from '../sandbox/progress.ts';
import { ensureMoto } from '../sandbox/python-environments.ts';

type Check = { name: string; command: string; args: string[] };

const root = join(import.meta.dirname, '..');
const bin = (name: string) => join(root, 'node_modules', '.bin', name);
const unitAlone = process.argv.includes('--unit');

const checks: Check[] = [
  { name: 'format (prettier)', command: bin('prettier'), args: ['--check', '--log-level', 'warn', '.'] },
  { name: 'types (tsc)', command: bin('tsc'), args: ['-p', '.'] },
  { name: 'lint (eslint)', command: bin('eslint'), args: ['.', '--max-warnings', '0'] },
  {
    name: 'imports (dependency-cruiser)',
    command: bin('depcruise'),
    args: ['--config', '.dependency-cruiser.cjs', '.'],
  },
  { name: 'unused code (knip)', command: bin('knip'), args: [] },
];

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

function runCheck(check: Check): void {
  const began = Date.now();
  const { status } = spawnSync(check.command, check.args, { cwd: root, stdio: 'inherit' });
  const seconds = ((Date.now() - began) / 1000).toFixed(1);
  if (status !== 0) {
    say(`FAILED ${check.name} after ${seconds} s`);
    process.exit(1);
  }
  say(`ok     ${check.name} (${seconds} s)`);
}

type JestResult = {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  /** Files whose tests never began. */
  numRuntimeErrorTestSuites: number;
  testResults: {
    name: string;
    status: string;
    message: string;
    assertionResults: { status: string; fullName: string; failureMessages: string[] }[];
  }[];
};

/** So much of each error: a log of which only the end is kept still names every test that failed. */
const ERROR_LINES = 20;

/** Every test that failed, by file and name, with the first lines of its errors. */
function failuresOf({ testResults }: JestResult): string[] {
  return testResults.flatMap(({ name, status, message, assertionResults }) => {
    const file = relative(root, name);
    const tests = assertionResults.filter((test) => test.status === 'failed');
    // Its tests never began, or something beside them failed.
    if (tests.length === 0) return status === 'failed' ? [`FAILED ${file}\n${firstLines(message)}`] : [];
    return tests.map(
      ({ fullName, failureMessages }) =>
        `FAILED ${file}: ${fullName}\n${failureMessages.map(firstLines).join('\n')}`,
    );
  });
}

function firstLines(text: string): string {
  const lines = stripVTControlCharacters(text)
    .split('\n')
    .filter((line) => line.trim() !== '');
  return lines
    .slice(0, ERROR_LINES)
    .map((line) => `    ${line.slice(0, 300)}`)
    .join('\n');
}

type Totals = { passed: number; failed: number; skipped: number; ok: boolean; failures: string[] };

/** Runs one jest project; answers its totals, read from jest's own JSON. */
function runJest(project: string): Totals {
  const folder = mkdtempSync(join(tmpdir(), 'refit-test-'));
  const outputFile = join(folder, 'result.json');
  try {
    const { status } = spawnSync(
      process.execPath,
      [
        '--experimental-vm-modules',
        '--disable-warning=ExperimentalWarning',
        join(root, 'node_modules', 'jest', 'bin', 'jest.js'),
        '--selectProjects',
        project,
        // Servers are started by these tests: one file at a time, or two cores are not enough.
        // A test that failed may leave a worker behind that would keep jest from ending.
        ...(project === 'unit' || project === 'simulation' ? [] : ['--runInBand', '--forceExit']),
        '--json',
        `--outputFile=${outputFile}`,
        ...process.argv.slice(2).filter((argument) => argument !== '--unit'),
      ],
      { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] },
    );
    const result = JSON.parse(readFileSync(outputFile, 'utf8')) as JestResult;
    return {
      failures: failuresOf(result),
      passed: result.numPassedTests,
      failed: result.numFailedTests + result.numRuntimeErrorTestSuites,
      skipped: result.numPendingTests,
      ok: status === 0,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

for (const check of unitAlone ? [] : checks) runCheck(check);
if (!unitAlone) {
  // Built here and not inside of jest, so that ten silent minutes on a fresh machine are not silent.
  const onProgress = progressTo(process.stderr);
  await ensureBinaries({ onProgress });
  await ensureMoto({ onProgress });
}
const totals = { passed: 0, failed: 0, skipped: 0 };
const failures: string[] = [];
let ok = true;
for (const project of unitAlone ? ['unit'] : ['unit', 'simulation', 'workflows', 'sandbox']) {
  say(`tests: ${project}`);
  const result = runJest(project);
  totals.passed += result.passed;
  totals.failed += result.failed;
  totals.skipped += result.skipped;
  failures.push(...result.failures);
  ok &&= result.ok && result.passed > 0;
  if (!ok) break;
}
for (const failure of failures) say(failure);
process.stdout.write(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped\n`);
process.exit(ok ? 0 : 1);
