// The sandbox's processes: started, probed, stopped by a proven id.
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { binaryNames, binaryPin, pinnedVersion, readPinnedModule } from '../../sandbox/binary-pins.ts';
import { estimateSecondsLeft } from '../../sandbox/build-estimate.ts';
import { cacheDir, withLock } from '../../sandbox/cache.ts';
import { compareGoVersions } from '../../sandbox/go-toolchain.ts';
import { processIdentity } from '../../sandbox/process-identity.ts';
import {
  crashProcess,
  isRunning,
  recordedProcesses,
  runningPid,
  startProcess,
  stopProcess,
} from '../../sandbox/processes.ts';
import { progressTo } from '../../sandbox/progress.ts';
import type { ProgressEvent } from '../../sandbox/progress.ts';

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'refit-processes-'));
});

afterEach(async () => {
  for (const name of await recordedProcesses(dir)) await stopProcess({ name, dir });
  await rm(dir, { recursive: true, force: true });
});

// Ready once it has written the file, as a server is once it listens.
function worker(name: string, script: string) {
  const ready = join(dir, `${name}.ready`);
  return {
    name,
    dir,
    command: process.execPath,
    args: ['-e', `require('fs').writeFileSync(${JSON.stringify(ready)}, ''); ${script}`],
    readyWhen: () => Promise.resolve(existsSync(ready)),
    timeoutMs: 600_000,
  };
}

const forever = 'setInterval(() => {}, 1000);';

describe('processes of a sandbox', () => {
  it('run until they are stopped, and are found by their record', async () => {
    const { pid } = await startProcess(worker('server', forever));
    expect(await runningPid({ name: 'server', dir })).toBe(pid);
    await stopProcess({ name: 'server', dir });
    expect(await processIdentity(pid)).toBeUndefined();
    expect(await recordedProcesses(dir)).toEqual([]);
  });

  it('are killed when they do not end by themselves', async () => {
    const { pid } = await startProcess(worker('stubborn', `process.on('SIGTERM', () => {}); ${forever}`));
    await stopProcess({ name: 'stubborn', dir });
    expect(await processIdentity(pid)).toBeUndefined();
  });

  it('keep their record after a crash, so that it can be told', async () => {
    await startProcess(worker('server', forever));
    await crashProcess({ name: 'server', dir });
    expect(await isRunning({ name: 'server', dir })).toBe(false);
    expect(await recordedProcesses(dir)).toEqual(['server']);
  });

  it('are never two of one name', async () => {
    await startProcess(worker('server', forever));
    await expect(startProcess(worker('server', forever))).rejects.toThrow(/already running/);
  });

  it('tell the end of their log when they end before they are ready', async () => {
    const start = startProcess({
      name: 'broken',
      dir,
      command: process.execPath,
      args: ['-e', 'console.error("the port is taken"); process.exit(7)'],
      readyWhen: () => Promise.resolve(false),
      timeoutMs: 600_000,
    });
    await expect(start).rejects.toThrow(/exit code 7[\s\S]*the port is taken/);
    expect(await recordedProcesses(dir)).toEqual([]);
  });

  it('are stopped when they are not ready in time, and the error tells the last probe', async () => {
    let pid: number | undefined;
    const start = startProcess({
      ...worker('slow', forever),
      readyWhen: async () => {
        pid = await runningPid({ name: 'slow', dir });
        throw new Error('connection refused');
      },
      timeoutMs: 300,
    });
    await expect(start).rejects.toThrow(/not ready after 0.3 s; the last probe: connection refused/);
    expect(pid).toBeDefined();
    expect(await processIdentity(pid ?? 0)).toBeUndefined();
  });

  it('are not stopped by a number alone: a stranger that got the number lives on', async () => {
    const stranger = spawn(process.execPath, ['-e', forever], { stdio: 'ignore' });
    try {
      await mkdir(join(dir, 'pids'), { recursive: true });
      const record = { pid: stranger.pid, identity: 'the boot before/1', command: 'x', args: [] };
      await writeFile(join(dir, 'pids', 'server.json'), JSON.stringify(record));
      await stopProcess({ name: 'server', dir });
      expect(await processIdentity(stranger.pid ?? 0)).toBeDefined();
      expect(await recordedProcesses(dir)).toEqual([]);
    } finally {
      stranger.kill('SIGKILL');
    }
  });
});

describe('a process', () => {
  it('is there as long as any of its threads is, also when its first one has ended', async () => {
    // What a killed server is for a moment, and this one for long: a zombie that still holds its files.
    const script = [
      'import ctypes, threading, time',
      'threading.Thread(target=lambda: time.sleep(600)).start()',
      'ctypes.CDLL(None).pthread_exit(None)',
    ].join('\n');
    const child = spawn('python3', ['-c', script], { stdio: 'ignore' });
    const pid = child.pid ?? 0;
    const stateOf = async () => /\) (\S)/.exec(await readFile(`/proc/${String(pid)}/stat`, 'utf8'))?.[1];
    const ended = new Promise((resolve) => child.once('exit', resolve));
    try {
      while ((await stateOf()) !== 'Z') await new Promise((resolve) => setTimeout(resolve, 20));
      expect(await processIdentity(pid)).toBeDefined();
    } finally {
      child.kill('SIGKILL');
      await ended;
    }
    expect(await processIdentity(pid)).toBeUndefined();
  });
});

