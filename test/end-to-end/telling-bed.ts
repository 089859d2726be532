// Who is told in a test: receivers on loopback, among them some that are of no use, and a fleet file that names
// them by variables of the worker. Must never put what the variables hold anywhere but into the worker's environment.
import { HTTP } from 'cloudevents';
import type { CloudEvent } from 'cloudevents';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { parse, stringify } from 'yaml';
import type { Notice } from '../../domain/notification.ts';
import { startWebhook } from '../adapters/notify/webhook.ts';
import type { Received, Webhook } from '../adapters/notify/webhook.ts';
import type { Bed } from './bed.ts';

/** Part of every URL and of the header: nobody but the receivers may ever see it. */
export const SECRET = 'very-secret-8f1e';
const UI = 'https://temporal.example';

type Told = Notice & { link: string | null };

export type Receivers = {
  /** Takes everything, as CloudEvents in both modes and as a chat does. */
  webhook: Webhook;
  /** Of two that never take anything: how often they were tried. */
  down: { tries: number };
  silent: { tries: number };
  close: () => Promise<void>;
};

type Useless = { url: string; seen: { tries: number }; close: () => Promise<void> };

/** A server that takes connections, and does with them what it likes. */
async function startUseless(onConnection: (socket: Socket) => void): Promise<Useless> {
  const seen = { tries: 0 };
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    seen.tries += 1;
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => {
        resolve();
      });
      for (const socket of sockets) socket.destroy();
    });
  return { url: `http://127.0.0.1:${String(port)}`, seen, close };
}

const ALL = ['updateAvailable', 'drift', 'approvalNeeded', 'paused', 'failed', 'finished'];
/** A watch waits for its messages, and so does the end of a run, a little: those that go well have none of these. */
const WHILE_IT_RUNS = ['approvalNeeded', 'paused'];

const place = (name: string, kind: string, events: readonly string[], more: object = {}) => ({
  name,
  kind,
  urlFrom: { env: `REFIT_NOTIFY_${name.toUpperCase()}` },
  events,
  ...more,
});

const BUS_HEADERS = { headersFrom: [{ name: 'Authorization', env: 'REFIT_NOTIFY_TOKEN' }] };
const PLACES = [
  place('bus', 'cloudEvents', ALL, { mode: 'structured', ...BUS_HEADERS }),
  place('binary', 'cloudEvents', ALL),
  place('chat', 'slack', ALL),
  place('gone', 'cloudEvents', ['approvalNeeded']),
  place('down', 'cloudEvents', WHILE_IT_RUNS),
  place('silent', 'slack', WHILE_IT_RUNS),
];

/** Before the worker is started: it reads its variables from its own environment. */
export async function startReceivers(bed: Bed): Promise<Receivers> {
  const webhook = await startWebhook();
  const goneHook = await startWebhook();
  goneHook.always = 404;
  const down = await startUseless((socket) => socket.destroy());
  const silent = await startUseless((socket) => socket.resume());
  const urls = { bus: webhook, binary: webhook, chat: webhook, gone: goneHook, down, silent };
  for (const [name, { url }] of Object.entries(urls)) {
    bed.env[`REFIT_NOTIFY_${name.toUpperCase()}`] = `${url}/${SECRET}/${name}`;
  }
  bed.env['REFIT_NOTIFY_TOKEN'] = `Bearer ${SECRET}`;
  bed.env['REFIT_UI'] = UI;
  editFleetFile(bed, (spec) => ({ ...spec, notifications: PLACES }));
  const close = async () => {
    await Promise.all([down.close(), silent.close()]);
  };
  return { webhook, down: down.seen, silent: silent.seen, close };
}

type Spec = Record<string, unknown> & { releases: { name: string }[] };

/** As a platform team would edit it; answers what undoes it. */
export function editFleetFile(bed: Bed, change: (spec: Spec) => Record<string, unknown>): () => void {
  const path = bed.sandbox.fleet;
  const before = readFileSync(path, 'utf8');
  const file = parse(before) as { spec: Spec };
  writeFileSync(path, stringify({ ...file, spec: change(file.spec) }));
  return () => {
    writeFileSync(path, before);
  };
}

const at = (webhook: Webhook, name: string): readonly Received[] =>
  webhook.taken.filter(({ path }) => path === `/${SECRET}/${name}`);

const eventOf = ({ headers, body }: Received): CloudEvent<Told> => {
  const event = HTTP.toEvent<Told>({ headers, body });
  if (Array.isArray(event)) throw new Error('one event a request');
  return event as CloudEvent<Told>;
};

/** As the official SDK reads them, each once: one that may have arrived is sent again under the same id. */
export function eventsAt(webhook: Webhook, name: 'bus' | 'binary'): readonly CloudEvent<Told>[] {
  const byId = new Map(at(webhook, name).map((one) => [eventOf(one).id, eventOf(one)] as const));
  return [...byId.values()];
}

export const chatTexts = (webhook: Webhook): readonly string[] =>
  at(webhook, 'chat').map(({ body }) => (JSON.parse(body) as { text: string }).text);

/** Events of a run or a watch, as the bus took them. */
export function told({ webhook }: Receivers, workflowId: string | RegExp): readonly Told[] {
  return eventsAt(webhook, 'bus').flatMap(({ data }) => {
    if (data === undefined) return [];
    const { workflowId: id } = data;
    return (typeof workflowId === 'string' ? id === workflowId : workflowId.test(id)) ? [data] : [];
  });
}

export const toldOf = (receivers: Receivers, workflowId: string, event: string): Told | undefined =>
  told(receivers, workflowId).find((one) => one.event === event);

/** Everything that can be read in a history, payloads included. */
export function textIn(value: unknown): string {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
  if (typeof value === 'object' && value !== null) return Object.values(value).map(textIn).join('\n');
  return typeof value === 'string' ? value : '';
}
