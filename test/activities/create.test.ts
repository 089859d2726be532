// What all activities of a worker have in common, composed as the worker composes them.
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { createActivities } from '../../activities/create.ts';
import type { Activities } from '../../activities/api.ts';
import { createFakeBed } from '../fakes/node-input.ts';
import { mockEnvironment } from './activity-runner.ts';

afterEach(() => {
  jest.useRealTimers();
});

describe('what a run asks before it goes on', () => {
  it.each<keyof Activities>(['resolveRun', 'holdCluster', 'planRun', 'planNext', 'collectChildren'])(
    'beats as long as it lasts: %s',
    async (name) => {
      jest.useFakeTimers();
      const { deps } = createFakeBed();
      const answered: (() => void)[] = [];
      const never = () => new Promise<never>((_, reject) => answered.push(() => reject(new Error('late'))));
      const silent = { get: () => never };
      const cluster = new Proxy({}, silent);
      const activities = createActivities({
        ...deps,
        kubernetes: { ...deps.kubernetes, cluster: () => cluster as never },
        runs: new Proxy({}, silent) as never,
        fleetFiles: new Proxy({}, silent) as never,
        records: new Proxy({}, silent) as never,
      });
      const { environment, beats } = mockEnvironment();
      const input = {
        cluster: {},
        run: {},
        definition: { cluster: {}, pools: [], releases: {} },
        pages: [],
        children: ['c'],
      };
      const call = activities[name] as (o: unknown) => Promise<unknown>;
      const ended = environment.run(call, input).catch((error: unknown) => error);
      await jest.advanceTimersByTimeAsync(35_000);
      expect(beats).toHaveLength(3);
      for (const answer of answered) answer();
      await ended;
      await jest.advanceTimersByTimeAsync(35_000);
      expect(beats).toHaveLength(3);
    },
  );
});
