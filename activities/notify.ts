// Tells people one thing at one place, once for each try. Thin: what is said comes from the workflow, where
// it goes from the worker's variables. Must never carry either into a failure.
import { createHash } from 'node:crypto';
import type { NotifyActivities } from './api.ts';
import { mapped } from './attempt.ts';
import type { ActivityDeps } from './deps.ts';

export function createNotifyActivities(deps: Pick<ActivityDeps, 'notifier'>): NotifyActivities {
  return {
    notify: ({ target, about, at, notice }) =>
      mapped(() => deps.notifier.send(target, { id: idOf([...about, notice.event]), at, notice })),
  };
}

/** Equal for the same thing, whichever try, worker or run of the chain tells it. */
function idOf(parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
}
