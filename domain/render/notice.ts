// A message to people as text for a Slack-compatible webhook. Names and reasons come from strangers: they
// must never become a mention, a link or a format of their own.
import type { Notice, NotificationEvent } from '../notification.ts';
import { printable } from './printable.ts';

const TITLES: Readonly<Record<NotificationEvent, string>> = {
  updateAvailable: 'Update available',
  drift: 'Drift',
  approvalNeeded: 'Approval needed',
  paused: 'Paused',
  failed: 'Failed',
  finished: 'Finished',
};

/** More is read where the link leads. */
const GATES_SHOWN = 5;
const NODES_SHOWN = 10;
const EVIDENCE_SHOWN = 3;

export function renderSlackText(notice: Notice, link: string | null): string {
  const { event, fleet, cluster, gates, nodes } = notice;
  const about = cluster === null ? `fleet ${fleet}` : `${cluster} (fleet ${fleet})`;
  const gatesLeft = notice.gatesLeft + Math.max(0, gates.length - GATES_SHOWN);
  const nodesLeft = notice.nodesLeft + Math.max(0, nodes.length - NODES_SHOWN);
  return [
    `*${TITLES[event]}* · ${escape(about)}`,
    escape(notice.summary),
    ...gates
      .slice(0, GATES_SHOWN)
      .flatMap(({ name, evidence, answers }) => [
        `• *${escape(name)}*`,
        ...evidence.slice(0, EVIDENCE_SHOWN).map((line) => `    ${escape(line)}`),
        ['```', ...answers.map(escape), '```'].join('\n'),
      ]),
    ...(gatesLeft === 0 ? [] : [`and ${String(gatesLeft)} more gates`]),
    ...nodes
      .slice(0, NODES_SHOWN)
      .map(
        ({ cluster: of, node, why }) => `• ${escape(`${cluster === null ? `${of}/` : ''}${node}: ${why}`)}`,
      ),
    ...(nodesLeft === 0 ? [] : [`and ${String(nodesLeft)} more nodes`]),
    ...(link === null ? [] : [`<${link}|${escape(notice.workflowId)} in the Web UI>`]),
  ].join('\n');
}

/** What Slack asks to be escaped, and the marks that would begin a format. */
function escape(text: string): string {
  return printable(text)
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/`/g, "'");
}
