// Free loopback ports for servers that must come back on the same port after a restart. They lie below the
// range that systems hand out to outgoing connections, so that no client takes one while its server is down.
import getPort from 'get-port';

const LOWEST_PORT = 20_000;
const HIGHEST_PORT = 31_999;
// Enough that a crowded machine still yields one, few enough that a broken one fails at once.
const CANDIDATES = 100;

function candidates(): number[] {
  const span = HIGHEST_PORT - LOWEST_PORT + 1;
  return Array.from({ length: CANDIDATES }, () => LOWEST_PORT + Math.floor(Math.random() * span));
}

export async function freePort(): Promise<number> {
  const port = await getPort({ host: '127.0.0.1', port: candidates(), reserve: true });
  if (port < LOWEST_PORT || port > HIGHEST_PORT) {
    throw new Error(
      `no free port between ${String(LOWEST_PORT)} and ${String(HIGHEST_PORT)} on 127.0.0.1, in ${String(CANDIDATES)} tries`,
    );
  }
  return port;
}
