// The program that starts the others on a fresh clone.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const bootstrap = fileURLToPath(new URL('../../tools/bootstrap.mjs', import.meta.url));

let dir: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'refit-bootstrap-'));
});

afterAll(async () => {
  await rm(dir, { recursive: true, force: true });
});

async function program(name: string, text: string): Promise<string> {
  const file = join(dir, name);
  await writeFile(file, text);
  return file;
}

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

function start(args: string[], onOutput: (kill: () => void) => void = () => undefined): Promise<Ended> {
  const child = spawn(process.execPath, [bootstrap, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
    onOutput(() => child.kill('SIGTERM'));
  });
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, stdout, stderr })));
}

describe('the bootstrap of a fresh clone', () => {
  it('runs TypeScript on Node 24 with its arguments, and ends with its exit code', async () => {
    const file = await program(
      'said.ts',
      'const rest: string[] = process.argv.slice(2); console.log(process.version, rest.join("+")); process.exitCode = 3;',
    );
    const ended = await start([file, 'a', '--yes']);
    expect(ended.stdout).toMatch(/^v24\.\S+ a\+--yes\n$/);
    expect(ended.code).toBe(3);
  });

  it('passes a signal on, so that the program can end in its own way', async () => {
    const file = await program(
      'ends.ts',
      'process.on("SIGTERM", () => { console.log("cleaned up"); process.exit(7); }); setInterval(() => {}, 1000); console.log("ready");',
    );
    let sent = false;
    const ended = await start([file], (kill) => {
      if (!sent) kill();
      sent = true;
    });
    expect(ended.stdout).toBe('ready\ncleaned up\n');
    expect(ended.code).toBe(7);
  });

  it('says how it is used when it is given nothing to run', async () => {
    const ended = await start([]);
    expect(ended.stderr).toContain('usage: node tools/bootstrap.mjs <file.ts>');
    expect(ended.code).toBe(1);
  });
});
