// The witness itself must be able to say no.
import { describe, expect, it } from '@jest/globals';
import {
  awayAtCordons,
  bootHistory,
  cordonHistory,
  evictions,
  otherPodWrites,
  parseAuditLog,
  uncordonedTooSoon,
} from './audit-log.ts';

let second = 0;
function line(verb: string, ref: object, body: object, userAgent = 'refit/0.1.0', code = 200): string {
  second += 1;
  return JSON.stringify({
    requestObject: body,
    stage: 'ResponseComplete',
    verb,
    userAgent,
    objectRef: ref,
    responseStatus: { code },
    stageTimestamp: new Date(second * 1000).toISOString(),
  });
}
const node = (name: string, subresource?: string) => ({ resource: 'nodes', name, subresource });
const cordon = (name: string, code = 200) =>
  line('patch', node(name), { spec: { unschedulable: true } }, 'refit/1', code);
const uncordon = (name: string) => line('patch', node(name), { spec: { unschedulable: null } });

describe('the audit log as witness', () => {
  it('counts how many nodes were cordoned at once, and how often each', () => {
    const history = cordonHistory(
      parseAuditLog([cordon('a'), cordon('b'), uncordon('a'), cordon('c'), cordon('a')].join('\n')),
    );
    expect(history.most.count).toBe(3);
    expect(history.cordons.get('a')).toBe(2);
    expect(history.cordonedAtEnd.sort()).toEqual(['a', 'b', 'c']);
  });

  it('tells at each cordon how many nodes are away with it', () => {
    const lines = [cordon('a'), cordon('b'), cordon('b'), uncordon('a'), cordon('c', 409), cordon('c')];
    const starts = awayAtCordons(parseAuditLog(lines.join('\n')));
    expect(starts.map(({ node, away }) => `${node} ${String(away)}`)).toEqual(['a 1', 'b 2', 'c 2']);
  });

  it('does not count a refused cordon, nor the same cordon twice', () => {
    const history = cordonHistory(parseAuditLog([cordon('a', 409), cordon('b'), cordon('b')].join('\n')));
    expect([...history.cordons]).toEqual([['b', 1]]);
  });

  it('sees an eviction without UID and a plain delete', () => {
    const requests = parseAuditLog(
      [
        line('create', { resource: 'pods', subresource: 'eviction', name: 'p', namespace: 'n' }, {}),
        line(
          'create',
          { resource: 'pods', subresource: 'eviction', name: 'q', namespace: 'n' },
          { deleteOptions: { preconditions: { uid: 'u' } } },
        ),
        line('delete', { resource: 'pods', name: 'p', namespace: 'n' }, {}),
        line('delete', { resource: 'pods', name: 'x', namespace: 'n' }, {}, 'kube-controller-manager/v1'),
      ].join('\n'),
    );
    expect(evictions(requests).map((one) => one.hasUid)).toEqual([false, true]);
    expect(otherPodWrites(requests).map((one) => one.name)).toEqual(['p']);
  });

  it('sees when a node showed another boot', () => {
    const status = (bootID: string, kubeletVersion: string) =>
      line(
        'patch',
        node('a', 'status'),
        { status: { nodeInfo: { bootID, kubeletVersion } } },
        'sandbox-bridge',
      );
    const boots = bootHistory(
      parseAuditLog([status('1', 'v1'), status('1', 'v1'), status('2', 'v2')].join('\n')),
    );
    expect(boots.get('a')?.map((one) => one.kubelet)).toEqual(['v1', 'v2']);
  });

  it('leaves out a line that is still being written', () => {
    expect(parseAuditLog(`${cordon('a')}\n{"stage":"Resp`)).toHaveLength(1);
    expect(parseAuditLog(`${cordon('a')}\n{"objectRef":{"name":"b"}`)).toHaveLength(1);
    expect(() => parseAuditLog(`{"stage":"Resp\n${cordon('a')}`)).toThrow();
  });

  it('sees an uncordon before another boot and another kubelet', () => {
    const status = (bootID: string, kubeletVersion: string) =>
      line('patch', node('a', 'status'), { status: { nodeInfo: { bootID, kubeletVersion } } }, 'bridge');
    const log = (...lines: string[]) => uncordonedTooSoon(parseAuditLog(lines.join('\n')));
    const why = (...lines: string[]) => log(...lines).map((one) => one.why);
    expect(why(status('1', 'v1'), cordon('a'), uncordon('a'))).toEqual(['still boot 1']);
    expect(why(status('1', 'v1'), cordon('a'), status('2', 'v1'), uncordon('a'))).toEqual([
      'still kubelet v1',
    ]);
    expect(why(cordon('a'), uncordon('a'))).toEqual(['no boot was seen']);
    expect(why(status('1', 'v1'), cordon('a'), uncordon('a'), status('2', 'v2'))).toEqual(['still boot 1']);
    expect(why(status('1', 'v1'), cordon('a'), status('2', 'v2'), uncordon('a'))).toEqual([]);
  });
});
