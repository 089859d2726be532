// What nodes of this cluster took in earlier runs, out of the records, for the estimate of a plan.
// Must never keep a plan from being made: what cannot be read is as if it were not there.
import type { Records } from '../adapters/ports/records.ts';
import { pastTimesOf } from '../domain/planning/node-span.ts';
import type { PastTimes } from '../domain/planning/node-span.ts';
import type { NodeHistory } from '../domain/report.ts';
import type { RunDefinition } from '../domain/run.ts';

/** The newest; 200 files are read in a fraction of a second. */
const HISTORIES_READ_MAX = 200;

/** Of runs under the id that `refit upgrade` gives them. */
export async function collectPastTimes(records: Records, definition: RunDefinition): Promise<PastTimes> {
  const key = `upgrade.${definition.fleet}.${definition.cluster.name}`;
  try {
    const digests = await records.list({ kind: 'nodeHistory', key });
    const newest = digests.slice(-HISTORIES_READ_MAX);
    const bodies = await Promise.all(newest.map((digest) => records.get(digest).catch(() => undefined)));
    return pastTimesOf(bodies.filter((body) => body !== undefined) as NodeHistory[], definition.pools);
  } catch {
    return {};
  }
}
