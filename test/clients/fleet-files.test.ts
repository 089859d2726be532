// `refit validate` and `refit schema`, on real files.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { runRefit } from './fake-context.ts';

const folder = mkdtempSync(join(tmpdir(), 'refit-validate-'));

afterAll(() => {
  rmSync(folder, { recursive: true });
});

const GOOD = `apiVersion: refit.dev/v1alpha1
kind: Fleet
metadata: {name: training}
spec:
  clusters:
  - name: prod-east
    tier: prod
    connection: {context: prod-east}
    provider: {kind: ec2, region: us-east-1}
    pools:
    - {name: h100, selector: {matchLabels: {refit.dev/pool: h100}}, sla: true, release: "2026.11", policy: default}
  releases:
  - {name: "2026.11", image: {ec2: ami-0123456789abcdef0}, expects: {kubeletVersion: v1.36.1}}
`;

function write(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

describe('refit validate', () => {
  it('says what a valid file holds', async () => {
    const path = write('good.yaml', GOOD);
    const { exitCode, out } = await runRefit(['validate', path]);
    expect(out).toBe(`${path}: fleet training is valid (1 cluster, 1 pool, 1 release)\n`);
    expect(exitCode).toBe(0);
  });

  it.each([
    ['an unknown key', GOOD.replace('sla: true', 'slo: true'), 'slo'],
    ['a bad duration', `${GOOD}  policies:\n  - {name: p, drain: {timeout: 30 minutes}}\n`, 'drain.timeout'],
    ['an unknown release', GOOD.replace('release: "2026.11"', 'release: "2026.12"'), '2026.12'],
    ['an unknown policy', GOOD.replace('policy: default', 'policy: careful'), 'careful'],
    ['no YAML', 'a: [', 'yaml'],
    ['a megabyte', `${GOOD}# ${'x'.repeat(1_100_000)}\n`, 'expected'],
    [
      'anchors that explode',
      `a: &a [x,x,x,x,x,x,x,x,x]\n${['b', 'c', 'd', 'e', 'f', 'g', 'h']
        .map(
          (key, at) =>
            `${key}: &${key} [${Array(9)
              .fill(`*${'abcdefgh'[at] ?? 'a'}`)
              .join(',')}]`,
        )
        .join('\n')}\n`,
      'expected',
    ],
  ])('tells %s by file, place, what stood there and what was expected', async (name, text, named) => {
    const path = write(`${name.replaceAll(' ', '-')}.yaml`, text);
    const { exitCode, out, err } = await runRefit(['validate', path]);
    expect(exitCode).toBe(1);
    expect(out).toContain(path);
    expect(out.toLowerCase()).toContain(named.toLowerCase());
    expect(out).toContain('expected:');
    expect(out.length).toBeLessThan(20_000);
    expect(err).toMatch(/^\d+ problems?/);
  });

  it('gives programs the problems one by one', async () => {
    const path = write('json.yaml', GOOD.replace('sla: true', 'slo: true'));
    const { exitCode, out, err } = await runRefit(['validate', path, '-o', 'json']);
    expect(exitCode).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ ok: false, problems: [{ file: path }] });
    expect(err).toBe('');
  });

  it('tells a file that is not there', async () => {
    const { exitCode, out } = await runRefit(['validate', join(folder, 'absent.yaml')]);
    expect(exitCode).toBe(1);
    expect(out).toContain('absent.yaml');
  });

  it('takes what REFIT_FLEET names, and asks for a file without it', async () => {
    const path = write('env.yaml', GOOD);
    expect((await runRefit(['validate'], { env: { REFIT_FLEET: path } })).exitCode).toBe(0);
    const { exitCode, err } = await runRefit(['validate']);
    expect(exitCode).toBe(1);
    expect(err).toContain('REFIT_FLEET');
  });
});

it('refit schema prints a JSON Schema and nothing else', async () => {
  const { exitCode, out, err } = await runRefit(['schema']);
  expect(exitCode).toBe(0);
  expect(JSON.parse(out)).toMatchObject({ title: 'Refit fleet file', type: 'object' });
  expect(err).toBe('');
});
