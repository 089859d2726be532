// Asks an API server whether it is ready, without credentials, as a load balancer does.
import { readFile } from 'node:fs/promises';
import { get } from 'node:https';

const PROBE_TIMEOUT_MS = 10_000;

/** False, or an error, while it is not. */
export async function isApiServerReady(o: { server: string; caFile: string }): Promise<boolean> {
  const ca = await readFile(o.caFile);
  return new Promise((resolve, reject) => {
    const request = get(`${o.server}/readyz`, { ca, agent: false, timeout: PROBE_TIMEOUT_MS }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.once('timeout', () => request.destroy(new Error(`${o.server}/readyz gave no answer in time`)));
    request.once('error', reject);
  });
}
