// The commands' side of a fleet over real files, as far as no cluster is needed.
import { afterAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFleetSide } from '../../clients/cli/fleet-client.ts';
import { fleetDocument } from '../domain/schemas/fleet-fixture.ts';

const folder = mkdtempSync(join(tmpdir(), 'refit-fleet-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('who only looks at the nodes', () => {
  it('is not asked who he is, also where a policy asks whoever starts a run', async () => {
    const document = fleetDocument();
    document.spec.policies = [{ name: 'careful', approval: { selfApproval: false } }];
    const path = join(folder, 'fleet.json');
    writeFileSync(path, JSON.stringify(document));
    const side = await openFleetSide(path, { KUBECONFIG: join(folder, 'none') });
    const [fleet] = await side.collectFleets();
    const [cluster] = fleet?.clusters ?? [];
    if (fleet === undefined || cluster === undefined) throw new Error('the fixture has a cluster');
    await expect(side.checkInput({ fleet: fleet.name, cluster: cluster.name })).rejects.toThrow(
      'requestedBy',
    );
    // As far as the kubeconfig, which is not there.
    await expect(side.collectInventory({ fleet, cluster })).rejects.toThrow('kubeconfig');
    await side.close();
  });
});

describe('a plan of a cluster with lower tiers', () => {
  it('says that it needs the records, and what else helps', async () => {
    const document = fleetDocument();
    const [first] = document.spec.clusters;
    if (first === undefined) throw new Error('the fixture has a cluster');
    document.spec.clusters = [
      { ...first, name: 'lower', tier: 'dev' },
      { ...first, name: 'upper', tier: 'prod' },
    ];
    const path = join(folder, 'tiers.json');
    writeFileSync(path, JSON.stringify(document));
    const side = await openFleetSide(path, { KUBECONFIG: join(folder, 'none') });
    const [fleet] = await side.collectFleets();
    const planned = side.plan({ fleet: fleet?.name ?? '', cluster: 'upper', requestedBy: 'ana' });
    await expect(planned).rejects.toMatchObject({
      message: expect.stringMatching(/^REFIT_RECORDS is not set: this fleet has clusters of lower tiers/),
      hints: expect.arrayContaining([expect.stringContaining('refit plan --remote')]),
    });
    await side.close();
  });
});
