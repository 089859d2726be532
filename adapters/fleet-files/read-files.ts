// Finds and reads fleet files: one file, or every *.yaml, *.yml and *.json of a folder. Bounded in
// number and size; never follows into subfolders, never reads what is not a plain file.
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { renderFound } from '../../domain/parse/parsed.ts';
import type { FleetProblem } from '../../domain/invalid-fleet.ts';

export type ReadFile =
  { kind: 'text'; file: string; text: string } | { kind: 'problem'; problem: FleetProblem };

/** 400 clusters of 5 pools fit; a run's definition holds 64 KB of it. Larger is not written by hand. */
export const FILE_BYTES_MAX = 512 * 1024;
const FILES_MAX = 200;
const SUFFIX = /\.(yaml|yml|json)$/;

export async function readFleetFiles(path: string): Promise<ReadFile[]> {
  const found = await lookAt(path);
  if (found.kind === 'problem') return [found];
  if (found.stats.isFile()) return [await readOne(path)];
  if (!found.stats.isDirectory()) return [problem(path, 'something else', 'a file or a folder', null)];
  const names = (await readdir(path)).filter((name) => SUFFIX.test(name) && !name.startsWith('.')).sort();
  const expected = `a folder with 1 to ${FILES_MAX} files *.yaml, *.yml or *.json`;
  if (names.length === 0) return [problem(path, 'no such file', expected, 'put a fleet file there')];
  if (names.length > FILES_MAX) {
    return [problem(path, `${names.length} files`, expected, 'keep fleet files in a folder of their own')];
  }
  const read: ReadFile[] = [];
  for (const name of names) read.push(await readOne(join(path, name)));
  return read;
}

async function readOne(file: string): Promise<ReadFile> {
  const found = await lookAt(file);
  if (found.kind === 'problem') return found;
  if (!found.stats.isFile()) return problem(file, 'something else', 'a plain file', null);
  if (found.stats.size > FILE_BYTES_MAX) {
    return problem(
      file,
      `${found.stats.size} bytes`,
      `at most ${FILE_BYTES_MAX} bytes (${FILE_BYTES_MAX / 1024} KiB)`,
      'split it: one fleet a file, several files in a folder',
    );
  }
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(await readFile(file));
    return { kind: 'text', file, text };
  } catch (error) {
    return problem(file, describeError(error), 'a file that can be read as UTF-8', null);
  }
}

type Look =
  { kind: 'found'; stats: Awaited<ReturnType<typeof stat>> } | { kind: 'problem'; problem: FleetProblem };

async function lookAt(path: string): Promise<Look> {
  try {
    return { kind: 'found', stats: await stat(path) };
  } catch (error) {
    return problem(
      path,
      describeError(error),
      'a fleet file, or a folder of them',
      'set REFIT_FLEET to the file or folder that holds the fleet',
    );
  }
}

function describeError(error: unknown): string {
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (code === 'ENOENT') return 'nothing';
  if (code === 'EACCES') return 'a file that this user may not read';
  return typeof message === 'string' ? message : renderFound(error);
}

function problem(file: string, found: string, expected: string, fix: string | null) {
  return {
    kind: 'problem' as const,
    problem: { file, line: null, column: null, path: '', found, expected, fix },
  };
}
