// Python virtual environments in the cache: one for moto, one for a Go toolchain where there is none.
// Each is keyed by its requirements, so that a new pin makes a new one. It must never install anything
// into the user's own Python.
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { motoRequirementsFile } from './binary-pins.ts';
import { cacheDir, cacheKey, exists, withLock } from './cache.ts';
import { renderSeconds } from './progress.ts';
import type { OnProgress } from './progress.ts';
import { runCommand } from './run-command.ts';

// moto 5.2 asks for it.
const PYTHON_MINOR_MIN = 10;
const INSTALL_TIMEOUT_MS = 10 * 60_000;

async function findPython(what: string): Promise<string> {
  const asks = `${what} needs Python 3.${String(PYTHON_MINOR_MIN)} or later with its venv module`;
  const seen: string[] = [];
  for (const command of ['python3', 'python']) {
    try {
      const said = await runCommand({ command, args: ['--version'] });
      const minor = /^Python 3\.(\d+)/.exec(said)?.[1];
      if (minor !== undefined && Number(minor) >= PYTHON_MINOR_MIN) return command;
      seen.push(`${command} is ${said.trim()}`);
    } catch {
      seen.push(`${command} is not on PATH`);
    }
  }
  throw new Error(`${asks}; here ${seen.join(', and ')}. Install it, for example: apt install python3-venv`);
}

// The folder cannot be built elsewhere and renamed, since its scripts hold its own path; this file, written
// last, says that it is whole.
const COMPLETE = '.complete';

async function buildEnvironment(o: { python: string; dir: string; requirements: string }): Promise<void> {
  await rm(o.dir, { recursive: true, force: true });
  await mkdir(dirname(o.dir), { recursive: true });
  await runCommand({
    command: o.python,
    args: ['-m', 'venv', o.dir],
    timeoutMs: INSTALL_TIMEOUT_MS,
    hint: 'On Debian and Ubuntu the venv module is a package of its own: apt install python3-venv',
  });
  await runCommand({
    command: join(o.dir, 'bin', 'python'),
    args: ['-m', 'pip', 'install', '--disable-pip-version-check', '--requirement', o.requirements],
    timeoutMs: INSTALL_TIMEOUT_MS,
    hint: `pip could not install what ${o.requirements} lists. Is the package index reachable from here?`,
  });
  await writeFile(join(o.dir, COMPLETE), '');
}

/** The environment's folder, made if it is not there yet. */
export async function ensureEnvironment(o: {
  name: string;
  requirements: string;
  what: string;
  expectedSeconds: number;
  onProgress: OnProgress;
}): Promise<string> {
  const key = cacheKey([await readFile(o.requirements, 'utf8'), process.platform, process.arch]);
  const dir = join(cacheDir(), 'python', `${o.name}-${key}`);
  if (await exists(join(dir, COMPLETE))) return dir;
  await withLock({ lock: `${dir}.lock`, what: `installs ${o.name}`, onProgress: o.onProgress }, async () => {
    if (await exists(join(dir, COMPLETE))) return;
    const python = await findPython(o.what);
    o.onProgress({
      kind: 'line',
      text: `Installing ${o.what} into ${dir}, once: about ${renderSeconds(o.expectedSeconds)}.`,
    });
    const start = performance.now();
    const ticker = setInterval(() => {
      const spent = (performance.now() - start) / 1000;
      o.onProgress({ kind: 'ticking', text: `Installing ${o.what}: ${renderSeconds(spent)} so far` });
    }, 1000);
    try {
      await buildEnvironment({ python, dir, requirements: o.requirements });
    } finally {
      clearInterval(ticker);
    }
    o.onProgress({
      kind: 'line',
      text: `Installed ${o.what} in ${renderSeconds((performance.now() - start) / 1000)}.`,
    });
  });
  return dir;
}

/** The path of moto_server, the simulated EC2 behind the sandbox's front. */
export async function ensureMoto(o: { onProgress: OnProgress }): Promise<string> {
  const dir = await ensureEnvironment({
    name: 'moto',
    requirements: motoRequirementsFile(),
    what: 'moto, the simulated EC2',
    expectedSeconds: 35,
    onProgress: o.onProgress,
  });
  return join(dir, 'bin', 'moto_server');
}
