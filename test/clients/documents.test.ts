// Documents that people sign and keep, word for word. Written again with REFIT_WRITE_GOLDEN=1.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { heading, list, paragraph, table } from '../../domain/document.ts';
import { changeRequest } from '../../domain/render/change-request.ts';
import { renderMarkdown } from '../../clients/cli/documents.ts';
import { sampleEstimate, samplePlan } from '../domain/render/sample-run.ts';

const START = 'refit upgrade prod-east --plan-digest sha256:3f1c';

const TEXTS: Readonly<Record<string, () => Promise<string>>> = {
  'change-request.md': () =>
    renderMarkdown(changeRequest({ ...samplePlan(), estimate: sampleEstimate(), start: START })),
};

describe('golden documents', () => {
  it.each(Object.keys(TEXTS))('%s reads as it is kept', async (name) => {
    const path = join(import.meta.dirname, 'golden', name);
    const text = (await TEXTS[name]?.()) ?? '';
    if (process.env['REFIT_WRITE_GOLDEN'] === '1') writeFileSync(path, text);
    else expect(text).toBe(readFileSync(path, 'utf8'));
  });
});

describe('a document', () => {
  const evil = [
    '# not a heading',
    '- not an item',
    'a | b | c',
    '<script>alert(1)</script>',
    '[here](http://evil.example)',
    '`code` **bold** _it_',
    'two\nlines\u001b[2J',
    '| x |\n|---|',
    '&lt;b&gt;',
  ];

  it('lets no text become a heading, an item, a cell, a link, markup or HTML [I181]', async () => {
    for (const text of evil) {
      const written = await renderMarkdown([
        heading(2, text),
        paragraph(text),
        ...list([text]),
        ...table(['Node', 'Why'], [['n', text]]),
      ]);
      const lines = written.split('\n').filter((line) => line !== '');
      // One line each, and the three of the table.
      expect(lines).toHaveLength(6);
      expect(lines.filter((line) => line.startsWith('#'))).toHaveLength(1);
      expect(lines.filter((line) => line.startsWith('- '))).toHaveLength(1);
      expect(lines.filter((line) => line.startsWith('|'))).toHaveLength(3);
      for (const row of lines.filter((line) => line.startsWith('|'))) {
        expect(row.match(/(?<!\\)\|/g)).toHaveLength(3);
      }
      expect(written).not.toMatch(/(?<!\\)<|(?<!\\)\[|(?<!\\)`|(?<!\\)\*\*|\u001b/);
    }
  });

  it('says how much of a long table it leaves out, and where that stands', async () => {
    const rows = ['a', 'b', 'c'].map((cell) => [cell]);
    const written = await renderMarkdown(table(['X'], rows, { rowsMax: 2, more: 'the JSON has all' }));
    expect(written).toContain('… and 1 more: the JSON has all');
    expect(written).not.toContain('c |');
  });
});
