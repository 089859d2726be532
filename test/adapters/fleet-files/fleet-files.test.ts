// Fleet files on a disk: what is read, what is refused and where it stood, and what a run keeps.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFleetFiles } from '../../../adapters/fleet-files/fleet-files.ts';
import { loadText } from '../../../adapters/fleet-files/load-fleets.ts';
import { FILE_BYTES_MAX } from '../../../adapters/fleet-files/read-files.ts';
import { InvalidFleet, PROBLEMS_MAX, renderFleetProblems } from '../../../domain/invalid-fleet.ts';
import { fleetDocument } from '../../domain/schemas/fleet-fixture.ts';

let dir = '';
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'refit-fleet-files-'));
});
afterAll(async () => {
  await rm(dir, { recursive: true });
});

const wholeYaml = `# The fleet.
apiVersion: refit.dev/v1alpha1
kind: Fleet
metadata: {name: training}
spec:
  clusters:
  - name: prod-east
    connection: {context: prod-east}
    provider: {kind: ec2, region: us-east-1}
    pools:
    - name: h100
      selector: {matchLabels: {refit.dev/pool: h100}}
      sla: true
      release: "2026.11"
    - name: batch
      selector: {matchLabels: {refit.dev/pool: batch}}
      release: "2026.11"
  releases:
  - {name: "2026.11", image: {ec2: ami-0123456789abcdef0}, expects: {kubeletVersion: v1.36.1}}
`;

let folders = 0;
async function folderOf(files: Record<string, string | Uint8Array>): Promise<string> {
  const folder = join(dir, String(folders++));
  await mkdir(folder);
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  return folder;
}

async function refusalOf(work: Promise<unknown>): Promise<InvalidFleet> {
  const outcome = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (outcome instanceof InvalidFleet) return outcome;
  throw new Error('it was not refused as an InvalidFleet', { cause: outcome });
}

const problemsIn = (text: string) => loadText('fleet.yaml', text).flatMap(({ problems }) => problems);

describe('reading', () => {
  it('reads a file, and each YAML and JSON file of a folder, several documents to a file', async () => {
    const folder = await folderOf({
      'a.yaml': `${wholeYaml}---\n${wholeYaml.replace('training', 'second')}`,
      'b.json': JSON.stringify({ ...fleetDocument(), metadata: { name: 'third' } }),
      'notes.txt': 'not a fleet',
      '.hidden.yaml': 'not read',
    });
    const names = async (path: string) =>
      (await createFleetFiles(path).collectFleets()).map(({ name }) => name);
    expect(await names(folder)).toEqual(['training', 'second', 'third']);
    expect(await names(join(folder, 'b.json'))).toEqual(['third']);
  });

  it('says what it was looking for when there is nothing there', async () => {
    const missing = await refusalOf(createFleetFiles(join(dir, 'none.yaml')).collectFleets());
    expect(missing.message).toContain(
      'none.yaml\n  found:    nothing\n  expected: a fleet file, or a folder',
    );
    expect(missing.message).toContain('fix:      set REFIT_FLEET to the file or folder');
    const empty = await refusalOf(createFleetFiles(await folderOf({})).collectFleets());
    expect(empty.message).toContain('a folder with 1 to 200 files *.yaml, *.yml or *.json');
  });

  it('refuses a file of one megabyte without reading it [I66]', async () => {
    const folder = await folderOf({ 'big.yaml': `${wholeYaml}#${'x'.repeat(1_000_000)}` });
    const { problems } = await refusalOf(createFleetFiles(folder).collectFleets());
    expect(problems).toEqual([
      expect.objectContaining({ found: expect.stringMatching(/^10\d{5} bytes$/), path: '' }),
    ]);
    expect(problems[0]?.expected).toBe(`at most ${FILE_BYTES_MAX} bytes (512 KiB)`);
  });

  it('refuses what is not text', async () => {
    const folder = await folderOf({ 'fleet.yaml': new Uint8Array([0xff, 0xfe, 0x00, 0x80]) });
    expect((await refusalOf(createFleetFiles(folder).collectFleets())).problems[0]?.expected).toBe(
      'a file that can be read as UTF-8',
    );
  });

  it('refuses two fleets of one name, naming the other file', async () => {
    const folder = await folderOf({ 'a.yaml': wholeYaml, 'b.yaml': wholeYaml });
    const { problems } = await refusalOf(createFleetFiles(folder).collectFleets());
    expect(problems.map(({ path, found }) => [path, found])).toEqual([
      ['metadata.name', `"training", as in ${join(folder, 'b.yaml')}`],
      ['metadata.name', `"training", as in ${join(folder, 'a.yaml')}`],
    ]);
  });
});

