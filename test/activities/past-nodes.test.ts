// What earlier runs say of the nodes of a cluster, as far as the records can be read.
import { describe, expect, it } from '@jest/globals';
import { collectPastTimes } from '../../activities/past-nodes.ts';
import { createFakeRecords } from '../fakes/fake-records.ts';
import { sampleDefinition } from '../domain/planning/sample-fleet.ts';
import { sampleHistory } from '../domain/render/sample-run.ts';

const key = 'upgrade.training.prod-east';

describe('the times of nodes in earlier runs', () => {
  it('come from the newest 200 histories under the id that upgrades of this cluster have', async () => {
    const records = createFakeRecords();
    for (let second = 1; second <= 201; second += 1) {
      const endedAt = new Date(Date.parse('2026-11-20T10:00:00.000Z') + second * 1000).toISOString();
      await records.put({ kind: 'nodeHistory', key, body: sampleHistory({ node: `n-${second}`, endedAt }) });
    }
    await records.put({ kind: 'nodeHistory', key: 'upgrade.training.other', body: sampleHistory() });
    const past = await collectPastTimes(records, sampleDefinition());
    expect(past['h100']).toHaveLength(200);
    expect(past['h100']?.[0]).toBe(2000);
    expect(Object.keys(past)).toEqual(['h100']);
  });

  it('are none when the records cannot be read: a plan is made all the same', async () => {
    const records = createFakeRecords();
    records.list = () => Promise.reject(new Error('no such folder'));
    expect(await collectPastTimes(records, sampleDefinition())).toEqual({});
  });
});
