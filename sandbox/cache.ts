// The cache folder for what the sandbox builds once: outside the checkout, shared by every checkout and
// run of this user. Nothing in it is ever changed after it was installed; a new pin makes a new name.
import { createHash } from 'node:crypto';
import { access, link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { processIdentity } from './process-identity.ts';
import type { OnProgress } from './progress.ts';
import { waitUntil } from './waiting.ts';

export function cacheDir(env: NodeJS.ProcessEnv = process.env): string {
  if (env['REFIT_CACHE'] !== undefined && env['REFIT_CACHE'] !== '') return resolve(env['REFIT_CACHE']);
  const base = env['XDG_CACHE_HOME'];
  // The XDG rule: a relative path there is invalid and is ignored.
  if (base?.startsWith('/') === true) return join(base, 'refit');
  return join(homedir(), '.cache', 'refit');
}

/** Twelve characters of a digest: enough to tell pins apart, short enough for a file name. */
export function cacheKey(parts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part).update('\0');
  return hash.digest('hex').slice(0, 12);
}

export async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}

interface Holder {
  pid: number;
  identity: string;
}

async function readHolder(lock: string): Promise<{ text: string; holder: Holder } | undefined> {
  try {
    const text = await readFile(lock, 'utf8');
    return { text, holder: JSON.parse(text) as Holder };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new Error(`the lock ${lock} cannot be read (${String(error)}); remove it if nothing is building`, {
      cause: error,
    });
  }
}

// link(2) either makes the name with its whole content or fails: nobody ever sees half a lock.
async function tryTake(lock: string, draft: string): Promise<boolean> {
  try {
    await link(draft, lock);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

// Two waiters may both see the dead holder. Only one rename of that file succeeds; the one that comes
// late may move a fresh lock instead, sees so by its content, and puts it back. Should a third slip in
// between, both build the same thing, and the rename at the end of a build makes that harmless.
async function removeDead(lock: string, seen: string): Promise<void> {
  const aside = `${lock}.dead.${String(process.pid)}`;
  try {
    await rename(lock, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if ((await readFile(aside, 'utf8')) !== seen) await tryTake(lock, aside);
  await rm(aside, { force: true });
}

// Longer than any build; a holder that still lives after this is stuck.
const LOCK_TIMEOUT_MS = 60 * 60_000;

/** Runs `work` while holding the lock; a second run waits and says for whom, a dead holder is replaced. */
export async function withLock<T>(
  o: { lock: string; what: string; onProgress: OnProgress },
  work: () => Promise<T>,
): Promise<T> {
  await mkdir(dirname(o.lock), { recursive: true });
  const identity = (await processIdentity(process.pid)) ?? '';
  const draft = `${o.lock}.${String(process.pid)}.${String(performance.now())}`;
  await writeFile(draft, JSON.stringify({ pid: process.pid, identity }));
  let told = false;
  try {
    await waitUntil({
      timeoutMs: LOCK_TIMEOUT_MS,
      onTimeout: () => new Error(`waited an hour for another run that holds ${o.lock}`),
      condition: async () => {
        if (await tryTake(o.lock, draft)) return true;
        const seen = await readHolder(o.lock);
        if (seen === undefined) return false;
        if ((await processIdentity(seen.holder.pid)) !== seen.holder.identity) {
          await removeDead(o.lock, seen.text);
        } else if (!told) {
          told = true;
          o.onProgress({
            kind: 'line',
            text: `Waiting for process ${String(seen.holder.pid)}, which ${o.what}.`,
          });
        }
        return false;
      },
    });
  } finally {
    await rm(draft, { force: true });
  }
  try {
    return await work();
  } finally {
    await rm(o.lock, { force: true });
  }
}
