#!/usr/bin/env node
// Starts the command line under the Node that the package brings along, whatever Node runs this file:
// Refit needs Node 24, and a machine may have 20. Plain JavaScript that Node 20 understands.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const main = join(root, 'clients', 'cli', 'main.ts');

function findNode() {
  try {
    // Resolved rather than guessed: a package manager may have hoisted it above this package.
    const manifest = createRequire(join(root, 'package.json')).resolve('node/package.json');
    const binary = join(dirname(manifest), 'bin', 'node');
    if (existsSync(binary)) return binary;
  } catch {
    // Told below.
  }
  if (Number(process.versions.node.split('.')[0]) >= 24) return process.execPath;
  process.stderr.write(
    `error: refit runs on Node 24; this is ${process.version}, and the package's own Node is not installed\n` +
      `  Install it: npm ci --prefix ${root}\n`,
  );
  process.exit(1);
}

const node = findNode();
const args = [main, ...process.argv.slice(2)];
// Where Node can, this process becomes the other one: then a kill of it is a kill of the command.
if (process.execve !== undefined && process.platform !== 'win32') {
  process.execve(node, [node, ...args], process.env);
}

const child = spawn(node, args, { stdio: 'inherit' });
// Passed on, since only a terminal sends ctrl-C to both; what it means is for the child to decide.
process.on('SIGINT', () => child.kill('SIGINT'));
process.on('SIGTERM', () => child.kill('SIGTERM'));
child.on('error', (error) => {
  process.stderr.write(`error: ${error.message}\n`);
  process.exit(1);
});
child.on('exit', (code, signal) => {
  process.exit(code ?? 128 + (constants.signals[signal] ?? 0));
});
