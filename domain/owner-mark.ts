// The owner mark `<namespace>/<workflowId>/<firstExecutionRunId>`: who works on a node or holds a cluster.
// A workflow id may hold slashes, a namespace and a run id may not: so the first and the last slash divide.
import type { OwnerMark } from './run.ts';

export type OwnerParts = { namespace: string; workflowId: string; firstExecutionRunId: string };

export function renderOwnerMark(parts: OwnerParts): OwnerMark {
  return `${parts.namespace}/${parts.workflowId}/${parts.firstExecutionRunId}`;
}

/** undefined when the text is no owner mark: somebody else wrote it. */
export function parseOwnerMark(text: string): OwnerParts | undefined {
  const firstSlash = text.indexOf('/');
  const lastSlash = text.lastIndexOf('/');
  if (firstSlash <= 0 || lastSlash <= firstSlash + 1 || lastSlash === text.length - 1) return undefined;
  return {
    namespace: text.slice(0, firstSlash),
    workflowId: text.slice(firstSlash + 1, lastSlash),
    firstExecutionRunId: text.slice(lastSlash + 1),
  };
}
