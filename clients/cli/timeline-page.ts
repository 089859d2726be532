// A timeline as one HTML file that needs nothing else: no network, no script. Thousands of nodes stand in
// folds of a few hundred, which a browser draws when they are opened. By a library that escapes; every text
// in it may be anybody's.
import type { Element } from 'hast';
import type { h as Hyperscript } from 'hastscript';
import { printable } from '../../domain/render/printable.ts';
import { renderBetween } from '../../domain/render/span.ts';
import { countAtWork } from '../../domain/timeline.ts';
import { own } from '../../domain/own.ts';
import type { Timeline, TimelineLane, TimelineSpan } from '../../domain/timeline.ts';

/** A fold of this many is drawn at once without a pause. */
const LANES_A_FOLD = 250;
const TICKS = 8;
const CHART_WIDTH = 1000;
const CHART_HEIGHT = 60;

/** Told apart also by those who see few colours; readable on light and dark. */
const COLOURS: Readonly<Record<string, string>> = {
  waiting: '#999999',
  cordoned: '#f0e442',
  draining: '#e69f00',
  reimaging: '#0072b2',
  rejoining: '#56b4e9',
  'burning-in': '#d55e00',
  verifying: '#009e73',
  soaking: '#7bcf9f',
  failed: '#c0392b',
};
const OTHER = '#cc79a7';

const STYLE = `
:root { color-scheme: light dark; --text: #1b1b1b; --back: #ffffff; --line: #d0d0d0; --bad: #b3261e; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e8e8e8; --back: #161616; --line: #444444; --bad: #ff8a80; }
}
body { font: 14px/1.4 system-ui, sans-serif; color: var(--text); background: var(--back); margin: 1.5rem; }
h1 { font-size: 1.2rem; overflow-wrap: anywhere; }
.legend span { display: inline-block; margin-right: 1rem; }
.legend i { display: inline-block; width: .8rem; height: .8rem; margin-right: .3rem; vertical-align: -.1rem; }
.lane { display: grid; grid-template-columns: 16rem 1fr 22rem; gap: .6rem; align-items: center; }
.name, .end { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; font-size: .8rem; }
.bad { color: var(--bad); font-weight: 600; }
.bar { position: relative; height: .9rem; border-left: 1px solid var(--line); border-right: 1px solid var(--line); }
.bar b { position: absolute; top: .1rem; bottom: .1rem; min-width: 2px; }
.axis .bar b { top: 0; min-width: 0; font-weight: normal; font-size: .75rem; white-space: nowrap; }
details { border-top: 1px solid var(--line); padding: .4rem 0; }
summary { cursor: pointer; }
svg { display: block; width: 100%; height: 60px; }
path { fill: #0072b2; opacity: .6; }
${Object.entries(COLOURS)
  .map(([state, colour]) => `.${state} { background: ${colour}; }`)
  .join('\n')}
.other { background: ${OTHER}; }
`;

export async function renderTimelinePage(timeline: Timeline): Promise<string> {
  const [{ h, s }, { toHtml }] = await Promise.all([import('hastscript'), import('hast-util-to-html')]);
  const { workflowId, outcome, from, to, lanes, atWorkMax } = timeline;
  const title = `${printable(workflowId)}: ${outcome ?? 'goes on'}`;
  const summary =
    `${from} to ${to}, ${renderBetween(from, to)}; nodes: ${lanes.length}, ` +
    `at most ${atWorkMax} at work at once. Times are UTC.`;
  const chart = s(
    'svg',
    { viewBox: `0 0 ${CHART_WIDTH} ${CHART_HEIGHT}`, preserveAspectRatio: 'none', role: 'img' },
    [s('title', 'nodes at work'), s('path', { d: chartPath(timeline) })],
  );
  const page = h('html', { lang: 'en' }, [
    h('head', [
      h('meta', { charSet: 'utf-8' }),
      h('meta', { name: 'viewport', content: 'width=device-width, initial-scale=1' }),
      h('meta', {
        httpEquiv: 'Content-Security-Policy',
        content: "default-src 'none'; style-src 'unsafe-inline'",
      }),
      h('title', title),
      h('style', STYLE),
    ]),
    h('body', [
      h('h1', title),
      h('p', summary),
      legend(h, lanes),
      h('div.lane', [h('div.name', 'at work'), h('div', [chart]), h('div.end', `at most ${atWorkMax}`)]),
      axis(h, timeline),
      ...folds(h, timeline),
    ]),
  ]);
  return toHtml({ type: 'root', children: [{ type: 'doctype' }, page] });
}

type H = typeof Hyperscript;

