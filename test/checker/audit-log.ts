// An independent witness: what really happened on a cluster, read from the API server's own audit log.
// It shares no code and no state with what it judges, and it must never trust Refit's own reports.
import { readFileSync } from 'node:fs';

/** One finished request, as the audit log has it. */
export type Request = {
  at: number;
  verb: string;
  userAgent: string;
  resource: string;
  subresource: string;
  namespace: string;
  name: string;
  status: number;
  body: Record<string, unknown>;
};

type AuditLine = {
  stage: string;
  verb: string;
  userAgent?: string;
  stageTimestamp: string;
  objectRef?: { resource?: string; subresource?: string; namespace?: string; name?: string };
  responseStatus?: { code?: number };
  requestObject?: Record<string, unknown>;
};

/** All finished requests of the log, in the order in which they were answered. */
export function readAuditLog(path: string): Request[] {
  return parseAuditLog(readFileSync(path, 'utf8'));
}

export function parseAuditLog(text: string): Request[] {
  const requests: Request[] = [];
  const lines = text.split('\n');
  for (const [at, line] of lines.entries()) {
    if (line === '') continue;
    const event = at === lines.length - 1 ? parseLast(line) : (JSON.parse(line) as AuditLine);
    if (event?.stage !== 'ResponseComplete') continue;
    requests.push({
      at: Date.parse(event.stageTimestamp),
      verb: event.verb,
      userAgent: event.userAgent ?? '',
      resource: event.objectRef?.resource ?? '',
      subresource: event.objectRef?.subresource ?? '',
      namespace: event.objectRef?.namespace ?? '',
      name: event.objectRef?.name ?? '',
      status: event.responseStatus?.code ?? 0,
      body: event.requestObject ?? {},
    });
  }
  return requests.sort((one, other) => one.at - other.at);
}

/** The last line of a log that is being written may be half a line, cut off anywhere. */
function parseLast(line: string): AuditLine | undefined {
  try {
    return JSON.parse(line) as AuditLine;
  } catch {
    return undefined;
  }
}

export const byRefit = (request: Request): boolean => request.userAgent.startsWith('refit/');

/** true: cordons; false: uncordons; undefined: says nothing of it. */
function unschedulableOf(request: Request): boolean | undefined {
  const writes = ['patch', 'update'].includes(request.verb) && request.status < 300;
  if (!writes || request.resource !== 'nodes' || request.subresource !== '') return undefined;
  const spec = request.body['spec'];
  if (typeof spec !== 'object' || spec === null || !('unschedulable' in spec)) return undefined;
  return spec.unschedulable === true;
}

export type CordonHistory = {
  /** How often each node went from schedulable to cordoned. */
  cordons: Map<string, number>;
  /** When each node went from schedulable to cordoned, and back. */
  cordonTimes: Map<string, number[]>;
  uncordons: Map<string, number[]>;
  /** Who wrote `spec.unschedulable`, by user agent. */
  agents: Set<string>;
  /** The most nodes that were cordoned at one moment, and which. */
  most: { count: number; nodes: string[] };
  /** Still cordoned at the log's end. */
  cordonedAtEnd: string[];
};

/** Follows `spec.unschedulable` of every node through the log, whoever wrote it. */
export function cordonHistory(requests: readonly Request[]): CordonHistory {
  const cordoned = new Set<string>();
  const history: CordonHistory = {
    cordons: new Map(),
    cordonTimes: new Map(),
    uncordons: new Map(),
    agents: new Set(),
    most: { count: 0, nodes: [] },
    cordonedAtEnd: [],
  };
  for (const request of requests) {
    const unschedulable = unschedulableOf(request);
    if (unschedulable !== undefined) history.agents.add(request.userAgent);
    if (unschedulable === true && !cordoned.has(request.name)) {
      cordoned.add(request.name);
      history.cordons.set(request.name, (history.cordons.get(request.name) ?? 0) + 1);
      history.cordonTimes.set(request.name, [...(history.cordonTimes.get(request.name) ?? []), request.at]);
      if (cordoned.size > history.most.count) history.most = { count: cordoned.size, nodes: [...cordoned] };
    }
    if (unschedulable === false && cordoned.delete(request.name)) {
      history.uncordons.set(request.name, [...(history.uncordons.get(request.name) ?? []), request.at]);
    }
  }
  history.cordonedAtEnd = [...cordoned];
  return history;
}

