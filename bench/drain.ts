// Drain rate: Refit against kubectl one node after another and ten kubectl side by side, in turn on the
// same cluster, without a PDB and with one of 10 %. Evictions are counted in the audit log alone.
import { performance } from 'node:perf_hooks';
import { say, withBed } from './bed.ts';
import type { BenchBed } from './bed.ts';
import { othersShare, readUsage, usageBetween } from './cpu.ts';
import type { Usage } from './cpu.ts';
import { judge, median, ratios, renderNumber, renderTable, spread } from './figures.ts';
import type { Verdict } from './figures.ts';
import { Load } from './load.ts';
import type { BenchOptions } from './options.ts';
import { KUBECTL, REFIT, countByKind, endOfLog, evictionsRefused, evictionsTaken } from './requests.ts';
import { readRequests } from './requests.ts';
import { renderRequests } from './render-requests.ts';
import type { PartResult } from './part.ts';
import { NODES_IN_FLIGHT, kubectlSequential, kubectlSideBySide, refitSideBySide } from './tools.ts';

type Tool = {
  name: 'kubectl, one node after another' | 'ten kubectl side by side' | 'Refit';
  agent: string;
  nodes: number;
  /** How often it gave up and was called again. */
  run: (bed: BenchBed, load: Load) => Promise<number>;
};

type Round = {
  tool: Tool['name'];
  nodes: number;
  seconds: number;
  evictions: number;
  refused: number;
  calledAgain: number;
  rate: number;
  clientMsPerEviction: number;
  apiServerMsPerEviction: number;
  bedMsPerEviction: number;
  requestsPerNode: number;
  requests: readonly [string, number][];
  /** Of all processors, what neither bed nor tool used. */
  others: number;
};

type Mode = { name: 'no PDB' | 'PDB of 10 %'; budget: string | null; sideBySideMin: number };

const MODES: readonly Mode[] = [
  { name: 'no PDB', budget: null, sideBySideMin: 1.4 },
  { name: 'PDB of 10 %', budget: '10%', sideBySideMin: 1.25 },
];
const SEQUENTIAL_MIN = 8;
const REQUESTS_PER_NODE_MAX = 9.2;

/** The nodes that ten kubectl and Refit drain are the same; the sequential one takes some of them. */
function toolsFor(o: BenchOptions): readonly Tool[] {
  return [
    {
      name: 'kubectl, one node after another',
      agent: KUBECTL,
      nodes: o.sequentialNodes,
      run: (bed) => kubectlSequential(bed),
    },
    {
      name: 'ten kubectl side by side',
      agent: KUBECTL,
      nodes: o.nodes,
      run: (bed) => kubectlSideBySide(bed),
    },
    { name: 'Refit', agent: REFIT, nodes: o.nodes, run: (bed, load) => refitSideBySide(bed, load.nodes) },
  ];
}

async function runRound(bed: BenchBed, load: Load, tool: Tool): Promise<Round> {
  await load.openLanding();
  const from = endOfLog(bed.cluster.auditLog);
  const before = readUsage(bed.pids);
  const begin = performance.now();
  const calledAgain = await tool.run(bed, load);
  const seconds = (performance.now() - begin) / 1000;
  const usage = usageBetween(before, readUsage(bed.pids));
  // Filling up gives a closed watch the time to be written down, and belongs to nobody's figures.
  await load.fill();
  return judgeRound({ bed, tool, from, seconds, usage, calledAgain });
}

function judgeRound(o: {
  bed: BenchBed;
  tool: Tool;
  from: number;
  seconds: number;
  usage: Usage;
  calledAgain: number;
}): Round {
  const { bed, tool, seconds, usage, calledAgain } = o;
  const requests = readRequests(bed.cluster.auditLog, o.from, [tool.agent]);
  const evictions = evictionsTaken(requests).length;
  const isRefit = tool.agent === REFIT;
  const bedMs = Object.values(usage.byName).reduce((sum, each) => sum + each, 0);
  return {
    tool: tool.name,
    nodes: tool.nodes,
    seconds,
    evictions,
    refused: evictionsRefused(requests).length,
    calledAgain,
    rate: evictions / seconds,
    clientMsPerEviction: (isRefit ? usage.ownMs : usage.childrenMs) / evictions,
    apiServerMsPerEviction: (usage.byName['kube-apiserver'] ?? Number.NaN) / evictions,
    bedMsPerEviction: bedMs / evictions,
    requestsPerNode: requests.length / tool.nodes,
    requests: countByKind(requests),
    others: othersShare(usage),
  };
}

