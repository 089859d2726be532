// What a run tells people without being asked, and that it waits for none of it.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { WorkflowFailedError } from '@temporalio/client';
import { createNotifyActivities } from '../../activities/notify.ts';
import { createNotifier } from '../../adapters/notify/notifier.ts';
import { NOTIFICATION_EVENTS } from '../../domain/notification.ts';
import type { NotificationEvent, NotificationTarget } from '../../domain/notification.ts';
import { startWebhook } from '../adapters/notify/webhook.ts';
import { startBed, stopBed, withRun } from './bed.ts';
import type { Bed } from './bed.ts';
import type { FakeWorld } from './fake-world.ts';

let bed: Bed;
beforeAll(async () => {
  bed = await startBed();
});
afterAll(async () => {
  await stopBed(bed);
});

const target = (
  name: string,
  events: readonly NotificationEvent[] = NOTIFICATION_EVENTS,
): NotificationTarget => ({
  name,
  form: 'binary',
  urlEnv: 'REFIT_NOTIFY_URL',
  headers: [],
  events,
});

const told = (world: FakeWorld, name: string) =>
  world.notices.filter((one) => one.target === name).map(({ notice }) => notice);

/** Everything that can be read in it, payloads included. */
function textIn(value: unknown): string {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
  if (typeof value === 'object' && value !== null) return Object.values(value).map(textIn).join('\n');
  return typeof value === 'string' ? value : '';
}

