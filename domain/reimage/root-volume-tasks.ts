// Which of an instance's root-volume tasks is the one of this attempt, and which of them forbid a new one.
// Must never let a second task begin beside an open one, nor any after a failed-detached one [I44].
//
// The list may be seconds old: a task that began since is refused by EC2 (one open task an instance)
// or is our own (the same ClientToken gives the same task).

/** The part of a root-volume task that this question is about. */
export type TaskFacts = {
  taskId: string;
  imageId: string | null;
  state: 'pending' | 'in-progress' | 'failing' | 'succeeded' | 'failed' | 'failed-detached';
  startedAt: string;
  tags: Readonly<Record<string, string>>;
};

/** Stands on each of our tasks; the token is of one attempt alone, so it tells our task from all others. */
export const CLIENT_TOKEN_TAG = 'refit.dev/client-token';

export type TasksJudgement<T extends TaskFacts> =
  /** This attempt's task exists: follow it, whatever its state. */
  | { kind: 'ours'; task: T }
  /** Nothing stands in the way of a new one. */
  | { kind: 'none' }
  | { kind: 'unsafe'; why: string };

export function judgeTasks<T extends TaskFacts>(tasks: readonly T[], clientToken: string): TasksJudgement<T> {
  const ours = tasks.find((task) => task.tags[CLIENT_TOKEN_TAG] === clientToken);
  if (ours !== undefined) return { kind: 'ours', task: ours };
  const open = tasks.find((task) => isOpen(task));
  if (open !== undefined) {
    return {
      kind: 'unsafe',
      why:
        `root-volume task ${open.taskId} of ${whose(open)} is ${open.state}: ` +
        'wait for its end, look at what it made of the node, then retry',
    };
  }
  const newest = [...tasks].sort((a, b) => Date.parse(b.startedAt) - Date.parse(a.startedAt))[0];
  if (newest?.state === 'failed-detached') {
    return { kind: 'unsafe', why: whyDetached(newest) };
  }
  return { kind: 'none' };
}

function isOpen(task: TaskFacts): boolean {
  return task.state === 'pending' || task.state === 'in-progress' || task.state === 'failing';
}

/** What a person must know about an instance that a task has left without its root. */
export function whyDetached(task: TaskFacts): string {
  return (
    `root-volume task ${task.taskId} ended as failed-detached: the instance has no root volume. ` +
    'It is neither retried nor rebooted; attach a root volume by hand or replace the instance'
  );
}

function whose(task: TaskFacts): string {
  const owner = task.tags['refit.dev/owner'];
  if (owner === undefined) return 'somebody else';
  return `${owner}, attempt ${task.tags['refit.dev/attempt'] ?? 'unknown'},`;
}
