// Tells whether a process id still names the process that we started. Ids are reused: a stop that
// trusts the number alone would one day kill a stranger. It must never signal anything itself.
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

async function readBootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
}

// /proc/<pid>/stat: the name stands in parentheses and may itself hold spaces and parentheses,
// so the fields are counted from behind the last one. State is field 3, the number of threads field 20, start
// time field 22.
async function identityFromProc(pid: number): Promise<string | undefined> {
  let stat: string;
  try {
    stat = await readFile(`/proc/${String(pid)}/stat`, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const state = fields[0];
  // A zombie holds its id until somebody reaps it, and runs nothing; but while other threads of a process that
  // was killed still end, its first one is a zombie already, and its ports are taken.
  if (state === 'X' || (state === 'Z' && Number(fields[17]) <= 1)) return undefined;
  return `${await readBootId()}/${fields[19] ?? ''}`;
}

async function identityFromPs(pid: number): Promise<string | undefined> {
  try {
    const { stdout } = await run('ps', ['-o', 'stat=,lstart=', '-p', String(pid)]);
    const line = stdout.trim();
    if (line === '' || line.startsWith('Z')) return undefined;
    return line.slice(line.indexOf(' ')).trim();
  } catch (error) {
    // ps exits 1 when there is no such process.
    if ((error as { code?: unknown }).code === 1) return undefined;
    throw error;
  }
}

/** A text that no later process of the same id will share, or undefined when none is running. */
export async function processIdentity(pid: number): Promise<string | undefined> {
  return process.platform === 'linux' ? identityFromProc(pid) : identityFromPs(pid);
}

/** Its command line, for recognising a process that another program started for us. */
export async function processCommandLine(pid: number): Promise<string | undefined> {
  if (process.platform === 'linux') {
    try {
      const text = await readFile(`/proc/${String(pid)}/cmdline`, 'utf8');
      return text.split('\0').join(' ').trim();
    } catch {
      return undefined;
    }
  }
  try {
    const { stdout } = await run('ps', ['-ww', '-o', 'args=', '-p', String(pid)]);
    return stdout.trim();
  } catch {
    return undefined;
  }
}
