// Records the histories anew: `node test/replay/record.ts [TEST…]` runs the end-to-end tests (all that steer
// or break runs, or those named) and keeps what they leave at the server. Needed after a change of workflow
// code that is not replay-safe on purpose; everything else must replay the old ones.
import { spawnSync } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const TESTS = [
  ...['upgrade', 'steering', 'steering-messages', 'blocked-pdb', 'records', 'crash', 'bad-image'],
  ...['policy', 'canary', 'promotion', 'replace-instance', 'telling'],
];

const root = join(import.meta.dirname, '..', '..');
const folder = join(import.meta.dirname, 'histories', 'end-to-end');
const tests = process.argv.length > 2 ? process.argv.slice(2) : TESTS;
let failed = 0;
for (const test of tests) {
  for (const file of readdirSync(folder, { withFileTypes: true }))
    if (file.name.startsWith(`${test}.`)) rmSync(join(folder, file.name));
  const jest = ['--selectProjects=sandbox', '--runInBand', '--testPathPatterns', `end-to-end/${test}.test`];
  const { status } = spawnSync(process.execPath, [join(root, 'node_modules/jest/bin/jest.js'), ...jest], {
    cwd: root,
    stdio: 'inherit',
    env: {
      ...process.env,
      NODE_OPTIONS: '--experimental-vm-modules',
      REFIT_RECORD_HISTORIES: folder,
    },
  });
  if (status !== 0) failed += 1;
}
process.stderr.write(`${String(tests.length - failed)} of ${String(tests.length)} tests passed\n`);
process.exitCode = failed === 0 ? 0 : 1;
