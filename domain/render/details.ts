// A run's current details in the Temporal Web UI: markdown, the same facts as the status. Must stay
// small, since each change of it goes to the server, and must render what people wrote as text alone.
import type { RunStatus } from '../status.ts';
import { printable } from './printable.ts';
import { renderProgress } from './progress.ts';
import { renderCounts } from './status.ts';

/** The UI shows a page, not a fleet: with these bounds the text stays under 20 KB. */
const GATES_SHOWN = 5;
const NODES_SHOWN = 20;
const WAITING_SHOWN = 10;
const EVENTS_SHOWN = 10;

export function renderDetails(status: RunStatus): string {
  const why = status.phaseWhy === null ? '' : `: ${text(status.phaseWhy)}`;
  return [
    `**${status.outcome ?? status.phase}**${why}`,
    '',
    renderCounts(status.counts),
    ...renderGates(status),
    ...renderNodes(status),
    ...renderWaiting(status),
    ...section(
      'Last events',
      status.events.slice(-EVENTS_SHOWN).map((one) => `${one.at} ${text(one.text)}`),
    ),
  ].join('\n');
}

function renderGates({ gates }: RunStatus): readonly string[] {
  const shown = gates
    .slice(0, GATES_SHOWN)
    .flatMap((gate) => [
      '',
      `**Asked: ${text(gate.name)}** since ${gate.openedAt}`,
      '',
      ...gate.evidence.map((line) => `- ${text(line)}`),
      '',
      '```',
      ...gate.answers.map((answer) => printable(answer, 500).replaceAll('```', "'''")),
      '```',
    ]);
  const left = gates.length - GATES_SHOWN;
  return left > 0 ? [...shown, '', `… and ${left} more gates are open`] : shown;
}

function renderNodes({ active, counts }: RunStatus): readonly string[] {
  if (active.length === 0) return [];
  const rows = active.slice(0, NODES_SHOWN).map((node) => {
    const note = node.progress === null ? '' : text(renderProgress(node.progress));
    return `| ${node.node} | ${node.pool} | ${node.state} | ${node.since} | ${node.until ?? ''} | ${note} |`;
  });
  const left = counts.active - rows.length;
  return [
    '',
    '| node | pool | state | since | until | note |',
    '|---|---|---|---|---|---|',
    ...rows,
    ...(left > 0 ? ['', `… and ${left} more nodes are at work`] : []),
  ];
}

function renderWaiting({ waiting }: RunStatus): readonly string[] {
  const lines = waiting
    .slice(0, WAITING_SHOWN)
    .map((item) => `${text(item.subject)}: ${text(item.on)} (freed by: ${text(item.freedBy)})`);
  return section('Waiting', lines);
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ['', `**${title}**`, '', ...lines.map((line) => `- ${line}`)];
}

/** Characters that markdown or HTML would take for their own are shown as they are. */
function text(raw: string): string {
  return printable(raw).replace(/[\\`*_[\]<>|#]/g, (char) => `\\${char}`);
}
