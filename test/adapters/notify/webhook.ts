// A webhook on loopback: keeps what it took, and answers as the test says.
import { afterAll } from '@jest/globals';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Received = { path: string; headers: IncomingHttpHeaders; body: string };

export type Webhook = {
  url: string;
  taken: Received[];
  /** Statuses of the next answers. */
  answers: number[];
  /** When there are none; 204 unless a test says otherwise. */
  always: number;
  close: () => Promise<void>;
};

const open = new Set<Server>();

afterAll(async () => {
  await Promise.all([...open].map((server) => closed(server)));
});

function closed(server: Server): Promise<void> {
  open.delete(server);
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
    server.closeAllConnections();
  });
}

export async function startWebhook(): Promise<Webhook> {
  const taken: Received[] = [];
  const answers: number[] = [];
  const hook: Webhook = { url: '', taken, answers, always: 204, close: () => closed(server) };
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (part: string) => {
      body += part;
    });
    request.on('end', () => {
      taken.push({ path: request.url ?? '', headers: request.headers, body });
      response.writeHead(answers.shift() ?? hook.always, { location: '/elsewhere' }).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.add(server);
  const { port } = server.address() as AddressInfo;
  hook.url = `http://127.0.0.1:${String(port)}`;
  return hook;
}
