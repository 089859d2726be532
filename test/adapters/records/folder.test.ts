// Records in a folder: digests, order, odd keys, damage, and several workers at once.
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { renderCanonicalJson } from '../../../adapters/records/canonical-json.ts';
import { createFolderRecords } from '../../../adapters/records/folder.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'records-'));
});
afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

describe('records in a folder', () => {
  it('names a body by its digest, whatever the order of its keys [I40]', async () => {
    const records = createFolderRecords(dir);
    const first = await records.put({ kind: 'report', key: 'w', body: { a: 1, b: { d: [1], c: null } } });
    const again = await records.put({ kind: 'report', key: 'w', body: { b: { c: null, d: [1] }, a: 1 } });
    expect(first).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(again).toBe(first);
    expect(await records.list({ kind: 'report', key: 'w' })).toEqual([first]);
    expect(await records.get(first)).toEqual({ a: 1, b: { c: null, d: [1] } });
  });

  it('lists in the order of writing, also within one millisecond', async () => {
    const records = createFolderRecords(dir);
    const digests: string[] = [];
    for (let n = 0; n < 30; n += 1) {
      digests.push(await records.put({ kind: 'decision', key: 'w', body: { n } }));
    }
    expect(await records.list({ kind: 'decision', key: 'w' })).toEqual(digests);
    expect(await createFolderRecords(dir).list({ kind: 'decision', key: 'w' })).toEqual(digests);
  });

  it('keeps a record in the place where it was first written', async () => {
    const records = createFolderRecords(dir);
    const one = await records.put({ kind: 'decision', key: 'w', body: 1 });
    const two = await records.put({ kind: 'decision', key: 'w', body: 2 });
    await records.put({ kind: 'decision', key: 'w', body: 1 });
    expect(await records.list({ kind: 'decision', key: 'w' })).toEqual([one, two]);
  });

  it('keeps kinds and keys apart and answers nothing for what it does not know', async () => {
    const records = createFolderRecords(dir);
    const digest = await records.put({ kind: 'plan', key: 'a', body: {} });
    expect(await records.list({ kind: 'report', key: 'a' })).toEqual([]);
    expect(await records.list({ kind: 'plan', key: 'A' })).toEqual([]);
    expect(await records.keys('report')).toEqual([]);
    expect(await records.keys('plan')).toEqual(['a']);
    expect(await records.get(digest.replace(/.$/, (last) => (last === '0' ? '1' : '0')))).toBeUndefined();
  });

  const weird = [
    '../x',
    '../../etc/passwd',
    '/',
    '.',
    '..',
    '',
    'ü€🙂',
    'a\nb',
    'a\0b',
    'x'.repeat(1024),
    'CON',
  ];
  it.each(weird)('takes %j for a key and writes nothing outside its folder', async (key) => {
    const records = createFolderRecords(join(dir, 'inner'));
    const digest = await records.put({ kind: 'report', key, body: { key } });
    expect(await records.list({ kind: 'report', key })).toEqual([digest]);
    expect(await records.keys('report')).toEqual([key]);
    expect(await readdir(dir)).toEqual(['inner']);
  });

  it('keeps keys apart which look alike in a file name', async () => {
    const records = createFolderRecords(dir);
    const keys = ['a/b', 'a.b', 'a b', 'A/b', `${'x'.repeat(200)}1`, `${'x'.repeat(200)}2`];
    for (const key of keys) await records.put({ kind: 'report', key, body: { key } });
    expect(await records.keys('report')).toEqual([...keys].sort());
    for (const key of keys) expect(await records.list({ kind: 'report', key })).toHaveLength(1);
  });

  it('never hands out a record that was changed behind its name [I40]', async () => {
    const records = createFolderRecords(dir);
    const digest = await records.put({ kind: 'report', key: 'w', body: { outcome: 'failed' } });
    const hex = digest.slice('sha256:'.length);
    await writeFile(join(dir, 'objects', hex.slice(0, 2), `${hex}.json`), '{"outcome":"succeeded"}');
    await expect(records.get(digest)).rejects.toMatchObject({ kind: 'unsafe' });
    await records.put({ kind: 'report', key: 'w', body: { outcome: 'failed' } });
    expect(await records.get(digest)).toEqual({ outcome: 'failed' });
  });

  it('refuses a digest that is none, and a body that JSON would change', async () => {
    const records = createFolderRecords(dir);
    await expect(records.get('../../etc/passwd')).rejects.toMatchObject({ kind: 'invalid' });
    for (const body of [undefined, { n: NaN }, { at: new Date(0) }, { f: () => 1 }, new Map()]) {
      await expect(records.put({ kind: 'report', key: 'w', body })).rejects.toMatchObject({
        kind: 'invalid',
      });
    }
    expect(await records.keys('report')).toEqual([]);
  });

  it('says which folder could not be written', async () => {
    await writeFile(join(dir, 'file'), '');
    const records = createFolderRecords(join(dir, 'file'));
    await expect(records.put({ kind: 'report', key: 'w', body: 1 })).rejects.toMatchObject({
      name: 'PortError',
      message: expect.stringContaining(join(dir, 'file')) as unknown,
    });
  });

  it('loses nothing when several workers write at once [I40]', async () => {
    const module = new URL('../../../adapters/records/folder.ts', import.meta.url).href;
    const script = `
      import { createFolderRecords } from ${JSON.stringify(module)};
      const records = createFolderRecords(process.argv[1]);
      await Promise.all(Array.from({ length: 20 }, (_, n) =>
        records.put({ kind: 'nodeHistory', key: 'w', body: { worker: process.argv[2], n } })));
      await records.put({ kind: 'nodeHistory', key: 'w', body: 'the same' });`;
    const run = promisify(execFile);
    await Promise.all(
      ['1', '2', '3'].map((worker) =>
        run(process.execPath, ['--input-type=module', '--eval', script, '--', dir, worker]),
      ),
    );
    const digests = await createFolderRecords(dir).list({ kind: 'nodeHistory', key: 'w' });
    expect(digests).toHaveLength(61);
    expect(new Set(digests).size).toBe(61);
    expect(await readdir(join(dir, 'writing'))).toEqual([]);
  });
});

describe('canonical JSON', () => {
  it('means the same as the value and has one text for it', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = renderCanonicalJson(value);
        // JSON itself knows no -0.
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(renderCanonicalJson(JSON.parse(text) as unknown)).toBe(text);
      }),
    );
  });
});
