// The `refit` command: one command line from its arguments to its exit code. Says what ctrl-C means,
// and that a reader who stops reading is no error.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { collectClusterNames, isCompletionRequest } from './commands/completion.ts';
import { loadSandboxCommands, needsSandbox } from './commands/sandbox.ts';
import { EXIT } from './exit-codes.ts';
import type { ExitCode } from './exit-codes.ts';
import { createProcessContext } from './process-context.ts';
import { buildProgram, runProgram } from './program.ts';

// Long enough for a command to say how its run is followed, short enough not to feel stuck.
const INTERRUPT_GRACE_MS = 2_000;
// The terminal and the starter script may both pass on one and the same ctrl-C.
const SAME_INTERRUPT_MS = 300;

const interruption = new AbortController();
let ownsInterrupt = false;
let exitCode: ExitCode = EXIT.ok;

let interruptedAt = 0;
process.on('SIGINT', () => {
  if (Date.now() - interruptedAt < SAME_INTERRUPT_MS) return;
  interruptedAt = Date.now();
  // The second ctrl-C of somebody in a hurry ends everything here; runs go on elsewhere.
  if (interruption.signal.aborted && !ownsInterrupt) process.exit(EXIT.interrupted);
  interruption.abort();
  if (ownsInterrupt) return;
  setTimeout(() => {
    process.stderr.write('interrupted\n');
    process.exit(EXIT.interrupted);
  }, INTERRUPT_GRACE_MS).unref();
});

for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // `refit nodes | head`
    if (error.code === 'EPIPE') process.exit(EXIT.ok);
    throw error;
  });
}

const context = createProcessContext({
  env: process.env,
  interrupted: interruption.signal,
  ownInterrupt: () => {
    ownsInterrupt = true;
  },
  setExitCode: (code) => {
    exitCode = code;
  },
});
const packageJson = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')) as {
  version: string;
};
const args = process.argv.slice(2);
const clusters = isCompletionRequest(args) ? await collectClusterNames(context) : [];
const sandbox = needsSandbox(args) ? await loadSandboxCommands() : undefined;
const program = buildProgram(context, { version: packageJson.version, clusters, sandbox });
const failed = await runProgram(program, args, context);
process.exitCode = failed ?? exitCode;
