// A timeline on a terminal: a line a node, a letter for what it did most of the time that a column stands
// for. Of thousands of nodes the first ones, and all that did not go well, as far as there is room; how many
// are left out is said.
import { countAtWork } from '../timeline.ts';
import type { Timeline, TimelineLane } from '../timeline.ts';
import { printable } from './printable.ts';
import { renderBetween, renderSpan } from './span.ts';
import { own } from '../own.ts';

const LETTERS: Readonly<Record<string, string>> = {
  waiting: 'w',
  cordoned: 'c',
  draining: 'd',
  reimaging: 'r',
  rejoining: 'j',
  'burning-in': 'b',
  verifying: 'v',
  soaking: 's',
  failed: 'x',
};
const OTHER = '?';
/** Between two goes of a node. */
const BETWEEN = '-';

/** Wider bars say no more, narrower ones nothing. */
const BAR_MAX = 120;
const BAR_MIN = 20;
const NODE_CHARS_MAX = 40;
const LEVELS = ' ▁▂▃▄▅▆▇█';

export function renderGantt(timeline: Timeline, o: { columns: number; lanesMax: number }): string {
  const { workflowId, outcome, from, to, lanes, atWorkMax } = timeline;
  const head = `${printable(workflowId)}: ${outcome ?? 'goes on'}, ${from} to ${to}, ${renderBetween(from, to)}`;
  if (lanes.length === 0) return [head, 'No node has begun, or what they did is not known.'].join('\n');
  const shown = chooseLanes(lanes, o.lanesMax);
  const names = shown.map(({ node }) => printable(node, NODE_CHARS_MAX));
  const nameWidth = Math.max('AT WORK'.length, ...names.map((name) => name.length));
  const ends = shown.map((lane) => `${renderBetween(lane.from, lane.to).padEnd(7)} ${endedText(lane)}`);
  const room = o.columns - nameWidth - 4 - Math.max(...ends.map((text) => Math.min(text.length, 24)));
  const width = Math.max(BAR_MIN, Math.min(BAR_MAX, room));
  const left = lanes.length - shown.length;
  return [
    head,
    `${'NODE'.padEnd(nameWidth)}  ${renderAxis(timeline, width)}  TOOK    ENDED`,
    ...shown.map((lane, index) =>
      `${(names[index] ?? '').padEnd(nameWidth)}  ${renderBar(lane, timeline, width)}  ${ends[index] ?? ''}`.trimEnd(),
    ),
    ...(left > 0
      ? [`… and ${left} more nodes that went well: -o html shows all, --pool and --node some`]
      : []),
    `${'AT WORK'.padEnd(nameWidth)}  ${renderLevels(timeline, width)}  at most ${atWorkMax}`,
    renderLegend(shown),
  ].join('\n');
}

/** Those that did not go well first, filled up by the others; in their order. */
function chooseLanes(lanes: readonly TimelineLane[], lanesMax: number): readonly TimelineLane[] {
  const trouble = lanes.filter(({ ended }) => ended !== 'done').slice(0, lanesMax);
  const others = lanes.filter(({ ended }) => ended === 'done').slice(0, lanesMax - trouble.length);
  const chosen = new Set([...trouble, ...others]);
  return lanes.filter((lane) => chosen.has(lane));
}

function endedText({ ended, why }: TimelineLane): string {
  if (ended === 'atWork') return why === '' ? 'at work' : `at work: ${printable(why, 60)}`;
  return ended === 'done' || why === '' ? ended : `${ended}: ${printable(why, 60)}`;
}

/** `0` at its beginning, half of the time in the middle, all of it at the end. */
function renderAxis({ from, to }: Timeline, width: number): string {
  const spanMs = Date.parse(to) - Date.parse(from);
  const half = `+${renderSpan(spanMs / 2)}`;
  const whole = `+${renderSpan(spanMs)}`;
  const middle = '0'.padEnd(Math.max(2, Math.floor(width / 2))) + half;
  return middle.padEnd(Math.max(middle.length + 1, width - whole.length)) + whole;
}

type Scale = { startMs: number; cellMs: number };

function scaleOf({ from, to }: Timeline, width: number): Scale {
  const startMs = Date.parse(from);
  return { startMs, cellMs: Math.max(1, (Date.parse(to) - startMs) / width) };
}

function renderBar(lane: TimelineLane, timeline: Timeline, width: number): string {
  const { startMs, cellMs } = scaleOf(timeline, width);
  const share: { ms: number; letter: string }[] = Array.from({ length: width }, () => ({
    ms: 0,
    letter: ' ',
  }));
  const firstCell = (ms: number) => Math.max(0, Math.min(width - 1, Math.floor((ms - startMs) / cellMs)));
  // What ends where a column begins is not in it; what is shorter than a column is in one.
  const lastCell = (fromMs: number, toMs: number) =>
    Math.max(firstCell(fromMs), Math.min(width - 1, Math.ceil((toMs - startMs) / cellMs) - 1));
  const [laneFromMs, laneToMs] = [Date.parse(lane.from), Date.parse(lane.to)];
  for (let cell = firstCell(laneFromMs); cell <= lastCell(laneFromMs, laneToMs); cell += 1) {
    share[cell] = { ms: 0, letter: BETWEEN };
  }
  for (const { state, from, to } of lane.spans) {
    const [fromMs, toMs] = [Date.parse(from), Date.parse(to)];
    for (let cell = firstCell(fromMs); cell <= lastCell(fromMs, toMs); cell += 1) {
      const cellFromMs = startMs + cell * cellMs;
      const ms = Math.min(toMs, cellFromMs + cellMs) - Math.max(fromMs, cellFromMs);
      if (ms > (share[cell]?.ms ?? 0)) share[cell] = { ms, letter: own(LETTERS, state) ?? OTHER };
    }
  }
  return share.map(({ letter }) => letter).join('');
}

/** The most that were at work in the time of each column. */
function renderLevels(timeline: Timeline, width: number): string {
  const { startMs, cellMs } = scaleOf(timeline, width);
  const counts = countAtWork(timeline.lanes);
  const most = new Array<number>(width).fill(0);
  counts.forEach(({ at, nodes }, index) => {
    const fromMs = Date.parse(at);
    const toMs = Date.parse(counts[index + 1]?.at ?? timeline.to);
    const last = Math.min(width - 1, Math.ceil((toMs - startMs) / cellMs) - 1);
    for (let cell = Math.max(0, Math.floor((fromMs - startMs) / cellMs)); cell <= last; cell += 1) {
      most[cell] = Math.max(most[cell] ?? 0, nodes);
    }
  });
  const step = Math.max(1, timeline.atWorkMax) / (LEVELS.length - 1);
  return most.map((nodes) => LEVELS[Math.ceil(nodes / step)] ?? '█').join('');
}

function renderLegend(lanes: readonly TimelineLane[]): string {
  const seen = new Set(lanes.flatMap(({ spans }) => spans.map(({ state }) => state)));
  const known = Object.entries(LETTERS).filter(([state]) => seen.has(state));
  const between = lanes.some(({ spans }) =>
    spans.some(({ from }, at) => at > 0 && from !== spans[at - 1]?.to),
  );
  return [
    ...known.map(([state, letter]) => `${letter} ${state}`),
    ...([...seen].some((state) => own(LETTERS, state) === undefined) ? [`${OTHER} other`] : []),
    ...(between ? [`${BETWEEN} between two goes`] : []),
  ].join('  ');
}