function describeRound(round: Round): string {
  return (
    `${round.tool}: ${String(round.evictions)} evictions of ${String(round.nodes)} nodes in ` +
    `${round.seconds.toFixed(1)} s = ${renderNumber(round.rate)}/s, ${renderNumber(round.requestsPerNode)} requests a node, ` +
    `others used ${String(Math.round(round.others * 100))} % of the machine`
  );
}

async function runMode(bed: BenchBed, load: Load, mode: Mode, o: BenchOptions): Promise<Round[]> {
  if (mode.budget !== null) await load.setBudget(mode.budget);
  await load.fill();
  const rounds: Round[] = [];
  for (let run = 1; run <= o.runs; run += 1) {
    for (const tool of toolsFor(o)) {
      const round = await runRound(bed, load, tool);
      const expected = tool.nodes * o.podsPerNode;
      if (round.evictions !== expected) {
        throw new Error(
          `${tool.name}: the audit log has ${String(round.evictions)} evictions, not ${String(expected)}`,
        );
      }
      say(`${mode.name}, round ${String(run)}: ${describeRound(round)}`);
      rounds.push(round);
    }
  }
  if (mode.budget !== null) await load.removeBudget();
  return rounds;
}

function renderMode(mode: Mode, rounds: readonly Round[], o: BenchOptions): string[] {
  const header = ['', 'evictions/s', 'worst', 'best', 'client ms', 'API server ms', 'bed ms'];
  header.push('requests/node', 'refused', 'called again', 'others');
  const rows = toolsFor(o).map(({ name }) => {
    const own = rounds.filter((round) => round.tool === name);
    const rate = spread(own.map((round) => round.rate));
    const middle = (pick: (round: Round) => number): string => renderNumber(median(own.map(pick)));
    return [
      name,
      ...[rate.median, rate.worst, rate.best].map(renderNumber),
      middle((round) => round.clientMsPerEviction),
      middle((round) => round.apiServerMsPerEviction),
      middle((round) => round.bedMsPerEviction),
      middle((round) => round.requestsPerNode),
      middle((round) => round.refused),
      middle((round) => round.calledAgain),
      `${middle((round) => round.others * 100)} %`,
    ];
  });
  return [`${mode.name} (milliseconds of processor for each eviction)`, ...renderTable([header, ...rows])];
}

function judgeMode(mode: Mode, rounds: readonly Round[]): { verdicts: Verdict[]; lines: string[] } {
  const rates = (name: Tool['name']): number[] =>
    rounds.filter((round) => round.tool === name).map((round) => round.rate);
  const verdicts: Verdict[] = [];
  const lines: string[] = [];
  const against = (name: Tool['name'], atLeast: number): void => {
    const each = ratios(rates('Refit'), rates(name));
    verdicts.push(judge({ what: `Refit by ${name}, ${mode.name}, median`, atLeast }, median(each)));
    lines.push(
      `Refit by ${name}: median ${renderNumber(median(each))}, worst ${renderNumber(Math.min(...each))}`,
    );
  };
  against('kubectl, one node after another', SEQUENTIAL_MIN);
  against('ten kubectl side by side', mode.sideBySideMin);
  const worst = Math.max(
    ...rounds.filter((round) => round.tool === 'Refit').map((round) => round.requestsPerNode),
  );
  const what = `requests of Refit's drain for each node, ${mode.name}, worst round`;
  verdicts.push(judge({ what, atMost: REQUESTS_PER_NODE_MAX }, worst));
  return { verdicts, lines };
}

export async function benchDrain(o: BenchOptions): Promise<PartResult> {
  return withBed({ nodes: 1 }, async (bed) => {
    const load = new Load(bed.api, o);
    say(`load: ${String(o.nodes)} nodes of ${String(o.podsPerNode)} pods`);
    await load.create();
    const lines = [
      `Drain: ${String(o.nodes)} nodes of ${String(o.podsPerNode)} pods, ${String(o.runs)} rounds of each in turn; ` +
        `kubectl one after another takes ${String(o.sequentialNodes)} of the nodes, Refit has ${String(NODES_IN_FLIGHT)} nodes in flight`,
      'and does more than they: after the drain it looks once more, consistently, and uncordons.',
    ];
    const verdicts: Verdict[] = [];
    const all: Record<string, readonly Round[]> = {};
    for (const mode of MODES) {
      const rounds = await runMode(bed, load, mode, o);
      const judged = judgeMode(mode, rounds);
      lines.push('', ...renderMode(mode, rounds, o), ...judged.lines);
      for (const { name, nodes } of toolsFor(o)) {
        const last = rounds.filter((round) => round.tool === name).at(-1);
        lines.push('', ...renderRequests(`Requests of the last round, ${name}`, last?.requests ?? [], nodes));
      }
      verdicts.push(...judged.verdicts);
      all[mode.name] = rounds;
    }
    return { lines, verdicts, measured: all };
  });
}
