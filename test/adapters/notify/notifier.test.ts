// Messages to people, received by a real HTTP server and read by the CloudEvents SDK.
import { describe, expect, it } from '@jest/globals';
import { HTTP } from 'cloudevents';
import type { CloudEvent } from 'cloudevents';
import { createNotifier } from '../../../adapters/notify/notifier.ts';
import { PortError } from '../../../adapters/ports/errors.ts';
import { noticeOf, targetOf } from './notices.ts';
import { startWebhook } from './webhook.ts';

const AT = '2026-11-21T12:00:00.000Z';
const SECRET = 'xoxb-very-secret';

function notifierOf(env: Record<string, string>) {
  return createNotifier({ env, namespace: 'fleets' });
}

async function errorOf(sending: Promise<void>): Promise<PortError> {
  const error = await sending.then(
    () => undefined,
    (e: unknown) => e,
  );
  if (!(error instanceof PortError)) throw new Error(`expected a refusal, got ${String(error)}`);
  return error;
}

describe('a CloudEvent', () => {
  it.each(['binary', 'structured'] as const)('in %s mode is one that the SDK reads [I219]', async (form) => {
    const webhook = await startWebhook();
    const env = {
      REFIT_NOTIFY_URL: `${webhook.url}/events`,
      REFIT_NOTIFY_TOKEN: SECRET,
      REFIT_UI: 'https://temporal.example/',
    };
    const headers = [{ name: 'Authorization', env: 'REFIT_NOTIFY_TOKEN' }];
    const notice = noticeOf();
    await notifierOf(env).send(targetOf({ form, headers }), { id: 'id-1', at: AT, notice });
    const [received] = webhook.taken;
    expect(received?.path).toBe('/events');
    expect(received?.headers['authorization']).toBe(SECRET);
    expect(received?.headers['user-agent']).toMatch(/^refit\//);
    const { headers: sent = {}, body = '' } = received ?? {};
    const event = HTTP.toEvent({ headers: sent, body }) as CloudEvent<unknown>;
    expect(event).toMatchObject({
      specversion: '1.0',
      id: 'id-1',
      type: 'dev.refit.approvalNeeded',
      source: '/refit/fleets/upgrade.training.prod-east',
      subject: 'prod-east',
      time: AT,
      datacontenttype: 'application/json',
      data: {
        ...notice,
        link: 'https://temporal.example/namespaces/fleets/workflows/upgrade.training.prod-east',
      },
    });
    expect('ce-id' in (received?.headers ?? {})).toBe(form === 'binary');
  });

  it('may be about a workflow of any name', async () => {
    const webhook = await startWebhook();
    const notice = noticeOf({ workflowId: 'größer / as\n ever', cluster: null });
    const notifier = notifierOf({ REFIT_NOTIFY_URL: webhook.url });
    await notifier.send(targetOf(), { id: 'id-1', at: AT, notice });
    const { headers = {}, body = '' } = webhook.taken[0] ?? {};
    const event = HTTP.toEvent({ headers, body }) as CloudEvent<{ workflowId: string; link: unknown }>;
    expect(event.data).toMatchObject({ workflowId: 'größer / as\n ever', link: null });
    expect(event.subject).toBe('training');
  });
});

describe('a Slack-compatible webhook', () => {
  it('gets a text', async () => {
    const webhook = await startWebhook();
    const message = { id: 'id-1', at: AT, notice: noticeOf() };
    await notifierOf({ REFIT_NOTIFY_URL: webhook.url }).send(targetOf({ form: 'slack' }), message);
    expect(webhook.taken[0]?.headers['content-type']).toBe('application/json; charset=utf-8');
    const { text } = JSON.parse(webhook.taken[0]?.body ?? '') as { text: string };
    expect(text).toContain('*Approval needed* · prod-east (fleet training)');
  });
});

describe('what cannot be sent', () => {
  it.each([
    [500, 'unreachable'],
    [408, 'unreachable'],
    [429, 'throttled'],
    [403, 'forbidden'],
    [404, 'invalid'],
    [302, 'invalid'],
  ] as const)('is told by the status %i, as %s, and leads nowhere else', async (status, kind) => {
    const webhook = await startWebhook();
    webhook.answers.push(status);
    const env = { REFIT_NOTIFY_URL: `${webhook.url}/services/${SECRET}` };
    const error = await errorOf(notifierOf(env).send(targetOf(), { id: 'i', at: AT, notice: noticeOf() }));
    expect(error).toMatchObject({ kind, message: `notification oncall answered ${String(status)}` });
    expect(webhook.taken).toHaveLength(1);
  });

  it('reads no other variable of the worker, whoever asks for it [I216]', async () => {
    const webhook = await startWebhook();
    const notifier = notifierOf({ REFIT_NOTIFY_URL: webhook.url, AWS_SECRET_ACCESS_KEY: SECRET });
    const headers = [{ name: 'X-Key', env: 'AWS_SECRET_ACCESS_KEY' }];
    const error = await errorOf(
      notifier.send(targetOf({ headers }), { id: 'i', at: AT, notice: noticeOf() }),
    );
    expect(error.kind).toBe('invalid');
    expect(webhook.taken).toEqual([]);
  });

  it('is told by names of variables, never by what they hold [I216]', async () => {
    const webhook = await startWebhook();
    await webhook.close();
    const headers = [{ name: 'Authorization', env: 'REFIT_NOTIFY_TOKEN' }];
    const cases: [Record<string, string>, string][] = [
      [{ REFIT_NOTIFY_URL: `${webhook.url}/${SECRET}` }, 'REFIT_NOTIFY_TOKEN, which is not set'],
      [{ REFIT_NOTIFY_TOKEN: SECRET }, 'REFIT_NOTIFY_URL, which is not set'],
      [{ REFIT_NOTIFY_URL: SECRET, REFIT_NOTIFY_TOKEN: SECRET }, 'REFIT_NOTIFY_URL, which holds none'],
      [{ REFIT_NOTIFY_URL: `file:///${SECRET}`, REFIT_NOTIFY_TOKEN: SECRET }, 'which holds none'],
      [{ REFIT_NOTIFY_URL: `${webhook.url}/${SECRET}`, REFIT_NOTIFY_TOKEN: SECRET }, 'ECONNREFUSED'],
      [{ REFIT_NOTIFY_URL: `http://${SECRET}.invalid`, REFIT_NOTIFY_TOKEN: SECRET }, 'cannot be reached'],
      [{ REFIT_NOTIFY_URL: webhook.url, REFIT_NOTIFY_TOKEN: `${SECRET}\nx` }, 'UND_ERR_INVALID_ARG'],
    ];
    for (const [env, why] of cases) {
      const sending = notifierOf(env).send(targetOf({ headers }), { id: 'i', at: AT, notice: noticeOf() });
      const error = await errorOf(sending);
      expect(error.message).toContain(why);
      expect(`${error.message} ${error.stack ?? ''} ${String(error.cause)}`).not.toContain(SECRET);
      expect(error.message).not.toContain('127.0.0.1');
    }
  });
});
