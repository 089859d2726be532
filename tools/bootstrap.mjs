// Starts a program of this project on a fresh clone: any Node from 20 on runs this file, which installs the
// dependencies when they are missing or stale, among them the Node that the project itself runs on, and then
// runs the TypeScript file it is given. It has no dependencies and must never need any.
//
//   node tools/bootstrap.mjs <file.ts> [arguments…]
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const modules = join(root, 'node_modules');
const bin = join(modules, '.bin');
const node = join(bin, 'node');
// Inside node_modules, so that it goes when that goes.
const marker = join(modules, '.installed-from');
// A terminal sends its ctrl-C to parent and child alike; passed on as well, the child would see two, and the
// second means "at once".
const onTerminal = Boolean(process.stdin.isTTY);
const caught = ['SIGINT', 'SIGTERM', 'SIGHUP'];

function run(command, args, options) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, options);
    const pass = (signal) => {
      if (signal !== 'SIGINT' || !onTerminal) child.kill(signal);
    };
    for (const signal of caught) process.on(signal, pass);
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      for (const name of caught) process.off(name, pass);
      resolve(code ?? 128 + constants.signals[signal]);
    });
  });
}

function lockHash() {
  return createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
}

function packagesOf(path) {
  return Object.entries(JSON.parse(readFileSync(path, 'utf8')).packages ?? {}).filter(
    ([name]) => name !== '',
  );
}

// Installed by hand: npm keeps a copy of the lock, without what this platform does not need.
function holdsTheLock() {
  const copy = join(modules, '.package-lock.json');
  if (!existsSync(copy)) return false;
  const there = new Map(packagesOf(copy));
  return packagesOf(join(root, 'package-lock.json')).every(
    ([name, wanted]) => there.get(name)?.version === wanted.version || (wanted.optional && !there.has(name)),
  );
}

function isInstalled(hash) {
  if (!existsSync(node)) return false;
  if (existsSync(marker) && readFileSync(marker, 'utf8') === hash) return true;
  return holdsTheLock();
}

function runCaptured(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code: code ?? 128 + constants.signals[signal], output }));
  });
}

async function install() {
  const hash = lockHash();
  if (isInstalled(hash)) return 0;
  process.stderr.write('Installing the dependencies: once, about a minute.\n');
  const quiet = ['--no-audit', '--no-fund'];
  let done = await runCaptured('npm', ['ci', ...quiet]);
  // npm ci wants the lock to name the binaries of every platform, even of those that this registry does not
  // have. npm install takes the same locked versions, and passes over what is not for this platform.
  if (done.code !== 0 && done.output.includes('EUSAGE'))
    done = await runCaptured('npm', ['install', ...quiet]);
  if (done.code === 0) {
    writeFileSync(marker, lockHash());
    return 0;
  }
  process.stderr.write(
    `${done.output.trimEnd()}\nThe dependencies could not be installed; nothing was started.\n`,
  );
  return done.code;
}

async function main() {
  const [major = '0'] = process.versions.node.split('.');
  if (Number(major) < 20) throw new Error(`this is Node ${process.versions.node}; 20 or later is needed`);
  const [file, ...args] = process.argv.slice(2);
  if (file === undefined) throw new Error('usage: node tools/bootstrap.mjs <file.ts> [arguments…]');
  const failed = await install();
  if (failed !== 0) return failed;
  const env = { ...process.env, PATH: [bin, process.env.PATH ?? ''].join(delimiter) };
  return run(node, [file, ...args], { stdio: 'inherit', env });
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
