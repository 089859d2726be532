// How facts reach stdout: text for people, JSON or YAML for programs. Prose never goes this way.
import { Option } from 'commander';
import { stringify } from 'yaml';
import type { CliContext } from './context.ts';

export type Format = 'text' | 'wide' | 'json' | 'yaml' | 'markdown' | 'html';

export function outputOption(formats: readonly Format[] = ['text', 'json', 'yaml']): Option {
  return new Option('-o, --output <format>', 'how facts are printed').choices([...formats]).default('text');
}

export function isForPrograms(format: Format): boolean {
  return format === 'json' || format === 'yaml';
}

/** `facts` is what programs get; `text` is made only when a person reads. */
export function printFacts(context: CliContext, format: Format, facts: unknown, text: () => string): void {
  context.out.write(
    endWithNewline(format === 'json' ? toJson(facts) : format === 'yaml' ? stringify(facts) : text()),
  );
}

/** Prose: on stderr, a line at a time. */
export function say(context: CliContext, ...lines: readonly string[]): void {
  for (const line of lines) context.err.write(`${line}\n`);
}

function toJson(facts: unknown): string {
  return JSON.stringify(facts, undefined, 2);
}

function endWithNewline(text: string): string {
  return text.endsWith('\n') ? text : `${text}\n`;
}
