// Deletes old root volumes whose time has come, also when no run comes to its end for months: what was
// said to stay seven days must not cost for ever. Must never stop a worker, nor keep one from stopping.
import type { ActivityDeps } from '../activities/deps.ts';
import type { Provider } from '../domain/fleet.ts';

type ReaperDeps = Pick<ActivityDeps, 'fleetFiles' | 'instances' | 'now'>;

/** Volumes are kept for days: an hour more is nothing, and one DescribeVolumes an hour costs nothing. */
export const REAP_EVERY_MS = 3_600_000;

/** Each region of the fleet files once; answers what was deleted, and what went wrong in words. */
export async function reapOnce(
  deps: ReaperDeps,
): Promise<{ reaped: readonly string[]; troubles: readonly string[] }> {
  const reaped: string[] = [];
  const troubles: string[] = [];
  try {
    const fleets = await deps.fleetFiles.collectFleets();
    const providers = new Map<string, Provider>(
      fleets.flatMap(({ clusters }) =>
        clusters.map(({ provider }) => [`${provider.kind}/${provider.region}`, provider] as const),
      ),
    );
    for (const provider of providers.values()) {
      try {
        reaped.push(...(await deps.instances.reapOldRootVolumes(provider, deps.now().toISOString())));
      } catch (error) {
        troubles.push(textOf(error));
      }
    }
  } catch (error) {
    troubles.push(textOf(error));
  }
  return { reaped, troubles };
}

/** Reaps once an hour until it is stopped. Several workers may do it at once: a volume goes once. */
export function startReaper(deps: ReaperDeps, say: (text: string) => void): () => void {
  const timer = setInterval(() => {
    void reapOnce(deps).then(({ reaped, troubles }) => {
      if (reaped.length > 0) say(`deleted old root volumes whose time had come: ${reaped.join(', ')}`);
      for (const text of troubles) say(`old root volumes were not looked at: ${text}`);
    });
  }, REAP_EVERY_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
  };
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