/** At each cordon, how many nodes were cordoned at that moment, the new one among them. */
export function awayAtCordons(requests: readonly Request[]): { node: string; at: number; away: number }[] {
  const cordoned = new Set<string>();
  const starts: { node: string; at: number; away: number }[] = [];
  for (const request of requests) {
    const unschedulable = unschedulableOf(request);
    if (unschedulable === false) cordoned.delete(request.name);
    if (unschedulable !== true || cordoned.has(request.name)) continue;
    cordoned.add(request.name);
    starts.push({ node: request.name, at: request.at, away: cordoned.size });
  }
  return starts;
}

/** Times at which each node's status first showed another bootID and kubelet version. */
export function bootHistory(
  requests: readonly Request[],
): Map<string, { at: number; bootId: string; kubelet: string }[]> {
  const boots = new Map<string, { at: number; bootId: string; kubelet: string }[]>();
  for (const request of requests) {
    if (request.resource !== 'nodes' || request.subresource !== 'status' || request.status >= 300) continue;
    const info = (
      request.body['status'] as { nodeInfo?: { bootID?: string; kubeletVersion?: string } } | undefined
    )?.nodeInfo;
    if (info?.bootID === undefined || info.bootID === '') continue;
    const seen = boots.get(request.name) ?? [];
    if (seen.at(-1)?.bootId === info.bootID) continue;
    seen.push({ at: request.at, bootId: info.bootID, kubelet: info.kubeletVersion ?? '' });
    boots.set(request.name, seen);
  }
  return boots;
}

/**
 * Nodes that were uncordoned although no other boot with another kubelet had been seen since their cordon.
 * What the log does not show counts as not seen.
 */
export function uncordonedTooSoon(requests: readonly Request[]): { node: string; why: string }[] {
  const { cordonTimes, uncordons } = cordonHistory(requests);
  const boots = bootHistory(requests);
  const found: { node: string; why: string }[] = [];
  for (const [node, times] of uncordons) {
    times.forEach((uncordonedAt, at) => {
      const cordonedAt = cordonTimes.get(node)?.[at] ?? uncordonedAt;
      const seen = boots.get(node) ?? [];
      const before = seen.findLast((boot) => boot.at <= cordonedAt);
      const after = seen.findLast((boot) => boot.at <= uncordonedAt);
      if (before === undefined || after === undefined) found.push({ node, why: 'no boot was seen' });
      else if (before.bootId === after.bootId) found.push({ node, why: `still boot ${after.bootId}` });
      else if (before.kubelet === after.kubelet) found.push({ node, why: `still kubelet ${after.kubelet}` });
    });
  }
  return found;
}

/** Evictions that Refit sent: with which answer, and whether they carried the pod's UID. */
export function evictions(requests: readonly Request[]): { request: Request; hasUid: boolean }[] {
  return requests
    .filter(
      (one) =>
        byRefit(one) && one.resource === 'pods' && one.subresource === 'eviction' && one.verb === 'create',
    )
    .map((request) => {
      const options = request.body['deleteOptions'] as { preconditions?: { uid?: string } } | undefined;
      return { request, hasUid: (options?.preconditions?.uid ?? '') !== '' };
    });
}

/** Writes of Refit to pods that are not evictions: there must be none. */
export function otherPodWrites(requests: readonly Request[]): Request[] {
  const writes = ['create', 'update', 'patch', 'delete', 'deletecollection'];
  return requests.filter(
    (one) =>
      byRefit(one) && one.resource === 'pods' && one.subresource !== 'eviction' && writes.includes(one.verb),
  );
}

/** Refit's requests counted by `verb resource/subresource`. */
export function requestCounts(requests: readonly Request[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const one of requests.filter(byRefit)) {
    const key = `${one.verb} ${one.resource}${one.subresource === '' ? '' : `/${one.subresource}`}`;
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}
