// The one error that commands throw at people, and how any other becomes readable. An error says what
// stood where, what was expected and what to do; it never shows a stack unless REFIT_DEBUG is set.
import { EXIT } from './exit-codes.ts';
import type { ExitCode } from './exit-codes.ts';

export class CliError extends Error {
  readonly exitCode: ExitCode;
  /** What to do about it; one line each. */
  readonly hints: readonly string[];
  constructor(
    message: string,
    options: { exitCode?: ExitCode; hints?: readonly string[]; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'CliError';
    this.exitCode = options.exitCode ?? EXIT.error;
    this.hints = options.hints ?? [];
  }
}

// Deeper chains are wrappers around wrappers; the fifth says nothing that the first four did not.
const CAUSES_MAX = 4;

/** The message of an error and of what caused it, each once. */
export function explainError(error: unknown): string {
  const parts: string[] = [];
  let current: unknown = error;
  for (let depth = 0; depth < CAUSES_MAX && current !== undefined && current !== null; depth += 1) {
    const text = current instanceof Error ? current.message : String(current);
    if (text !== '' && !parts.some((part) => part.includes(text))) parts.push(text);
    current = current instanceof Error ? current.cause : undefined;
  }
  return parts.join(': ');
}

export function exitCodeOf(error: unknown): ExitCode {
  return error instanceof CliError ? error.exitCode : EXIT.error;
}

/** What is printed on stderr for an error that ended a command. */
export function renderError(error: unknown, o: { debug: boolean }): string {
  const hints = error instanceof CliError ? error.hints : [];
  const lines = [`error: ${explainError(error)}`, ...hints.map((hint) => `  ${hint}`)];
  if (o.debug && error instanceof Error && error.stack !== undefined) lines.push(error.stack);
  return `${lines.join('\n')}\n`;
}
