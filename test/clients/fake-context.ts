// A context whose every part a test can look at: what was written, what was asked, how it ended.
import type { CliContext, Writer } from '../../clients/cli/context.ts';
import { EXIT } from '../../clients/cli/exit-codes.ts';
import type { ExitCode } from '../../clients/cli/exit-codes.ts';
import { buildProgram, runProgram } from '../../clients/cli/program.ts';

export type FakeRun = { exitCode: ExitCode; out: string; err: string };

function bufferWriter(isTTY: boolean): Writer & { text: () => string } {
  let written = '';
  return {
    write: (text) => {
      written += text;
    },
    isTTY,
    columns: 100,
    rows: 40,
    text: () => written,
  };
}

/** Runs one command line against fakes. What a test does not give is not there. */
export async function runRefit(
  args: readonly string[],
  o: Partial<CliContext> & { isTTY?: boolean } = {},
): Promise<FakeRun> {
  const { isTTY = false, ...given } = o;
  const out = bufferWriter(isTTY);
  const err = bufferWriter(isTTY);
  let exitCode: ExitCode = EXIT.ok;
  const absent = (what: string) => () => Promise.reject(new Error(`the test gave no ${what}`));
  const context: CliContext = {
    out,
    err,
    env: {},
    userName: () => 'ana',
    now: () => new Date('2026-11-21T12:00:00Z'),
    pause: () => Promise.resolve(),
    interrupted: new AbortController().signal,
    ownInterrupt: () => undefined,
    setExitCode: (code) => {
      exitCode = code;
    },
    connect: absent('Temporal'),
    fleet: absent('fleet'),
    records: () => Promise.resolve(undefined),
    askYesNo: undefined,
    liveRegion: () => ({
      show: (text) => {
        out.write(`${text}\n`);
      },
      done: () => undefined,
    }),
    runWorker: absent('worker'),
    ...given,
  };
  const program = buildProgram(context, { version: '0.0.0-test', clusters: [], sandbox: undefined });
  const failed = await runProgram(program, args, context);
  return { exitCode: failed ?? exitCode, out: out.text(), err: err.text() };
}
