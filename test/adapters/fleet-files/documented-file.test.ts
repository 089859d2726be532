// The fleet file that the documentation shows, and one with every field that the format knows.
import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadText } from '../../../adapters/fleet-files/load-fleets.ts';
import { unenforced } from '../../../domain/schemas/unenforced.ts';

const root = join(import.meta.dirname, '..', '..', '..');
const reference = readFileSync(join(root, 'docs/reference/fleet-file.md'), 'utf8');

const everyField = `
apiVersion: refit.dev/v1alpha1
kind: Fleet
metadata: {name: training}
spec:
  clusters:
  - name: prod-east
    tier: prod
    connection: {context: prod-east}
    provider: {kind: ec2, region: us-east-1}
    pools:
    - name: h100
      selector: {matchLabels: {refit.dev/pool: h100}}
      sla: true
      release: "2026.11"
      policy: careful
      owner: {kind: autoScalingGroup}
  releases:
  - name: "2026.11"
    image: {ec2: ami-0123456789abcdef0}
    expects:
      kubeletVersion: v1.36.1
      osImage: Ubuntu 24.04.3 LTS
      labels: {nvidia.com/cuda.driver-version.full: 570.86.15}
  policies:
  - name: careful
    extends: default
    disruption: {unavailableMax: 10%, unavailableMaxPerZone: 2, surge: 0}
    canary: {nodes: 1, soak: 10m}
    approval: {before: node, firstNodes: 3, approvers: 1, expiresAfter: 24h}
    windows: [{days: [mon, tue], start: "22:00", duration: 6h, timezone: Europe/Berlin}]
    exclusions: [{from: 2026-12-20T00:00:00Z, until: 2027-01-03T00:00:00Z, why: holiday freeze}]
    drain: {timeout: 30m, onTimeout: defer}
    reimage: {method: rootVolume, timeout: 30m, oldRootVolume: "keep 7d"}
    verify: {checks: [], soak: 5m}
    failure: {failuresMax: 0, successMin: 95%, onExceeded: pause}
  notifications:
  - name: bus
    kind: cloudEvents
    urlFrom: {env: REFIT_NOTIFY_URL}
    mode: structured
    headersFrom: [{name: Authorization, env: REFIT_NOTIFY_TOKEN}]
    events: [updateAvailable, drift, approvalNeeded, paused, failed, finished]
`;

describe('documented fleet files', () => {
  it('are right as they stand', () => {
    const shown = /```yaml\n([\s\S]*?)```/.exec(reference)?.[1] ?? '';
    const [loaded] = loadText('reference', shown);
    expect(loaded?.problems).toEqual([]);
    expect(loaded?.fleet?.clusters[0]?.pools[0]?.policy.name).toBe('careful');
  });

  it('may name every field, of which only those not in force are refused [I67]', () => {
    const [loaded] = loadText('every.yaml', everyField);
    expect(loaded?.problems.map(({ path }) => path.replace('spec.policies[0].', ''))).toEqual([]);
    for (const problem of loaded?.problems ?? []) expect(problem.expected).toContain('does not enforce');
  });

  it('mark exactly the fields that are not fully in force', () => {
    const rows = [...reference.matchAll(/^\| `([a-z]+(?:\.\w+)?)(?:\[\])?` \|.*\| ([^|]+) \|$/gm)];
    const marked = rows
      .filter(([, , inForce]) => /^(no;|only|yes, but)/.test(inForce ?? ''))
      .map(([, field]) => field);
    expect(marked.sort()).toEqual(unenforced.map(({ path }) => path.join('.')).sort());
  });
});
