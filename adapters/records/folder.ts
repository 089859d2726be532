// Records in a folder: immutable JSON files named by their digest, shared by any number of workers.
// Must never change or delete a record, and never hand out one whose content is not what its name says.
//
//   objects/<2 hex>/<64 hex>.json          the bodies, each once
//   index/<kind>/<key>/key.txt             the key as it was given: any text
//   index/<kind>/<key>/<number>-<64 hex>   an empty file: this record belongs to this key
//   writing/                               files on their way; one left there was cut off by a crash
//
// Everything appears by rename, after fsync of the file and before fsync of its folder: a reader sees
// whole files or none, and what `put` answered survives a power cut.
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, readFile, readdir, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PortError } from '../ports/errors.ts';
import type { RecordKind, Records } from '../ports/records.ts';
import { renderCanonicalJson } from './canonical-json.ts';

const DIGEST = /^sha256:([0-9a-f]{64})$/;
/** Number and digest; twelve digits keep the order of names the order of numbers. */
const INDEX_ENTRY = /^(\d{12})-([0-9a-f]{64})$/;
const KEY_FILE = 'key.txt';
/** A name may have 255 bytes; this much of the key stays readable, the digest makes it unique. */
const READABLE_KEY_LENGTH = 80;

export function createFolderRecords(dir: string): Records {
  return {
    put: (o) => reported(dir, () => put(dir, o)),
    get: (digest) => reported(dir, () => get(dir, digest)),
    list: (o) =>
      reported(dir, async () =>
        (await readIndex(keyFolder(dir, o.kind, o.key))).map((entry) => `sha256:${entry.hex}`),
      ),
    keys: (kind) => reported(dir, () => readKeys(join(dir, 'index', kind))),
  };
}

async function put(dir: string, o: { kind: RecordKind; key: string; body: unknown }): Promise<string> {
  const text = renderCanonicalJson(o.body);
  const hex = sha256Hex(text);
  const path = objectPath(dir, hex);
  // Content that does not fit its name is a damaged disk's; the right one takes its place.
  if ((await readIfThere(path)) !== text) await writeWhole(dir, path, text);
  const folder = keyFolder(dir, o.kind, o.key);
  const keyFile = join(folder, KEY_FILE);
  if ((await readIfThere(keyFile)) !== o.key) await writeWhole(dir, keyFile, o.key);
  const entries = await readIndex(folder);
  if (!entries.some((entry) => entry.hex === hex)) {
    // Two workers may take the same number at the same moment: then neither was first, and both stay.
    const number = (entries.at(-1)?.number ?? 0) + 1;
    await writeWhole(dir, join(folder, `${String(number).padStart(12, '0')}-${hex}`), '');
  }
  return `sha256:${hex}`;
}

async function get(dir: string, digest: string): Promise<unknown> {
  const hex = DIGEST.exec(digest)?.[1];
  if (hex === undefined) {
    throw new PortError(
      'invalid',
      `digest of a record: found ${digest.slice(0, 100)}, expected sha256:<64 hex>`,
    );
  }
  const path = objectPath(dir, hex);
  const text = await readIfThere(path);
  if (text === undefined) return undefined;
  if (sha256Hex(text) !== hex) {
    throw new PortError(
      'unsafe',
      `${path}: the content's digest is sha256:${sha256Hex(text)}, the name says otherwise; ` +
        'the record was changed or damaged: restore the file from a copy',
    );
  }
  return JSON.parse(text) as unknown;
}

/** Entries of one key in the order of writing; the same digest counts once, where it came first. */
async function readIndex(folder: string): Promise<readonly { number: number; hex: string }[]> {
  const seen = new Set<string>();
  return (await namesIn(folder)).sort().flatMap((name) => {
    const [, number, hex] = INDEX_ENTRY.exec(name) ?? [];
    if (number === undefined || hex === undefined || seen.has(hex)) return [];
    seen.add(hex);
    return [{ number: Number(number), hex }];
  });
}

async function readKeys(folder: string): Promise<readonly string[]> {
  const names = await namesIn(folder);
  const keys = await Promise.all(names.map((name) => readIfThere(join(folder, name, KEY_FILE))));
  return keys.filter((key) => key !== undefined).sort();
}

function objectPath(dir: string, hex: string): string {
  return join(dir, 'objects', hex.slice(0, 2), `${hex}.json`);
}

/** Readable as far as every file system lets it; the digest keeps `a` and `A` and 1 KB of text apart. */
function keyFolder(dir: string, kind: RecordKind, key: string): string {
  const readable = key.replaceAll(/[^A-Za-z0-9_-]+/g, '.').slice(0, READABLE_KEY_LENGTH);
  return join(dir, 'index', kind, `${readable.replace(/^\.+/, '')}~${sha256Hex(key).slice(0, 32)}`);
}

async function writeWhole(dir: string, path: string, text: string): Promise<void> {
  const temporary = join(dir, 'writing', randomUUID());
  await mkdir(dirname(temporary), { recursive: true });
  await mkdir(dirname(path), { recursive: true });
  const file = await open(temporary, 'wx');
  try {
    await file.writeFile(text, 'utf8');
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  const folder = await open(dirname(path), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    // ENOTDIR: somebody's stray file where a key's folder would stand holds no key.
    if (isCode(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isCode(error, 'ENOENT')) return [];
    throw error;
  }
}

function sha256Hex(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}

/** By shape, not by class: an error of another realm is no `instanceof Error`. */
function isCode(error: unknown, ...codes: readonly string[]): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && codes.includes(String(error.code));
}

async function reported<T>(dir: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof PortError) throw error;
    const kind = isCode(error, 'EACCES', 'EPERM', 'EROFS') ? 'forbidden' : 'unreachable';
    const text = error instanceof Error ? error.message : String(error);
    throw new PortError(kind, `records in ${dir} (REFIT_RECORDS): ${text}`, { cause: error });
  }
}
