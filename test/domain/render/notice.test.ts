// The text of a message, word for word, and that strangers' names are nothing but text in it.
import { describe, expect, it } from '@jest/globals';
import { renderSlackText } from '../../../domain/render/notice.ts';
import { noticeOf } from '../../adapters/notify/notices.ts';

describe('a message as text', () => {
  it('asks with evidence, the lines that answer, and the way to more', () => {
    expect(renderSlackText(noticeOf({ gatesLeft: 3 }), 'https://ui.example/x')).toBe(
      [
        '*Approval needed* · prod-east (fleet training)',
        '1 gate waits for a yes: node/ip-10-0-0-1',
        '• *node/ip-10-0-0-1*',
        '    ip-10-0-0-1 (h100, us-east-1a): 2026.09 → 2026.11',
        '    pods to move: 3',
        '```',
        'refit approve node/ip-10-0-0-1 -w upgrade.training.prod-east',
        `temporal workflow signal -w upgrade.training.prod-east --name approve -i '{"gate":"node/ip-10-0-0-1","by":"YOU"}'`,
        '```',
        'and 3 more gates',
        '<https://ui.example/x|upgrade.training.prod-east in the Web UI>',
      ].join('\n'),
    );
  });

  it.each(['updateAvailable', 'drift', 'paused', 'failed', 'finished'] as const)(
    'names %s and its nodes',
    (event) => {
      const nodes = Array.from({ length: 12 }, (_, index) => ({
        cluster: 'dev',
        node: `n${String(index)}`,
        why: 'kubelet is v1.35.4, expected v1.36.1',
      }));
      const notice = noticeOf({ event, cluster: null, summary: 'so it is', gates: [], nodes, nodesLeft: 5 });
      const lines = renderSlackText(notice, null).split('\n');
      expect(lines.slice(0, 3)).toEqual([
        `*${{ updateAvailable: 'Update available', drift: 'Drift', paused: 'Paused', failed: 'Failed', finished: 'Finished' }[event]}* · fleet training`,
        'so it is',
        '• dev/n0: kubelet is v1.35.4, expected v1.36.1',
      ]);
      expect(lines.at(-1)).toBe('and 7 more nodes');
    },
  );

  it('lets no name be a mention, a link or a format', () => {
    const evil = '<!channel> <https://evil.example|click> & ```code``` \u001b[2J';
    const notice = noticeOf({ summary: evil, gates: [{ name: evil, evidence: [evil], answers: [evil] }] });
    const text = renderSlackText(notice, null);
    expect(text).not.toMatch(/<[!h]/);
    expect(text).not.toContain('\u001b');
    expect(text.split('```')).toHaveLength(3);
  });
});
