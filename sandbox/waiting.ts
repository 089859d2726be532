// Waits for a condition by asking again, with a limit. It must never be used to let time pass in the
// hope that something has happened meanwhile.
import { setTimeout as pause } from 'node:timers/promises';

// Short enough that a start is not slowed by it, long enough that a probe does not become the load.
const PROBE_INTERVAL_MS = 50;

export async function waitUntil(o: {
  condition: () => Promise<boolean>;
  timeoutMs: number;
  onTimeout: () => Error | Promise<Error>;
}): Promise<void> {
  const deadline = performance.now() + o.timeoutMs;
  while (!(await o.condition())) {
    if (performance.now() >= deadline) throw await o.onTimeout();
    await pause(PROBE_INTERVAL_MS);
  }
}
