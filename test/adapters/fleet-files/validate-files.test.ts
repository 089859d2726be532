// What `refit validate` is told of files: which fleets they hold, and what is wrong with them.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { validateFiles } from '../../../adapters/fleet-files/validate-files.ts';
import { fleetDocument } from '../../domain/schemas/fleet-fixture.ts';

let dir = '';
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'refit-validate-'));
});
afterAll(async () => {
  await rm(dir, { recursive: true });
});

describe('validate', () => {
  it('tells which fleets the files hold, and everything that is wrong with them', async () => {
    const good = join(dir, 'a.json');
    await writeFile(good, JSON.stringify(fleetDocument()));
    await writeFile(join(dir, 'b.yaml'), 'kind: Fleet');
    expect(await validateFiles([good])).toEqual({
      ok: true,
      problems: [],
      problemsFound: 0,
      fleets: [{ name: 'training', file: good, clusters: 1, pools: 2, releases: 2 }],
    });
    const both = await validateFiles([dir]);
    expect([both.ok, both.problemsFound, both.fleets.length]).toEqual([false, 3, 1]);
  });
});
