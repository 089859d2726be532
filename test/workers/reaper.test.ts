// Old root volumes go when their time has come, whether runs come to their end or not.
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { PortError } from '../../adapters/ports/errors.ts';
import type { Cluster, Fleet } from '../../domain/fleet.ts';
import { REAP_EVERY_MS, reapOnce, startReaper } from '../../workers/reaper.ts';
import { createFakeInstances } from '../fakes/fake-instances.ts';
import { NO_TIERS } from '../fakes/node-input.ts';

afterEach(() => {
  jest.useRealTimers();
});

function bedOf(...regions: string[]) {
  const clusters = regions.map((region) => ({ provider: { kind: 'ec2', region } }) as Cluster);
  const fleet: Fleet = {
    name: 'training',
    clusters,
    releases: [],
    policyOrigins: {},
    promotion: { soakMs: 0, successMinPercent: 100 },
  };
  const instances = createFakeInstances();
  const asked: string[] = [];
  return {
    asked,
    instances,
    deps: {
      instances: {
        ...instances,
        reapOldRootVolumes: (...[provider, now]: Parameters<typeof instances.reapOldRootVolumes>) => {
          asked.push(provider.region);
          if (provider.region === 'closed') throw new PortError('forbidden', 'grant ec2:DeleteVolume');
          return instances.reapOldRootVolumes(provider, now);
        },
      },
      fleetFiles: {
        collectFleets: () => Promise.resolve([fleet]),
        collectTiers: () => Promise.resolve(NO_TIERS),
        resolveRun: () => Promise.reject(new Error('unused')),
        changePolicy: () => Promise.reject(new Error('unused')),
      },
      now: () => new Date('2026-01-02T00:00:00.000Z'),
    },
  };
}

describe('reaping old root volumes', () => {
  it('asks each region once, and says what it was refused without leaving out the others', async () => {
    const { deps, asked, instances } = bedOf('closed', 'us-east-1', 'us-east-1');
    instances.reapable.push('vol-1');
    expect(await reapOnce(deps)).toEqual({ reaped: ['vol-1'], troubles: ['grant ec2:DeleteVolume'] });
    expect(asked).toEqual(['closed', 'us-east-1']);
  });

  it('says that the fleet files cannot be read', async () => {
    const { deps } = bedOf();
    deps.fleetFiles.collectFleets = () => Promise.reject(new Error('fleet.yaml:3: unknown key'));
    expect(await reapOnce(deps)).toEqual({ reaped: [], troubles: ['fleet.yaml:3: unknown key'] });
  });

  it('goes on once an hour until it is stopped', async () => {
    jest.useFakeTimers();
    const { deps, asked, instances } = bedOf('us-east-1');
    const said: string[] = [];
    const stop = startReaper(deps, (text) => said.push(text));
    await jest.advanceTimersByTimeAsync(REAP_EVERY_MS - 1);
    expect(asked).toEqual([]);
    instances.reapable.push('vol-1');
    await jest.advanceTimersByTimeAsync(REAP_EVERY_MS);
    expect(asked).toEqual(['us-east-1']);
    expect(said).toEqual(['deleted old root volumes whose time had come: vol-1']);
    stop();
    await jest.advanceTimersByTimeAsync(3 * REAP_EVERY_MS);
    expect(asked).toHaveLength(1);
  });
});
