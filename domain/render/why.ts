// Why things wait: for each, what it waits on, since when, until when, and what would free it.
import type { WaitingItem } from '../status.ts';
import { printable } from './printable.ts';
import { renderSince, renderUntil } from './span.ts';

export function renderWhy(items: readonly WaitingItem[], now?: Date): string {
  if (items.length === 0) return 'Nothing waits.';
  return items.map((item) => renderItem(item, now).join('\n')).join('\n\n');
}

function renderItem(item: WaitingItem, now: Date | undefined): readonly string[] {
  const until = renderUntil(item.until, now);
  const when =
    until === undefined ? renderSince(item.since, now) : `${renderSince(item.since, now)}, ${until}`;
  return [
    `${printable(item.subject)}  (${when})`,
    `  waits on  ${printable(item.on, 500)}`,
    `  freed by  ${printable(item.freedBy, 500)}`,
  ];
}