describe('where a problem stands', () => {
  it('is told by file, line, column, path, what was found and how to mend it [I68]', () => {
    const text = wholeYaml
      .replace('sla: true', 'slaa: true')
      .replace('release: "2026.11"', 'release: 2026.10');
    expect(renderFleetProblems(problemsIn(text))).toBe(
      [
        'fleet.yaml:13:7: spec.clusters[0].pools[0].slaa',
        '  found:    slaa',
        '  expected: a known key: name, selector, sla, release, policy, launchTemplate, owner',
        '  fix:      did you mean sla?',
        '',
        'fleet.yaml:14:16: spec.clusters[0].pools[0].release',
        '  found:    2026.10',
        '  expected: the name of a release: 1 to 63 letters, digits, "-", "_" or ".", as text',
        '  fix:      put it in quotes: "2026.10"',
      ].join('\n'),
    );
  });

  it('is that of the second document where it is the second that is wrong', () => {
    const second = wholeYaml.replace('training', 'second').replace('Fleet', 'Flee');
    const problems = problemsIn(`${wholeYaml}---\n${second}`);
    expect(problems.map(({ line, path }) => [line, path])).toEqual([
      [wholeYaml.split('\n').length + 3, 'kind'],
    ]);
  });

  it.each([
    ['broken YAML', 'a: [1,\nb: "x', 2, 'YAML or JSON'],
    ['a key that stands twice', 'kind: Fleet\nkind: Fleet\n', 2, 'each key once'],
    ['a list nested without end', '['.repeat(100_000), 1, 'a fleet file'],
    ['nothing', '# only a comment\n', null, 'a fleet: apiVersion'],
    ['a word', 'hello', 1, 'an object'],
  ])('is found for %s', (_, text, line, expected) => {
    const [first] = problemsIn(text);
    expect(first).toMatchObject({ line, expected: expect.stringContaining(expected) });
  });

  it('stays bounded, and quick, for a file full of mistakes [I68]', () => {
    const text = Array.from({ length: 20_000 }, (_, index) => `k${index}: 1`).join('\n');
    const error = new InvalidFleet(problemsIn(text));
    expect(error.problems).toHaveLength(PROBLEMS_MAX);
    expect(error.message).toMatch(/and 19984 more$/);
  });
});

describe('anchors', () => {
  it('may repeat a value', () => {
    const text = wholeYaml
      .replace(
        'selector: {matchLabels: {refit.dev/pool: h100}}\n      sla: true\n      release: "2026.11"',
        'selector: {matchLabels: {refit.dev/pool: h100}}\n      <<: &same {sla: true, release: "2026.11"}',
      )
      .replace(
        '{refit.dev/pool: batch}}\n      release: "2026.11"',
        '{refit.dev/pool: batch}}\n      <<: *same',
      );
    expect(problemsIn(text)).toEqual([]);
    expect(loadText('fleet.yaml', text)[0]?.fleet?.clusters[0]?.pools.map(({ sla }) => sla)).toEqual([
      true,
      true,
    ]);
  });

  it('may not explode [I66]', () => {
    const nine = (name: string) => `[${Array.from({ length: 9 }, () => name).join(', ')}]`;
    const levels = 'bcdefghi'
      .split('')
      .map((level, index) => `${level}: &${level} ${nine(`*${'abcdefgh'[index]}`)}`);
    const [problem, ...others] = problemsIn([`a: &a ${nine('x')}`, ...levels].join('\n'));
    expect(others).toEqual([]);
    expect(problem?.found).toBe('aliases: Excessive alias count indicates a resource exhaustion attack');
  });
});

