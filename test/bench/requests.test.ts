// What is counted in the audit log, and what is not.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  REFIT,
  countByKind,
  endOfLog,
  evictionsRefused,
  evictionsTaken,
  mostPerPodWithin,
  readRequests,
} from '../../bench/requests.ts';
import type { Request } from '../../bench/requests.ts';

const request = (o: Partial<Request> = {}): Request => ({
  at: 0,
  verb: 'create',
  userAgent: 'refit/0.1.0',
  resource: 'pods',
  subresource: 'eviction',
  namespace: 'bench',
  name: 'pod-1',
  status: 201,
  body: {},
  ...o,
});

const line = (userAgent: string, name: string): string =>
  `${JSON.stringify({
    stage: 'ResponseComplete',
    verb: 'get',
    userAgent,
    stageTimestamp: '2026-01-01T00:00:00Z',
    objectRef: { resource: 'pods', name },
    responseStatus: { code: 200 },
    requestObject: { note: `"userAgent":"refit/ not really"` },
  })}\n`;

describe('requests from the audit log', () => {
  let dir = '';
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'refit-bench-test-'));
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  it('reads what was written after an offset, of the asked user agents alone', () => {
    const path = join(dir, 'audit.log');
    writeFileSync(path, line('refit/0.1.0', 'before'));
    const from = endOfLog(path);
    appendFileSync(path, line('refit/0.1.0', 'ours') + line('kubectl/v1.36.1', 'theirs'));
    expect(readRequests(path, from, [REFIT]).map((each) => each.name)).toEqual(['ours']);
  });

  it('counts by verb, resource and subresource, the most frequent first', () => {
    const requests = [request({ verb: 'get', subresource: '' }), request(), request()];
    expect(countByKind(requests)).toEqual([
      ['create pods/eviction', 2],
      ['get pods', 1],
    ]);
  });

  it('tells evictions that were taken from those refused', () => {
    const requests = [
      request(),
      request({ status: 429 }),
      request({ status: 409 }),
      request({ verb: 'get' }),
    ];
    expect(evictionsTaken(requests)).toHaveLength(1);
    expect(evictionsRefused(requests)).toHaveLength(1);
  });

  it('finds the densest window of one pod, and keeps pods apart', () => {
    const at = [0, 29_999, 30_000, 59_000].map((each) => request({ at: each }));
    expect(mostPerPodWithin(at, 30_000)).toBe(3);
    expect(mostPerPodWithin([request(), request({ name: 'pod-2' })], 30_000)).toBe(1);
    expect(mostPerPodWithin([request(), request({ at: 30_000 })], 30_000)).toBe(1);
  });
});
