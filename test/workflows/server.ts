// A Temporal development server for tests of workflows, in memory. Not by the test environment of the SDK, which
// gives a server five seconds to start: a busy machine takes longer. Must never outlive its tests.
import { Connection } from '@temporalio/client';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureBinaries } from '../../sandbox/binaries.ts';
import { freePort } from '../../sandbox/ports.ts';
import { startProcess, stopProcess } from '../../sandbox/processes.ts';
import { SEARCH_ATTRIBUTES } from '../../workers/search-attributes.ts';

export const TEST_NAMESPACE = 'default';

const HOST = '127.0.0.1';
const NAME = 'temporal';
const STARTS_WITHIN_MS = 300_000;

export type TestServer = { address: string; stop: () => Promise<void> };

/** Ready when it knows the search attributes: it listens before that. */
export async function startTestServer(dynamicConfig: readonly string[]): Promise<TestServer> {
  const { temporal } = await ensureBinaries({ names: ['temporal'], onProgress: () => undefined });
  const dir = await mkdtemp(join(tmpdir(), 'refit-workflows-'));
  const port = await freePort();
  const address = `${HOST}:${String(port)}`;
  await startProcess({
    name: NAME,
    dir,
    command: temporal,
    args: [
      ...['server', 'start-dev', '--ip', HOST, '--port', String(port), '--headless', '--log-level', 'error'],
      ...['--namespace', TEST_NAMESPACE, '--disable-config-file', '--disable-config-env'],
      ...Object.entries(SEARCH_ATTRIBUTES).flatMap(([name, type]) => [
        '--search-attribute',
        `${name}=${type}`,
      ]),
      ...dynamicConfig.flatMap((value) => ['--dynamic-config-value', value]),
    ],
    readyWhen: () => servesAttributes(address),
    timeoutMs: STARTS_WITHIN_MS,
  });
  return {
    address,
    stop: async () => {
      await stopProcess({ name: NAME, dir });
      await rm(dir, { recursive: true, force: true });
    },
  };
}

async function servesAttributes(address: string): Promise<boolean> {
  const connection = await Connection.connect({ address });
  try {
    const known = await connection.operatorService.listSearchAttributes({ namespace: TEST_NAMESPACE });
    return Object.keys(SEARCH_ATTRIBUTES).every((name) => name in (known.customAttributes ?? {}));
  } finally {
    await connection.close();
  }
}
