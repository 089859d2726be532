// Brings the sandbox's servers: out of the cache, from PATH when the very same version stands there, or
// built once from the pinned Go modules. It must never change the checkout, and never install a binary
// that does not report the version it was pinned to.
import { constants } from 'node:fs';
import { access, mkdir, realpath, rename, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { binaryNames, binaryPin, moduleDir, pinnedVersion, readPinnedModule } from './binary-pins.ts';
import type { BinaryName, BinaryPin, PinnedModule } from './binary-pins.ts';
import { estimateSecondsLeft } from './build-estimate.ts';
import { cacheDir, cacheKey, withLock } from './cache.ts';
import { compareGoVersions, ensureGo } from './go-toolchain.ts';
import { renderSeconds } from './progress.ts';
import type { OnProgress } from './progress.ts';
import { runCommand } from './run-command.ts';

const BUILD_FLAGS = ['-trimpath'];
const BUILD_ENV = { GOTOOLCHAIN: 'local', CGO_ENABLED: '0', GOFLAGS: '-mod=readonly', GOWORK: 'off' };
const VERSION_TIMEOUT_MS = 60_000;
// Far past the slowest build seen on one slow core; a build that hangs must not hang the run for ever.
const BUILD_TIMEOUT_MS = 40 * 60_000;
const TICK_EVERY_MS = 1000;
// The estimates were taken on so many cores, and a Go build uses about eight well.
const MEASURED_CORES = 2;
const USEFUL_CORES_MAX = 8;

interface Wanted {
  pin: BinaryPin;
  module: PinnedModule;
  version: string;
  target: string;
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function linkerFlags(pin: BinaryPin, version: string): string {
  return pin
    .stamp(version)
    .map((stamp) => `-X ${stamp}`)
    .join(' ');
}

async function wanted(name: BinaryName): Promise<Wanted> {
  const pin = binaryPin(name);
  const module = await readPinnedModule(pin);
  const version = pinnedVersion(pin, module);
  const key = cacheKey([
    module.goMod,
    module.goSum,
    pin.package,
    linkerFlags(pin, version),
    ...BUILD_FLAGS,
    ...Object.entries(BUILD_ENV).flat(),
    process.platform,
    process.arch,
  ]);
  return { pin, module, version, target: join(cacheDir(), 'bin', `${name}-${version}-${key}`, name) };
}

async function reportedVersion(pin: BinaryPin, path: string): Promise<string | undefined> {
  const said = await runCommand({ command: path, args: pin.versionArgs, timeoutMs: VERSION_TIMEOUT_MS });
  return pin.versionIn.exec(said)?.[1];
}

async function sameVersionOnPath(w: Wanted): Promise<string | undefined> {
  for (const dir of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(dir, w.pin.name);
    if (!dir.startsWith('/') || !(await isExecutable(path))) continue;
    try {
      // Resolved, because a sandbox's own links on PATH go when that sandbox goes.
      if ((await reportedVersion(w.pin, path)) === w.version) return await realpath(path);
    } catch {
      // It cannot even tell its version: not one to rely on.
    }
  }
  return undefined;
}

async function build(w: Wanted, go: string): Promise<void> {
  const draft = `${w.target}.building`;
  await mkdir(dirname(w.target), { recursive: true });
  // Left by a build that was killed; the lock says that nobody writes it now.
  await rm(draft, { force: true });
  await runCommand({
    command: go,
    args: ['build', ...BUILD_FLAGS, '-ldflags', linkerFlags(w.pin, w.version), '-o', draft, w.pin.package],
    cwd: moduleDir(w.pin),
    env: BUILD_ENV,
    timeoutMs: BUILD_TIMEOUT_MS,
    hint: `${w.pin.name} ${w.version} could not be built. Go reads modules as GOPROXY says: is it reachable from here?`,
  });
  const reported = await reportedVersion(w.pin, draft);
  if (reported !== w.version) {
    await rm(draft, { force: true });
    throw new Error(
      `${w.pin.name} was built, but reports version ${reported ?? 'none'} instead of ${w.version}`,
    );
  }
  await rename(draft, w.target);
}

interface BuildPlan {
  missing: Wanted[];
  done: { expectedSeconds: number; tookSeconds: number }[];
  go: string;
  onProgress: OnProgress;
}

function expectedSeconds(w: Wanted): number {
  return (w.pin.expectedSeconds * MEASURED_CORES) / Math.min(availableParallelism(), USEFUL_CORES_MAX);
}

function secondsLeft(plan: BuildPlan, at: number, spentSeconds: number): number {
  const current = plan.missing[at];
  return estimateSecondsLeft({
    done: plan.done,
    current: current === undefined ? undefined : { expectedSeconds: expectedSeconds(current), spentSeconds },
    waiting: plan.missing.slice(at + 1).map((w) => ({ expectedSeconds: expectedSeconds(w) })),
  });
}

async function buildAnnounced(plan: BuildPlan, at: number, w: Wanted): Promise<void> {
  const label = `[${String(at + 1)}/${String(plan.missing.length)}] ${w.pin.name} ${w.version}`;
  const start = performance.now();
  const spent = (): number => (performance.now() - start) / 1000;
  const left = (): string => renderSeconds(secondsLeft(plan, at, spent()));
  plan.onProgress({ kind: 'line', text: `${label}: building; about ${left()} to go in all` });
  const ticker = setInterval(() => {
    plan.onProgress({
      kind: 'ticking',
      text: `${label}: ${renderSeconds(spent())} so far; about ${left()} to go in all`,
    });
  }, TICK_EVERY_MS);
  try {
    await build(w, plan.go);
  } finally {
    clearInterval(ticker);
  }
  plan.done.push({ expectedSeconds: expectedSeconds(w), tookSeconds: spent() });
  plan.onProgress({ kind: 'line', text: `${label}: built in ${renderSeconds(spent())}` });
}

async function buildMissing(missing: Wanted[], onProgress: OnProgress): Promise<void> {
  const versionMin =
    missing
      .map((w) => w.module.goVersion)
      .sort(compareGoVersions)
      .at(-1) ?? '1';
  const names = missing.map((w) => `${w.pin.name} ${w.version}`).join(', ');
  const seconds = missing.reduce((sum, w) => sum + expectedSeconds(w), 0);
  onProgress({
    kind: 'line',
    text: `Building ${names} from source into ${cacheDir()}. This happens once: about ${renderSeconds(seconds)} with a cold Go cache.`,
  });
  const plan: BuildPlan = { missing, done: [], go: await ensureGo({ versionMin, onProgress }), onProgress };
  for (const [at, w] of missing.entries()) {
    const what = `builds ${w.pin.name} ${w.version}`;
    await withLock({ lock: `${dirname(w.target)}.lock`, what, onProgress }, async () => {
      if (!(await isExecutable(w.target))) await buildAnnounced(plan, at, w);
    });
  }
}

/** Where each binary stands, built first if need be. */
export async function ensureBinaries<N extends BinaryName = BinaryName>(o: {
  onProgress: OnProgress;
  /** All of them when absent. */
  names?: readonly N[];
}): Promise<Record<N, string>> {
  const names = o.names ?? (binaryNames as readonly string[] as readonly N[]);
  const found: Partial<Record<N, string>> = {};
  const missing: Wanted[] = [];
  for (const name of names) {
    const w = await wanted(name);
    const path = (await isExecutable(w.target)) ? w.target : await sameVersionOnPath(w);
    found[name] = path ?? w.target;
    if (path === undefined) missing.push(w);
  }
  if (missing.length > 0) await buildMissing(missing, o.onProgress);
  return found as Record<N, string>;
}