describe('a run with notifications', () => {
  it('asks for all gates that are open at once in one message, with the lines that answer them, and tells its end [I217]', async () => {
    const approval = { before: 'node' as const };
    const notifications = [target('all'), target('end', ['finished'])];
    const o = { nodes: 4, unavailableMax: 4, approval, notifications, name: 'notified' };
    await withRun(bed, o, async ({ handle, id, until, world, update }) => {
      await until('four gates', (s) => s.gates.length === 4);
      await until('told', () => told(world, 'all').length > 0);
      const [asked] = told(world, 'all');
      expect(asked).toMatchObject({ event: 'approvalNeeded', workflowId: id, cluster: 'prod-east' });
      expect(asked?.summary).toBe('4 gates wait for a yes: node/n1, node/n2, node/n3 and 1 more');
      expect(asked?.gates.map(({ name }) => name)).toEqual(['node/n1', 'node/n2', 'node/n3', 'node/n4']);
      expect(asked?.gates[0]?.answers).toEqual([
        `refit approve node/n1 -w ${id}`,
        `refit reject node/n1 -w ${id}`,
        `temporal workflow signal -w ${id} --name approve -i '{"gate":"node/n1","by":"YOU"}'`,
      ]);
      await update('approve', { gate: 'node/*', by: 'sam', next: 4 });
      expect(await handle.result()).toMatchObject({ outcome: 'succeeded' });
      expect(told(world, 'all').map(({ event }) => event)).toEqual(['approvalNeeded', 'finished']);
      expect(told(world, 'end')).toMatchObject([{ event: 'finished' }]);
      expect(told(world, 'end')[0]?.summary).toBe('the run has ended as succeeded: 4 of 4 nodes done');
    });
  });

  it('tells of nodes that failed and of the trip, and of a start that was refused', async () => {
    const notifications = [target('all')];
    await withRun(
      bed,
      { nodes: 2, notifications, name: 'trips' },
      async ({ handle, until, world, update }) => {
        world.fail('verifyNode', 'n1');
        await until('told', () => told(world, 'all').length === 2);
        const byEvent = new Map(told(world, 'all').map((notice) => [notice.event, notice]));
        expect(byEvent.get('failed')).toMatchObject({
          summary: '1 node has failed: n1',
          nodes: [{ cluster: 'prod-east', node: 'n1' }],
        });
        expect(byEvent.get('paused')?.summary).toContain('no more nodes are started: 1 failed in pool h100');
        await update('abort', { by: 'sam', reason: 'bad image', rollback: false });
        await handle.result();
      },
    );
    await withRun(bed, { nodes: 1, notifications, name: 'refused' }, async ({ world, handle }) => {
      const refusals = [{ kind: 'x', where: 'node n1', text: 'has no instance' }];
      world.outcome = { kind: 'refused', refusals };
      const error = await handle.result().catch((e: unknown) => e);
      expect((error as WorkflowFailedError).cause).toMatchObject({ type: 'Refused' });
      expect(told(world, 'all')).toMatchObject([{ event: 'failed' }]);
      expect(told(world, 'all')[0]?.summary).toContain('node n1: has no instance');
    });
  });

  it('goes on while nobody takes its messages, and ends without them [I218]', async () => {
    const notifications = [target('away'), target('there'), target('gone')];
    const o = { nodes: 3, approval: { before: 'node' as const }, notifications, name: 'deaf' };
    const prepare = (world: FakeWorld) => {
      world.deaf.set('away', 'away');
      world.deaf.set('gone', 'gone');
    };
    await withRun(bed, { ...o, prepare }, async ({ handle, until, world, update }) => {
      for (const node of ['n1', 'n2']) {
        await until(node, (s) => s.gates.some(({ name }) => name === `node/${node}`));
        await update('approve', { gate: `node/${node}`, by: 'sam' });
      }
      await until('the last gate', (s) => s.gates.some(({ name }) => name === 'node/n3'));
      const refused = 'notification gone is gone';
      await until('said', (s) => s.events.some(({ text }) => text.includes(refused)));
      await until('tried', () => world.count('notify', 'away') > 1);
      await update('approve', { gate: 'node/n3', by: 'sam' });
      const { outcome } = (await handle.result()) as { outcome: string };
      expect(outcome).toBe('succeeded');
      expect(told(world, 'there').at(-1)).toMatchObject({ event: 'finished' });
      expect(told(world, 'away')).toEqual([]);
      expect(world.released).toBe(1);
    });
  });

  it('has nothing of where its messages go in its history, also when they fail [I216]', async () => {
    const webhook = await startWebhook();
    webhook.answers.push(500, 404);
    const secret = 'T0/B0/very-secret';
    const env = { REFIT_NOTIFY_URL: `${webhook.url}/${secret}`, REFIT_NOTIFY_TOKEN: `Bearer ${secret}` };
    const headers = [{ name: 'Authorization', env: 'REFIT_NOTIFY_TOKEN' }];
    const o = {
      nodes: 1,
      approval: { before: 'node' as const },
      notifications: [{ ...target('all'), headers }],
    };
    const prepare = (world: FakeWorld) => {
      world.notify = createNotifyActivities({
        notifier: createNotifier({ env, namespace: 'default' }),
      }).notify;
    };
    await withRun(bed, { ...o, prepare, name: 'secret' }, async ({ handle, until, update }) => {
      await until('said', (s) => s.events.some(({ text }) => text.includes('all answered 404')));
      await update('approve', { gate: 'node/n1', by: 'sam' });
      await handle.result();
      expect(webhook.taken.map(({ path }) => path)).toEqual(Array.from({ length: 3 }, () => `/${secret}`));
      expect(webhook.taken[0]?.headers['authorization']).toBe(`Bearer ${secret}`);
      const text = textIn(await handle.fetchHistory());
      expect(text).toContain('REFIT_NOTIFY_TOKEN');
      expect(text).toContain('notification all answered 404');
      expect(text).not.toContain('very-secret');
      expect(text).not.toContain(webhook.url);
    });
  });

  it('that names no place writes no event of it into its history [I216]', async () => {
    await withRun(bed, { nodes: 1, name: 'silent' }, async ({ handle, world }) => {
      await handle.result();
      expect(world.count('notify')).toBe(0);
      const { events } = await handle.fetchHistory();
      const timers = (events ?? []).filter(
        ({ timerStartedEventAttributes: timer }) => timer !== null && timer !== undefined,
      );
      expect(timers).toEqual([]);
    });
  });
});