describe('resolving a run', () => {
  const files = async (text = wholeYaml) => createFleetFiles(await folderOf({ 'fleet.yaml': text }));
  const input = { fleet: 'training', cluster: 'prod-east' };

  it('keeps all pools, those without an SLA first, with their releases and the catalog [I69]', async () => {
    const definition = await (await files()).resolveRun(input);
    expect(definition).toMatchObject({
      fleet: 'training',
      cluster: {
        name: 'prod-east',
        connection: { kind: 'context', context: 'prod-east' },
        provider: { kind: 'ec2', region: 'us-east-1' },
      },
      tier: 'prod',
      nodes: null,
      planDigest: null,
      requestedBy: null,
    });
    expect(definition.pools.map(({ name }) => name)).toEqual(['batch', 'h100']);
    expect(Object.keys(definition.releases).sort()).toEqual(['batch', 'h100']);
    expect(definition.releases['h100']?.imageId).toBe('ami-0123456789abcdef0');
    expect(definition.catalog.map(({ name }) => name)).toEqual(['2026.11']);
    expect(JSON.parse(JSON.stringify(definition))).toEqual(definition);
  });

  it('takes the image of its region, and tells one release by one digest in all regions [I198]', async () => {
    const west = `  - name: dev-west
    tier: dev
    connection: {context: dev-west}
    provider: {kind: ec2, region: us-west-2}
    pools:
    - {name: h100, selector: {matchLabels: {refit.dev/pool: h100}}, release: "2026.11"}
`;
    const image = 'ec2: {us-east-1: ami-0123456789abcdef0, us-west-2: ami-0123456789abcdef2}';
    const text = wholeYaml
      .replace('  releases:', `${west}  releases:`)
      .replace('ec2: ami-0123456789abcdef0', image);
    const both = await files(text);
    const east = await both.resolveRun(input);
    const dev = await both.resolveRun({ ...input, cluster: 'dev-west' });
    expect(east.releases['h100']?.imageId).toBe('ami-0123456789abcdef0');
    expect(dev.releases['h100']?.imageId).toBe('ami-0123456789abcdef2');
    expect(dev.releaseDigests?.['h100']).toBe(east.releaseDigests?.['h100']);
    const swapped = await (await files(text.replace('cdef2}', 'cdef3}'))).resolveRun(input);
    expect(swapped.releaseDigests).not.toEqual(east.releaseDigests);
    const tiers = await both.collectTiers({ fleet: 'training' });
    expect(tiers.clusters.map(({ name, tier, region }) => [name, tier, region])).toEqual([
      ['prod-east', 'prod', 'us-east-1'],
      ['dev-west', 'dev', 'us-west-2'],
    ]);
    expect(tiers.releases).toEqual([{ name: '2026.11', digest: east.releaseDigests?.['h100'] }]);
  });

  it('is refused a release that has no image in its region [I198]', async () => {
    const elsewhere = `${wholeYaml}  - {name: "2026.12", image: {ec2: {eu-west-1: ami-0123456789abcdef1}}, expects: {kubeletVersion: v1.36.2}}\n`;
    const refusal = await refusalOf((await files(elsewhere)).resolveRun({ ...input, release: '2026.12' }));
    expect(refusal.message).toContain('a release with an image in us-east-1');
  });

  it('takes pools, nodes, a release and overrides of the policy from the input', async () => {
    const twoReleases = `${wholeYaml}  - {name: "2026.12", image: {ec2: ami-0123456789abcdef1}, expects: {kubeletVersion: v1.36.2}}\n`;
    const definition = await (
      await files(twoReleases)
    ).resolveRun({
      ...input,
      pools: ['h100', 'h100'],
      nodes: ['ip-10-0-0-2', 'ip-10-0-0-1', 'ip-10-0-0-2'],
      release: '2026.12',
      policy: { disruption: { unavailableMax: 3 }, approval: { firstNodes: 3 } },
      planDigest: 'sha256:abc',
      requestedBy: 'ana',
    });
    expect(definition.pools.map(({ name }) => name)).toEqual(['h100']);
    expect(definition.nodes).toEqual(['ip-10-0-0-2', 'ip-10-0-0-1']);
    expect(definition.releases['h100']?.name).toBe('2026.12');
    expect(definition.pools[0]?.policy).toMatchObject({
      disruption: { unavailableMax: { kind: 'count', count: 3 }, surge: 0 },
      approval: { before: 'node', firstNodes: 3 },
    });
    expect([definition.planDigest, definition.requestedBy]).toEqual(['sha256:abc', 'ana']);
  });

  it('is refused without who asks for it, where the policy counts no yes of theirs [I137]', async () => {
    const strict = { ...input, policy: { approval: { selfApproval: false } } };
    const refused = await refusalOf((await files()).resolveRun(strict));
    expect(refused.problems).toMatchObject([{ path: 'requestedBy', found: 'nothing' }]);
    expect(refused.message).toContain('"requestedBy": "NAME"');
    const definition = await (await files()).resolveRun({ ...strict, requestedBy: 'ana' });
    expect(definition.pools[0]?.policy.approval.selfApproval).toBe(false);
  });

  it('lets nobody ask fewer people than the file says, where one yes is not enough [I144]', async () => {
    const two = wholeYaml.replaceAll('release: "2026.11"\n', 'release: "2026.11"\n      policy: two\n');
    const text = `${two}  policies:\n  - {name: two, approval: {approvers: 2, selfApproval: false}}\n`;
    const started = async (approval: object) =>
      (await files(text)).resolveRun({ ...input, requestedBy: 'ana', policy: { approval } });
    for (const looser of [{ approvers: 1 }, { selfApproval: true }, { before: 'never' }, { firstNodes: 1 }]) {
      const refused = await refusalOf(started(looser));
      expect(refused.problems[0]).toMatchObject({ path: 'policy.approval' });
      expect(refused.message).toContain('which one person may not decide');
    }
    expect((await started({ approvers: 3 })).pools[0]?.policy.approval.approvers).toBe(3);
  });

  it.each([
    [{ fleet: 'trainig', cluster: 'prod-east' }, ['fleet', '"trainig"', 'did you mean training?']],
    [{ ...input, cluster: 'prod-est' }, ['cluster', '"prod-est"', 'did you mean prod-east?']],
    [{ ...input, pools: ['batch', 'h10'] }, ['pools[1]', '"h10"', 'did you mean h100?']],
    [{ ...input, release: '2026.10' }, ['release', '"2026.10"', 'did you mean 2026.11?']],
    [{ ...input, nodes: ['ip-10-0-0-1', 'Not A Node'] }, ['nodes[1]', '"Not A Node"', null]],
    [
      { ...input, policy: { disruptoin: {} } },
      ['policy.disruptoin', 'disruptoin', 'did you mean disruption?'],
    ],
    [
      { ...input, policy: { drain: { timeout: 5 } } },
      ['policy.drain.timeout', '5', 'give it a unit, like 30m'],
    ],
    [
      { ...input, policy: { verify: { checks: ['dcgm'] } } },
      ['policy.verify.checks', expect.any(String), 'leave it out, or set it to []'],
    ],
    [{ ...input, policy: { name: 'x' } }, ['policy.name', 'name', expect.any(String)]],
  ])('names what is wrong in %j [I66]', async (wrong, [path, found, fix]) => {
    const { problems } = await refusalOf((await files()).resolveRun(wrong));
    expect(problems).toEqual([expect.objectContaining({ file: 'input', path, found, fix })]);
  });

  it('tells everything that is wrong with an input at once', async () => {
    const wrong = {
      ...input,
      pools: ['x'],
      release: 'y',
      nodes: ['Z'],
      policy: { drain: { timeout: 'soon' } },
    };
    const { problems } = await refusalOf((await files()).resolveRun(wrong));
    expect(problems.map(({ path }) => path)).toEqual([
      'pools[0]',
      'release',
      'nodes[0]',
      'policy.drain.timeout',
    ]);
  });

  it('lays overrides over the policies of a run that has begun, and over nothing else', async () => {
    const port = await files();
    const definition = await port.resolveRun({ ...input, policy: { drain: { timeout: '5m' } } });
    const changed = await port.changePolicy(definition, { disruption: { unavailableMax: '50%' } });
    const { pools, origins } = definition;
    expect({ ...changed, pools, origins }).toEqual(definition);
    expect(changed.origins?.overrides).toEqual(['drain.timeout', 'disruption.unavailableMax']);
    for (const [index, { policy, ...rest }] of changed.pools.entries()) {
      const { policy: before, ...others } = definition.pools[index] ?? { policy: undefined };
      expect(rest).toEqual(others);
      expect(policy.drain).toEqual(before?.drain);
      expect(policy.disruption.unavailableMax).toEqual({ kind: 'percent', percent: 50 });
    }
  });

  it('tells all that is wrong with a change of policy at once [I153]', async () => {
    const port = await files();
    const definition = await port.resolveRun(input);
    const wrong = { drain: { timout: '1h' }, disruption: { unavailableMax: 0 }, verify: { checks: ['x'] } };
    const { problems } = await refusalOf(port.changePolicy(definition, wrong));
    expect(problems.map(({ path, fix }) => [path, fix])).toEqual(
      expect.arrayContaining([
        ['policy.drain.timout', 'did you mean timeout?'],
        ['policy.disruption.unavailableMax', null],
        ['policy.verify.checks', 'leave it out, or set it to []'],
      ]),
    );
    const nobody = { ...definition, requestedBy: null };
    const strict = { approval: { selfApproval: false } };
    expect((await refusalOf(port.changePolicy(nobody, strict))).problems).toHaveLength(1);
    const why = 'x'.repeat(4_000);
    const exclusions = Array.from({ length: 20 }, () => ({
      from: '2026-12-20T00:00:00Z',
      until: '2027-01-03T00:00:00Z',
      why,
    }));
    await expect(port.changePolicy(definition, { exclusions })).rejects.toBeInstanceOf(InvalidFleet);
  });

  it('refuses a definition of more than 64 KB, which would travel with every activity [I69]', async () => {
    const nodes = Array.from({ length: 5000 }, (_, index) => `ip-10-0-${index >> 8}-${index & 255}`);
    const { problems } = await refusalOf((await files()).resolveRun({ ...input, nodes }));
    expect(problems).toEqual([
      expect.objectContaining({ path: 'nodes', expected: 'at most 65536 bytes for all that a run keeps' }),
    ]);
  });

  it('goes on although another fleet of the folder is broken, and stops when its own is', async () => {
    const folder = await folderOf({
      'a.yaml': wholeYaml,
      'b.yaml': wholeYaml.replace('training', 'broken').replace('Fleet', 'Flee'),
    });
    const port = createFleetFiles(folder);
    expect((await port.resolveRun(input)).fleet).toBe('training');
    expect((await refusalOf(port.resolveRun({ ...input, fleet: 'broken' }))).problems[0]?.path).toBe('kind');
    expect((await refusalOf(port.collectFleets())).problems[0]?.path).toBe('kind');
  });
});
