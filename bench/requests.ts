// Requests as the API server's audit log has them, by who sent them. The log alone is believed: no tool is
// asked how many requests it made.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { parseAuditLog } from '../test/checker/audit-log.ts';
import type { Request } from '../test/checker/audit-log.ts';

export type { Request };

export const REFIT = 'refit/';
export const KUBECTL = 'kubectl/';
export const CONTROLLER_MANAGER = 'kube-controller-manager/';

/** Where the log ends now. */
export function endOfLog(path: string): number {
  const file = openSync(path, 'r');
  try {
    return fstatSync(file).size;
  } finally {
    closeSync(file);
  }
}

const CHUNK_BYTES = 16 * 1024 * 1024;

/**
 * Finished requests of these user agents from an offset to the end. Read in pieces: the log of a long bench
 * is longer than a string may be.
 */
export function readRequests(path: string, from: number, agents: readonly string[]): Request[] {
  const wanted = agents.map((agent) => `"userAgent":"${agent}`);
  const kept: string[] = [];
  const decoder = new TextDecoder();
  const file = openSync(path, 'r');
  try {
    let rest = '';
    const chunk = Buffer.alloc(CHUNK_BYTES);
    for (let at = from; ;) {
      const bytes = readSync(file, chunk, 0, CHUNK_BYTES, at);
      if (bytes === 0) break;
      at += bytes;
      const lines = (rest + decoder.decode(chunk.subarray(0, bytes), { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      kept.push(...lines.filter((line) => wanted.some((each) => line.includes(each))));
    }
  } finally {
    closeSync(file);
  }
  return parseAuditLog(kept.join('\n')).filter((request) =>
    agents.some((agent) => request.userAgent.startsWith(agent)),
  );
}

function kindOf(request: Request): string {
  const { verb, resource, subresource } = request;
  return `${verb} ${resource === '' ? '(no resource)' : resource}${subresource === '' ? '' : `/${subresource}`}`;
}

/** By `verb resource/subresource`, the most frequent first. */
export function countByKind(requests: readonly Request[]): [string, number][] {
  const counts = new Map<string, number>();
  for (const request of requests) counts.set(kindOf(request), (counts.get(kindOf(request)) ?? 0) + 1);
  return [...counts].sort((one, other) => other[1] - one[1] || one[0].localeCompare(other[0]));
}

function isEviction(request: Request): boolean {
  return request.verb === 'create' && request.resource === 'pods' && request.subresource === 'eviction';
}

export function evictionsTaken(requests: readonly Request[]): Request[] {
  return requests.filter((request) => isEviction(request) && request.status < 300);
}

export function evictionsRefused(requests: readonly Request[]): Request[] {
  return requests.filter((request) => isEviction(request) && request.status === 429);
}

/** The most of these that one pod saw within any window of this length. */
export function mostPerPodWithin(requests: readonly Request[], windowMs: number): number {
  const byPod = new Map<string, number[]>();
  for (const { namespace, name, at } of requests) {
    const key = `${namespace}/${name}`;
    byPod.set(key, [...(byPod.get(key) ?? []), at]);
  }
  let most = 0;
  for (const times of byPod.values()) {
    times.sort((one, other) => one - other);
    for (const [first, start] of times.entries()) {
      const within = times.slice(first).filter((at) => at < start + windowMs).length;
      most = Math.max(most, within);
    }
  }
  return most;
}
