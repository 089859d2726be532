// Requests by kind as a table, in all and for each node. Pure.
import { renderNumber, renderTable } from './figures.ts';

export function renderRequests(
  title: string,
  requests: readonly (readonly [string, number])[],
  nodes: number,
): string[] {
  const rows = requests.map(([kind, count]) => [kind, String(count), renderNumber(count / nodes)]);
  const total = requests.reduce((sum, [, count]) => sum + count, 0);
  rows.push(['all', String(total), renderNumber(total / nodes)]);
  return [title, ...renderTable([['', 'requests', 'a node'], ...rows])];
}
