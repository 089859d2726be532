// What the server says of a node's step that fails and is tried again, as `refit why` asks for it.
import { setTimeout as pause } from 'node:timers/promises';
import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { connectTemporal } from '../../clients/cli/temporal-client.ts';
import { startBed, stopBed, withRun } from './bed.ts';
import type { Bed } from './bed.ts';

let bed: Bed;
beforeAll(async () => {
  bed = await startBed();
}, 120_000);
afterAll(async () => {
  await stopBed(bed);
}, 180_000);

const AWAY = 'cluster prod-east at https://k8s.example does not answer';

/** Asks until the answer is as it should be; the test's own limit ends it. */
async function polled<T>(ask: () => Promise<T>, found: (answer: T) => boolean): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (found(answer)) return answer;
    await pause(50);
  }
}

/** The drain of every node fails in this way as long as there is one. */
function failDrains(by: () => ApplicationFailure | undefined) {
  const activity = ({ info }: { info: { activityType: string } }) => ({
    inbound: {
      execute: async <I>(input: I, next: (input: I) => Promise<unknown>): Promise<unknown> => {
        const failure = info.activityType === 'drainNode' ? by() : undefined;
        if (failure !== undefined) throw failure;
        return await next(input);
      },
    },
  });
  return { interceptors: { activity: [activity] } };
}

describe('a node whose step fails and is tried again', () => {
  it('is told of by the server with kind, text, attempt and the next try, and not once it goes on [I254]', async () => {
    let failure: ApplicationFailure | undefined = ApplicationFailure.create({
      message: AWAY,
      type: 'Unreachable',
      nextRetryDelay: '2s',
    });
    const o = { nodes: 1, name: 'troubled', worker: failDrains(() => failure) };
    await withRun(bed, o, async ({ id, handle, until }) => {
      const temporal = await connectTemporal({
        address: bed.env.address,
        addressFrom: 'the test',
        namespace: bed.env.namespace ?? 'default',
        namespaceFrom: 'the test',
        apiKey: undefined,
        tls: undefined,
        metadata: undefined,
      });
      try {
        const status = await until('draining', ({ active }) => active[0]?.state === 'draining');
        const childId = status.active[0]?.childId ?? '';
        const ask = () => temporal.collectTroubles(childId);
        const told = await polled(ask, (troubles) => troubles.some(({ nextAt }) => nextAt !== null));
        expect(told).toMatchObject([{ step: 'drainNode', kind: 'Unreachable', text: AWAY }]);
        const [{ attempt, failedAt, nextAt } = { attempt: 0, failedAt: null, nextAt: null }] = told;
        expect(attempt).toBeGreaterThan(1);
        expect(Date.parse(nextAt ?? '')).toBeGreaterThan(Date.parse(failedAt ?? ''));
        expect((await temporal.describe(id))?.troubles).toEqual([]);
        // Not there yet is no trouble.
        failure = ApplicationFailure.create({
          message: 'not yet',
          type: 'NotYet',
          category: ApplicationFailureCategory.BENIGN,
          nextRetryDelay: '100ms',
        });
        await polled(ask, (troubles) => troubles.length === 0);
        failure = undefined;
        expect(await handle.result()).toMatchObject({ outcome: 'succeeded' });
        expect(await temporal.collectTroubles(`${id}/node/nobody`)).toEqual([]);
      } finally {
        await temporal.close();
      }
    });
  }, 180_000);
});
