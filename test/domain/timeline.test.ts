// What each node of a run did when, as lanes of spans, and as lines on a terminal.
import { describe, expect, it } from '@jest/globals';
import { renderGantt } from '../../domain/render/gantt.ts';
import type { NodeHistory } from '../../domain/report.ts';
import { countAtWork, timelineOf } from '../../domain/timeline.ts';
import { sampleHistory, sampleReport } from './render/sample-run.ts';

const at = (minute: number) =>
  new Date(Date.parse('2026-11-20T10:00:00.000Z') + minute * 60_000).toISOString();

/** Cordoned at `from`, drained for a third, reimaged for the rest. */
function historyOf(node: string, from: number, to: number, changes: Partial<NodeHistory> = {}): NodeHistory {
  return sampleHistory({
    node,
    startedAt: at(from),
    endedAt: at(to),
    transitions: [
      { at: at(from), state: 'draining', text: '9 pods to move' },
      { at: at(from + (to - from) / 3), state: 'reimaging', text: 'empty' },
      { at: at(to), state: 'normal', text: 'uncordoned' },
    ],
    ...changes,
  });
}

const deferred = { kind: 'deferred', why: 'pods did not leave', uncordoned: true } as const;
const failed = { kind: 'failed', at: 'reimaging', why: 'no capacity', nodeEmpty: true } as const;
const histories = [
  historyOf('n-2', 30, 60),
  historyOf('n-1', 0, 30),
  historyOf('n-3', 0, 15, { outcome: deferred }),
  historyOf('n-3', 60, 90, { outcome: failed }),
];

describe('a timeline', () => {
  it('has a lane for each node, over all its goes, in the order in which they began', () => {
    const { lanes, atWorkMax } = timelineOf(sampleReport(), histories, []);
    expect(lanes.map(({ node, ended, spans }) => [node, ended, spans.length])).toEqual([
      ['n-1', 'done', 2],
      ['n-3', 'failed', 4],
      ['n-2', 'done', 2],
    ]);
    expect(lanes[1]).toMatchObject({ from: at(0), to: at(90), why: 'no capacity' });
    expect(atWorkMax).toBe(2);
  });

  it('shows what is at work now from its present state on, beside what is recorded', () => {
    const row = {
      node: 'n-9',
      pool: 'h100',
      state: 'draining' as const,
      since: at(80),
      note: '3 of 9 pods left',
    };
    const { lanes } = timelineOf(sampleReport({ outcome: null }), [], [row]);
    expect(lanes).toEqual([
      {
        node: 'n-9',
        pool: 'h100',
        from: at(80),
        to: at(90),
        ended: 'atWork',
        why: '3 of 9 pods left',
        spans: [{ state: 'draining', from: at(80), to: at(90), text: '3 of 9 pods left' }],
      },
    ]);
  });

  it('counts at each moment the nodes whose spans hold it', () => {
    const { lanes } = timelineOf(sampleReport(), histories, []);
    expect(countAtWork(lanes)).toEqual([
      { at: at(0), nodes: 2 },
      { at: at(5), nodes: 2 },
      { at: at(10), nodes: 2 },
      { at: at(15), nodes: 1 },
      { at: at(30), nodes: 1 },
      { at: at(40), nodes: 1 },
      { at: at(60), nodes: 1 },
      { at: at(70), nodes: 1 },
      { at: at(90), nodes: 0 },
    ]);
  });
});

describe('a timeline on a terminal', () => {
  it('is a line a node, with a letter for what it did', () => {
    const timeline = timelineOf(sampleReport(), histories, []);
    expect(renderGantt(timeline, { columns: 80, lanesMax: 100 }).split('\n')).toEqual([
      'upgrade.training.prod-east: failed, 2026-11-20T10:00:00.000Z to 2026-11-20T11:30:00.000Z, 1h30m',
      'NODE     0                     +45m             +1h30m  TOOK    ENDED',
      'n-1      dddddrrrrrrrrrr                                30m     done',
      'n-3      dddrrrrr----------------------dddddrrrrrrrrrr  1h30m   failed: no capacity',
      'n-2                     dddddrrrrrrrrrr                 30m     done',
      'AT WORK  ████████▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄  at most 2',
      'd draining  r reimaging  - between two goes',
    ]);
  });

  it('folds what went well when there is much of it, and never hides what did not', () => {
    const many = Array.from({ length: 50 }, (_, index) => historyOf(`w-${index}`, 0, 10));
    const timeline = timelineOf(sampleReport(), [...many, historyOf('bad', 60, 90, { outcome: failed })], []);
    const text = renderGantt(timeline, { columns: 80, lanesMax: 5 });
    expect(text).toContain('bad ');
    expect(text.match(/ done$/gm)).toHaveLength(4);
    expect(text).toContain('… and 46 more nodes that went well: -o html shows all');
  });

  it('says so when nothing is known', () => {
    const text = renderGantt(timelineOf(sampleReport(), [], []), { columns: 80, lanesMax: 5 });
    expect(text).toContain('No node has begun, or what they did is not known.');
  });

  it('lets no control character of a stranger through', () => {
    const evil = historyOf('n\u001b[2J', 0, 10, { outcome: { ...failed, why: 'x\r\ny' } });
    const text = renderGantt(timelineOf(sampleReport(), [evil], []), { columns: 80, lanesMax: 5 });
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
  });
});
