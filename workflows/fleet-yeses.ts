// Runs beside a run's loop: tells it when a yes or an approval is void. A timer for the next one alone, and
// none in a run whose policy lets none expire.
import { condition } from '@temporalio/workflow';
import { workflowNow } from './clock.ts';
import { apply } from './fleet-run.ts';
import type { FleetRun } from './fleet-run.ts';
import { msBetween } from '../domain/machines/clock-math.ts';
import { nextExpiry } from '../domain/machines/fleet-expiry.ts';

export async function watchYeses(run: FleetRun): Promise<void> {
  for (;;) {
    await condition(() => run.loaded && nextExpiry(run.state) !== null);
    const due = nextExpiry(run.state);
    if (due === null) continue;
    const changed = () => nextExpiry(run.state) !== due;
    const leftMs = msBetween(workflowNow(), due);
    if (leftMs > 0 && (await condition(changed, leftMs, { summary: 'until a yes is void' }))) continue;
    apply(run, { kind: 'yesesDue' });
  }
}
