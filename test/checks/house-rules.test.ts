// House rules as data: what is banned, where, and what to do instead. Lint holds the rest.
import { describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');

type Ban = { what: string; pattern: RegExp; where: RegExp; instead: string; except?: RegExp };

// The patterns are put together from pieces, so that this file does not break its own rules.
const bans: Ban[] = [
  {
    what: 'a note to do it later',
    pattern: new RegExp(`\\b(${['TO', 'DO'].join('')}|${['FIX', 'ME'].join('')}|${['XX', 'X'].join('')})\\b`),
    where: /\.(ts|mjs|js|cjs|md|yml|yaml)$/,
    instead: 'do it now, or file an issue',
  },
  {
    what: 'a package registry by its host',
    pattern: new RegExp(
      ['registry\\.npm', 'js\\.org|proxy\\.gol', 'ang\\.org|py', 'pi\\.org|repo1\\.mav', 'en\\.org'].join(''),
    ),
    where: /./,
    instead: 'name packages, not hosts',
  },
  {
    what: 'a path of one machine',
    pattern: new RegExp(`(^|[^\\w/.-])/(${['wo', 'rk'].join('')}|root|home/\\w+)/`),
    where: /\.(ts|mjs|js|cjs|md|json|yml|yaml|mod)$/,
    except: /^test\/replay\/histories\//,
    instead: 'use a path relative to the checkout, or ~',
  },
  {
    what: 'a default export',
    pattern: /^export default /m,
    where: /\.ts$/,
    instead: 'export it by its name',
  },
  {
    what: 'a test that is left out or runs alone',
    pattern: new RegExp(
      `\\b(it|test|describe)\\.(${['sk', 'ip'].join('')}|${['on', 'ly'].join('')}|todo)\\b`,
    ),
    where: /^test\/.*\.ts$/,
    instead: 'mend it or remove it',
  },
  {
    what: 'a lint rule switched off',
    pattern: new RegExp(
      `${['eslint', 'disable'].join('-')}|@ts-${['ig', 'nore'].join('')}|@ts-${['expect', 'error'].join('-')}`,
    ),
    where: /\.ts$/,
    instead: 'write it so that the rule holds',
  },
];

const vagueNames = /^(utils?|helpers?|common|misc|manager)\b/;

function trackedFiles(): string[] {
  return execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  })
    .split('\n')
    .filter((path) => path !== '' && existsSync(join(root, path)));
}

describe('house rules', () => {
  const files = trackedFiles();

  it('sees the tree', () => {
    expect(files).toEqual(expect.arrayContaining(['package.json', 'domain/plan.ts']));
  });

  it.each(bans)('finds no $what ($instead)', (ban) => {
    const found = files
      .filter((path) => ban.where.test(path) && !(ban.except?.test(path) ?? false))
      .filter((path) => ban.pattern.test(readFileSync(join(root, path), 'utf8')));
    expect(found).toEqual([]);
  });

  it('names every file in kebab-case and for what it holds', () => {
    const odd = files
      .filter((path) => path.endsWith('.ts'))
      .map((path) => [path, basename(path).replace(/(\.test)?\.ts$/, '')] as const)
      .filter(([, name]) => !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name) || vagueNames.test(name))
      .map(([path]) => path);
    expect(odd).toEqual([]);
  });

  it('opens every source file with what it is for', () => {
    const mute = files
      .filter((path) => /\.(ts|mjs)$/.test(path))
      .filter((path) => !/^(#!.*\n)?\/[/*]/.test(readFileSync(join(root, path), 'utf8')));
    expect(mute).toEqual([]);
  });
});
