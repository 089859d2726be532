// Colour, where there is somebody to see it: on a terminal, unless NO_COLOR says otherwise.
import { styleText } from 'node:util';
import type { Environment, Writer } from './context.ts';

type Format = Parameters<typeof styleText>[0];
export type Paint = (format: Format, text: string) => string;

/** https://no-color.org: set and not empty means no. */
function wantsColour(writer: Writer, env: Environment): boolean {
  if ((env['NO_COLOR'] ?? '') !== '') return false;
  return writer.isTTY && env['TERM'] !== 'dumb';
}

export function paintFor(writer: Writer, env: Environment): Paint {
  return wantsColour(writer, env)
    ? (format, text) => styleText(format, text, { validateStream: false })
    : (_format, text) => text;
}
