// The activity that tells people, with the real notifier and a real HTTP server.
import { describe, expect, it } from '@jest/globals';
import { createNotifyActivities } from '../../activities/notify.ts';
import { createNotifier } from '../../adapters/notify/notifier.ts';
import { noticeOf, targetOf } from '../adapters/notify/notices.ts';
import { startWebhook } from '../adapters/notify/webhook.ts';
import { runActivity } from './activity-runner.ts';

const SECRET = 'T0/B0/very-secret';
const input = {
  target: targetOf(),
  about: ['run-1', 'g1@a', 'g2@a'],
  at: '2026-11-21T12:00:00.000Z',
  notice: noticeOf(),
};

describe('telling people', () => {
  it('is tried again where it may help, under one id, and never tells a secret [I216] [I219]', async () => {
    const webhook = await startWebhook();
    const env = { REFIT_NOTIFY_URL: `${webhook.url}/${SECRET}` };
    const { notify } = createNotifyActivities({ notifier: createNotifier({ env, namespace: 'default' }) });
    webhook.answers.push(503, 204);
    const first = await runActivity(notify, input);
    if (first.kind !== 'failed') throw new Error('the first try is refused');
    expect(first.failure).toMatchObject({ type: 'Unreachable', nonRetryable: false });
    const { message, stack, cause } = first.failure;
    expect([message, stack, (cause as Error).message, (cause as Error).stack].join()).not.toContain(SECRET);
    expect((await runActivity(notify, input)).kind).toBe('answered');
    const ids = webhook.taken.map(({ headers }) => headers['ce-id']);
    expect(ids[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(ids[1]).toBe(ids[0]);
    await runActivity(notify, { ...input, about: ['run-1', 'g3@b'] });
    expect(webhook.taken[2]?.headers['ce-id']).not.toBe(ids[0]);
  });

  it('is given up at once where another try changes nothing', async () => {
    const webhook = await startWebhook();
    webhook.answers.push(404);
    const notifier = createNotifier({ env: { REFIT_NOTIFY_URL: webhook.url }, namespace: 'default' });
    const ending = await runActivity(createNotifyActivities({ notifier }).notify, input);
    if (ending.kind !== 'failed') throw new Error('it is refused');
    expect(ending.failure).toMatchObject({ type: 'Invalid', nonRetryable: true });
  });
});
