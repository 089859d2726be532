// The starter script: from any folder, under any name, with the exit code and the output of the command.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, expect, it } from '@jest/globals';

const folder = mkdtempSync(join(tmpdir(), 'refit-bin-'));
const bin = join(import.meta.dirname, '../../clients/bin/refit.js');

afterAll(() => {
  rmSync(folder, { recursive: true });
});

function start(path: string, args: readonly string[]) {
  const env = { ...process.env };
  // Jest's own flags are not for the command.
  delete env['NODE_OPTIONS'];
  return spawnSync(process.execPath, [path, ...args], { cwd: folder, env, encoding: 'utf8' });
}

it('runs from another folder, linked as the kubectl plugin kubectl-refit', () => {
  const plugin = join(folder, 'kubectl-refit');
  symlinkSync(bin, plugin);
  const { status, stdout, stderr } = start(plugin, ['--version']);
  expect(stderr).toBe('');
  expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  expect(status).toBe(0);
});

it.each(['refit', 'kubectl-refit'])('is found as %s with clients/bin on PATH', (name) => {
  const PATH = [join(bin, '..'), process.env['PATH'] ?? ''].join(delimiter);
  const { status, stdout } = spawnSync(name, ['--version'], {
    cwd: folder,
    env: { ...process.env, PATH, NODE_OPTIONS: '' },
    encoding: 'utf8',
  });
  expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  expect(status).toBe(0);
});

it('passes on the exit code and stderr of the command', () => {
  const { status, stdout, stderr } = start(bin, ['nope']);
  expect(status).toBe(1);
  expect(stdout).toBe('');
  expect(stderr).toContain("unknown command 'nope'");
});

it('prints a completion script that asks refit itself', () => {
  const { status, stdout } = start(bin, ['completion', 'bash']);
  expect(status).toBe(0);
  expect(stdout).toContain('refit complete --');
});

it('answers the shell with the values of an option', () => {
  expect(start(bin, ['complete', '--', 'status', '-o', '']).stdout).toMatch(/^text\t\njson\t\nyaml\t\n/);
});