describe('the lock of the cache', () => {
  const collect = (): { events: ProgressEvent[]; onProgress: (event: ProgressEvent) => void } => {
    const events: ProgressEvent[] = [];
    return { events, onProgress: (event) => events.push(event) };
  };

  it('lets one work at a time, and the second says for whom it waits', async () => {
    const lock = join(dir, 'build.lock');
    const { events, onProgress } = collect();
    let inside = 0;
    let most = 0;
    const work = async (): Promise<void> => {
      inside += 1;
      most = Math.max(most, inside);
      // Until the other has asked.
      while (events.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      inside -= 1;
    };
    await Promise.all([1, 2].map(() => withLock({ lock, what: 'builds etcd', onProgress }, work)));
    expect(most).toBe(1);
    expect(events).toEqual([
      { kind: 'line', text: `Waiting for process ${String(process.pid)}, which builds etcd.` },
    ]);
    expect(existsSync(lock)).toBe(false);
  });

  it('is taken over from a holder that died', async () => {
    const lock = join(dir, 'build.lock');
    const gone = spawn(process.execPath, ['-e', ''], { stdio: 'ignore' });
    await new Promise((resolve) => gone.once('exit', resolve));
    await writeFile(lock, JSON.stringify({ pid: gone.pid, identity: 'an earlier start' }));
    const { onProgress } = collect();
    expect(await withLock({ lock, what: 'builds', onProgress }, () => Promise.resolve('done'))).toBe('done');
    expect(existsSync(lock)).toBe(false);
  });

  it('is given back when the work fails', async () => {
    const lock = join(dir, 'build.lock');
    const { onProgress } = collect();
    const failing = withLock({ lock, what: 'builds', onProgress }, () =>
      Promise.reject(new Error('no disk')),
    );
    await expect(failing).rejects.toThrow('no disk');
    expect(existsSync(lock)).toBe(false);
  });
});

describe('the cache folder', () => {
  it('is the one that is set, then the XDG one, then the home folder', () => {
    expect(cacheDir({ REFIT_CACHE: '/a', XDG_CACHE_HOME: '/b' })).toBe('/a');
    expect(cacheDir({ XDG_CACHE_HOME: '/b' })).toBe('/b/refit');
    expect(cacheDir({ XDG_CACHE_HOME: 'relative' })).toMatch(/\.cache\/refit$/);
  });
});

describe('the time still to go', () => {
  const waiting = [{ expectedSeconds: 100 }, { expectedSeconds: 50 }];

  it('is what was measured elsewhere before anything is done', () => {
    expect(estimateSecondsLeft({ done: [], current: undefined, waiting })).toBe(150);
  });

  it('follows the pace of what is done', () => {
    const done = [{ expectedSeconds: 200, tookSeconds: 20 }];
    expect(estimateSecondsLeft({ done, current: undefined, waiting })).toBeCloseTo(15);
  });

  it('grows when a build takes longer than expected, and is never nothing while it runs', () => {
    const current = { expectedSeconds: 10, spentSeconds: 30 };
    expect(estimateSecondsLeft({ done: [], current, waiting })).toBeCloseTo(498);
    expect(estimateSecondsLeft({ done: [], current, waiting: [] })).toBeCloseTo(3);
  });

  it('is rewritten on a terminal and said now and then where there is none', () => {
    const written: string[] = [];
    const terminal = progressTo({ isTTY: true, columns: 20, write: (text) => written.push(text) });
    terminal({ kind: 'ticking', text: 'a line that is wider than it' });
    terminal({ kind: 'line', text: 'built' });
    expect(written).toEqual(['\r\u001b[2Ka line that is wide', '\r\u001b[2Kbuilt\n']);
    const piped: string[] = [];
    const pipe = progressTo({ write: (text) => piped.push(text) });
    pipe({ kind: 'line', text: 'building' });
    pipe({ kind: 'ticking', text: '1 s' });
    expect(piped).toEqual(['building\n']);
  });
});

describe('the pinned versions', () => {
  it('stand in the go.mod of each tool, with a checksum', async () => {
    for (const name of binaryNames) {
      const pin = binaryPin(name);
      const module = await readPinnedModule(pin);
      const version = pinnedVersion(pin, module);
      expect(module.goSum).toContain(`${pin.versionOf} v${version} h1:`);
    }
  });

  it('are compared as numbers', () => {
    expect(compareGoVersions('1.26.10', '1.26.9')).toBeGreaterThan(0);
    expect(compareGoVersions('1.26', '1.26.0')).toBe(0);
    expect(compareGoVersions('1.9', '1.26')).toBeLessThan(0);
  });

  it('of moto and all that it needs are exact', async () => {
    const file = new URL('../../tools/moto/requirements.txt', import.meta.url);
    const lines = (await readFile(file, 'utf8'))
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    expect(lines.length).toBeGreaterThan(1);
    for (const line of lines) expect(line).toMatch(/^[A-Za-z0-9_.[\],-]+==[0-9][^ ]*$/);
  });
});