function legend(h: H, lanes: readonly TimelineLane[]): Element {
  const seen = new Set(lanes.flatMap(({ spans }) => spans.map(({ state }) => state)));
  const known = Object.keys(COLOURS).filter((state) => seen.has(state));
  const other = [...seen].some((state) => own(COLOURS, state) === undefined) ? ['other'] : [];
  return h(
    'p.legend',
    [...known, ...other].map((state) => h('span', [h('i', { className: [state] }), state])),
  );
}

function axis(h: H, { from, to }: Timeline): Element {
  const startMs = Date.parse(from);
  const spanMs = Date.parse(to) - startMs;
  const long = spanMs > 86_400_000;
  const ticks = Array.from({ length: TICKS }, (_, index) => {
    const at = new Date(startMs + (spanMs * index) / TICKS).toISOString();
    const text = long ? `${at.slice(5, 10)} ${at.slice(11, 16)}` : at.slice(11, 19);
    return h('b', { style: `left:${percent(index / TICKS)}` }, text);
  });
  return h('div.lane.axis', [h('div.name', 'node'), h('div.bar', ticks), h('div.end', 'took, ended')]);
}

/** What did not go well stands open and first, the others by pool; all of it is open where it is little. */
function folds(h: H, timeline: Timeline): readonly Element[] {
  const { lanes } = timeline;
  const trouble = lanes.filter(({ ended }) => ended !== 'done');
  const done = lanes.filter(({ ended }) => ended === 'done');
  const pools = [...new Set(done.map(({ pool }) => pool))];
  const parts = [
    { title: 'Not done', lanes: trouble },
    ...pools.map((pool) => ({ title: `Pool ${pool}`, lanes: done.filter((lane) => lane.pool === pool) })),
  ];
  return parts.flatMap((part) => {
    const pages: Element[] = [];
    for (let at = 0; at < part.lanes.length; at += LANES_A_FOLD) {
      const page = part.lanes.slice(at, at + LANES_A_FOLD);
      const range = part.lanes.length > LANES_A_FOLD ? `, ${at + 1} to ${at + page.length}` : '';
      const title = `${printable(part.title)} (${part.lanes.length})${range}`;
      const open = lanes.length <= LANES_A_FOLD || (part.lanes === trouble && at === 0);
      pages.push(
        h('details', { open }, [h('summary', title), ...page.map((lane) => laneOf(h, lane, timeline))]),
      );
    }
    return pages;
  });
}

function laneOf(h: H, lane: TimelineLane, timeline: Timeline): Element {
  const { node, pool, from, to, ended, why, spans } = lane;
  const end = `${renderBetween(from, to)}, ${ended === 'atWork' ? 'at work' : ended}${why === '' ? '' : `: ${printable(why)}`}`;
  return h('div.lane', [
    h('div.name', { title: `${printable(node)} (${printable(pool)})` }, printable(node)),
    h(
      'div.bar',
      spans.map((span) => spanOf(h, span, timeline)),
    ),
    h('div.end', { className: ended === 'failed' ? ['bad'] : [], title: end }, end),
  ]);
}

function spanOf(h: H, { state, from, to, text }: TimelineSpan, timeline: Timeline): Element {
  const startMs = Date.parse(timeline.from);
  const spanMs = Math.max(1, Date.parse(timeline.to) - startMs);
  const left = (Date.parse(from) - startMs) / spanMs;
  const width = (Date.parse(to) - Date.parse(from)) / spanMs;
  const known = own(COLOURS, state) === undefined ? 'other' : state;
  return h('b', {
    className: [known],
    style: `left:${percent(left)};width:${percent(width)}`,
    title: `${printable(state)} ${renderBetween(from, to)} from ${from}${text === '' ? '' : `: ${printable(text)}`}`,
  });
}

function chartPath(timeline: Timeline): string {
  const startMs = Date.parse(timeline.from);
  const spanMs = Math.max(1, Date.parse(timeline.to) - startMs);
  const most = Math.max(1, timeline.atWorkMax);
  const steps = countAtWork(timeline.lanes).map(({ at, nodes }) => {
    const x = round(((Date.parse(at) - startMs) / spanMs) * CHART_WIDTH);
    return `H${x}V${round(CHART_HEIGHT * (1 - nodes / most))}`;
  });
  return `M0 ${CHART_HEIGHT}${steps.join('')}H${CHART_WIDTH}V${CHART_HEIGHT}Z`;
}

function percent(share: number): string {
  return `${round(share * 100)}%`;
}

function round(number: number): number {
  return Math.round(number * 100) / 100;
}
