// The one clock of workflow code. Must never be imported outside of workflows: there it would be real.

/** RFC 3339. The time of the workflow task at hand, the same at every replay: the sandbox replaces Date. */
export function workflowNow(): string {
  return new Date(Date.now()).toISOString();
}
