// Runs a short-lived command to its end and tells, when it fails, what it said last.
import { spawn } from 'node:child_process';

export interface CommandRun {
  command: string;
  args: string[];
  cwd?: string;
  /** Set over the environment of this process. */
  env?: Record<string, string>;
  timeoutMs?: number;
  /** Told the process id as soon as there is one. */
  onStart?: (pid: number) => void;
  /** What a person can do when it fails. */
  hint?: string;
}

export class CommandFailed extends Error {
  readonly output: string;
  constructor(message: string, output: string) {
    super(message);
    this.name = 'CommandFailed';
    this.output = output;
  }
}

// A failed build ends with what matters; the hundreds of lines before it are downloads.
const OUTPUT_TAIL_LINES = 20;

function tail(output: string): string {
  return output.trimEnd().split('\n').slice(-OUTPUT_TAIL_LINES).join('\n');
}

/** Its stdout and stderr together. */
export async function runCommand(o: CommandRun): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(o.command, o.args, {
      cwd: o.cwd,
      env: { ...process.env, ...o.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: o.timeoutMs,
    });
    if (child.pid !== undefined) o.onStart?.(child.pid);
    let output = '';
    const fail = (what: string): void => {
      const lines = [`${[o.command, ...o.args].join(' ')}: ${what}`, tail(output)];
      if (o.hint !== undefined) lines.push(o.hint);
      reject(new CommandFailed(lines.filter((line) => line !== '').join('\n'), output));
    };
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.once('error', (error) => fail(error.message));
    child.once('close', (code, signal) => {
      if (code === 0) resolve(output);
      else fail(signal === null ? `exit code ${String(code)}` : `ended by ${signal}`);
    });
  });
}
