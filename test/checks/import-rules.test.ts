// The import table is only worth something if a violation is seen: each rule is shown one.
import { beforeAll, describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');

const innocent = [
  'domain/plan.ts',
  'domain/schemas/fleet.ts',
  'workflows/messages.ts',
  'workflows/fleet-upgrade.ts',
  'activities/api.ts',
  'activities/drain.ts',
  'adapters/ports/records.ts',
  'adapters/ec2/client.ts',
  'workers/compose.ts',
  'workers/main.ts',
  'clients/cli/main.ts',
  'sandbox/sandbox.ts',
  'test/fakes/records.ts',
];

/** A tree with innocent files and every planted one; answers the names of the rules that each of these breaks. */
function brokenRules(files: readonly { path: string; content: string }[]): Map<string, Set<string>> {
  const tree = mkdtempSync(join(tmpdir(), 'refit-imports-'));
  try {
    for (const file of ['.dependency-cruiser.cjs', 'tsconfig.json', 'package.json']) {
      cpSync(join(root, file), join(tree, file));
    }
    symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'));
    for (const file of innocent) writeIn(tree, file, 'export const value = 1;\n');
    // Two steps away from what workflows may not load: the planted windows.ts loads it.
    writeIn(tree, 'domain/planning/over-windows.ts', "export { value } from './windows.ts';\n");
    for (const { path, content } of files) writeIn(tree, path, content);
    const run = spawnSync(
      join(root, 'node_modules', '.bin', 'depcruise'),
      ['--config', '.dependency-cruiser.cjs', '--output-type', 'json', '.'],
      { cwd: tree, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 },
    );
    const report = JSON.parse(run.stdout) as {
      summary: { totalCruised: number; violations: { rule: { name: string }; from: string }[] };
    };
    expect(report.summary.totalCruised).toBeGreaterThanOrEqual(innocent.length + files.length);
    const broken = new Map<string, Set<string>>(files.map(({ path }) => [path, new Set()]));
    for (const { from, rule } of report.summary.violations) broken.get(from)?.add(rule.name);
    return broken;
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
}

function writeIn(tree: string, path: string, content: string): void {
  mkdirSync(dirname(join(tree, path)), { recursive: true });
  writeFileSync(join(tree, path), content);
}

const planted: [rule: string, path: string, content: string][] = [
  [
    'domain-is-pure',
    'domain/planted.ts',
    "import { readFileSync } from 'node:fs';\nexport const x = readFileSync;\n",
  ],
  ['domain-is-pure', 'domain/planning/planted.ts', "import { z } from 'zod';\nexport const x = z;\n"],
  [
    'domain-is-pure',
    'domain/planning/zoned.ts',
    "import { Temporal } from 'temporal-polyfill';\nexport const x = Temporal;\n",
  ],
  [
    'windows-know-time-zones',
    'domain/planning/windows.ts',
    "import { Temporal } from 'temporal-polyfill';\nimport { z } from 'zod';\nexport const value = [Temporal, z];\n",
  ],
  [
    'workflows-load-no-time-zones',
    'workflows/zoned.ts',
    "import { value } from '../domain/planning/over-windows.ts';\nexport const x = value;\n",
  ],
  [
    'schemas-know-zod-alone',
    'domain/schemas/planted.ts',
    "import { parse } from 'yaml';\nexport const x = parse;\n",
  ],
  [
    'workflows-drive-only',
    'workflows/planted.ts',
    "import { value } from '../domain/schemas/fleet.ts';\nexport const x = value;\n",
  ],
  [
    'workflows-take-activity-types-only',
    'workflows/acting.ts',
    "import { value } from '../activities/api.ts';\nexport const x = value;\n",
  ],
  [
    'activities-are-thin',
    'activities/planted.ts',
    "import { EC2Client } from '@aws-sdk/client-ec2';\nexport const x = EC2Client;\n",
  ],
  [
    'adapters-know-no-temporal',
    'adapters/planted.ts',
    "import { Client } from '@temporalio/client';\nexport const x = Client;\n",
  ],
  [
    'ports-are-types',
    'adapters/ports/planted.ts',
    "import { value } from '../ec2/client.ts';\nexport const x = value;\n",
  ],
  [
    'workers-compose',
    'workers/planted.ts',
    "import { value } from '../workflows/fleet-upgrade.ts';\nexport const x = value;\n",
  ],
  [
    'clients-do-not-act',
    'clients/planted.ts',
    "import { value } from '../activities/drain.ts';\nexport const x = value;\n",
  ],
  [
    'sandbox-stands-alone',
    'sandbox/planted.ts',
    "import { value } from '../adapters/ec2/client.ts';\nexport const x = value;\n",
  ],
  [
    'checkers-share-nothing',
    'test/checker/rules.ts',
    "import { value } from '../../domain/plan.ts';\nexport const x = value;\n",
  ],
  [
    'nothing-imports-tests',
    'workers/tested.ts',
    "import { value } from '../test/fakes/records.ts';\nexport const x = value;\n",
  ],
  ['nothing-unresolved', 'domain/lost.ts', "import { x } from './nowhere.ts';\nexport const y = x;\n"],
  ['no-cycles', 'domain/circle.ts', "export { x } from './circle.ts';\n"],
];

const permitted = {
  path: 'domain/planning/order.ts',
  content: "import { value } from '../plan.ts';\nexport const x = value;\n",
};

describe('the import table', () => {
  let broken: Map<string, Set<string>>;
  beforeAll(() => {
    broken = brokenRules([...planted.map(([, path, content]) => ({ path, content })), permitted]);
  });

  it.each(planted)('catches %s in %s', (rule, path) => {
    expect([...(broken.get(path) ?? [])]).toContain(rule);
  });

  it('lets an innocent file pass', () => {
    expect(broken.get(permitted.path)).toEqual(new Set());
  });

  it('has each violation in a file of its own', () => {
    expect(new Set(planted.map(([, path]) => path)).size).toBe(planted.length);
  });

  it('has every rule tried', () => {
    const config = createRequire(import.meta.url)('../../.dependency-cruiser.cjs') as {
      forbidden: { name: string }[];
    };
    const tried = planted.map(([rule]) => rule);
    expect(config.forbidden.map(({ name }) => name).filter((name) => !tried.includes(name))).toEqual([]);
  });
});
