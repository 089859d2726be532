// Documents as markdown, for whatever a team keeps its changes in. By a library, since every text in them may
// be anybody's: a pod's name, a reason. Must never let such a text become a heading, a link, a row or HTML.
import type { Nodes, Root, TableContent } from 'mdast';
import type { Block } from '../../domain/document.ts';
import { printable } from '../../domain/render/printable.ts';

/** What is longer than this is nobody's fact. */
const TEXT_CHARS_MAX = 2000;

/** Loaded only when a document is written: most commands need neither. */
export async function renderMarkdown(blocks: readonly Block[]): Promise<string> {
  const [{ toMarkdown }, { gfmTableToMarkdown }] = await Promise.all([
    import('mdast-util-to-markdown'),
    import('mdast-util-gfm-table'),
  ]);
  const root: Root = { type: 'root', children: blocks.map(toNode) };
  // Without padding: a table of 500 rows as wide as its widest cell is mostly spaces.
  const tables = gfmTableToMarkdown({ tablePipeAlign: false, tableCellPadding: true });
  return toMarkdown(root, { extensions: [tables], bullet: '-', listItemIndent: 'one' });
}

function toNode(block: Block): Exclude<Nodes, Root | TableContent> & Root['children'][number] {
  switch (block.kind) {
    case 'heading':
      return { type: 'heading', depth: block.depth, children: [textOf(block.text)] };
    case 'paragraph':
      return { type: 'paragraph', children: [textOf(block.text)] };
    case 'command':
      return { type: 'code', lang: 'sh', value: clean(block.text) };
    case 'list':
      return {
        type: 'list',
        ordered: block.ordered === true,
        spread: false,
        children: block.items.map((item) => ({
          type: 'listItem',
          spread: false,
          children: [{ type: 'paragraph', children: [textOf(item)] }],
        })),
      };
    case 'table':
      return {
        type: 'table',
        children: [block.header, ...block.rows].map((row) => ({
          type: 'tableRow',
          children: row.map((cell) => ({ type: 'tableCell', children: cell === '' ? [] : [textOf(cell)] })),
        })),
      };
  }
}

function textOf(text: string): { type: 'text'; value: string } {
  return { type: 'text', value: clean(text) };
}

function clean(text: string): string {
  return printable(text, TEXT_CHARS_MAX);
}
