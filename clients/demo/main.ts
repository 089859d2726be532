// `npm run demo`: a durable upgrade of simulated GPU nodes on real servers, on this machine, from
// nothing to the report. In the middle it kills the worker, since that is what the whole is about:
// the run goes on. Whatever happens, nothing that it started is left running (but see --keep).
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { down, environment, status as sandboxStatus, up } from '../../sandbox/sandbox.ts';
import { progressTo } from '../../sandbox/progress.ts';
import { CliError, explainError } from '../cli/errors.ts';
import { EXIT } from '../cli/exit-codes.ts';
import type { ExitCode } from '../cli/exit-codes.ts';
import { createProcessContext } from '../cli/process-context.ts';
import { DEMO_HELP, parseDemoOptions } from './options.ts';
import type { DemoOptions } from './options.ts';
import { showUpgrade } from './show-upgrade.ts';
import { startWorker } from './worker-process.ts';
import type { WorkerProcess } from './worker-process.ts';

// A fresh clone has no `refit` on its PATH.
const REFIT = relative(process.cwd(), join(import.meta.dirname, '../bin/refit.js'));

const interruption = new AbortController();
// A window that is closed is one more way to say enough; what is written then goes nowhere.
process.stdout.on('error', () => undefined);
process.stderr.on('error', () => undefined);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    if (!interruption.signal.aborted) say('\nInterrupted …');
    interruption.abort();
  });
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

async function runDemo(options: DemoOptions): Promise<ExitCode> {
  const home = await mkdtemp(join(tmpdir(), 'refit-demo-'));
  const dir = join(home, 'sandbox');
  let keep = false;
  try {
    say(
      `A real Temporal server and a real Kubernetes control plane with ${String(options.nodes)} GPU nodes:`,
    );
    const onProgress = progressTo(process.stderr);
    await up({ dir, nodes: options.nodes, onProgress, signal: interruption.signal });
    const exitCode = await upgradeSandbox(home, dir, options);
    keep = options.keep;
    return exitCode;
  } catch (error) {
    if (interruption.signal.aborted) return EXIT.interrupted;
    throw error;
  } finally {
    if (keep)
      say(`\nThe sandbox stays up, without a worker. Take it down: ${REFIT} sandbox down --dir ${dir}`);
    else await takeDown(home, dir);
  }
}

async function takeDown(home: string, dir: string): Promise<void> {
  await down({ dir });
  await rm(home, { recursive: true, force: true });
  say('Everything that was started has been stopped.');
}

async function upgradeSandbox(home: string, dir: string, options: DemoOptions): Promise<ExitCode> {
  const { set, unset } = await environment({ dir });
  const env: NodeJS.ProcessEnv = { ...process.env, ...set };
  for (const name of unset) delete env[name];
  let exitCode: ExitCode = EXIT.ok;
  const context = createProcessContext({
    env,
    interrupted: interruption.signal,
    ownInterrupt: () => undefined,
    setExitCode: (code) => {
      exitCode = code;
    },
  });
  const logFile = join(home, 'worker.log');
  const { status } = await sandboxStatus({ dir });
  let worker = startWorker({ env, logFile });
  try {
    await showUpgrade({
      context,
      options,
      say,
      worker: () => worker,
      restartWorker: () => {
        worker = startWorker({ env, logFile });
        return worker;
      },
      webUi: status.temporal.ui,
      ec2Endpoint: status.ec2.endpoint,
    });
    lookAround(dir, status.temporal.ui);
    await stay(worker, options);
    return exitCode;
  } finally {
    await worker.stop();
  }
}

function lookAround(dir: string, webUi: string): void {
  say(
    [
      '',
      `Web UI: ${webUi}`,
      'Look around, in another terminal (--keep leaves it all up):',
      `  $ eval "$(${REFIT} sandbox env --dir ${dir})"`,
      '  $ kubectl get nodes -L refit.dev/pool',
      '  $ temporal workflow list',
      `  $ ${REFIT} nodes`,
    ].join('\n'),
  );
}

/** With a terminal, until somebody says that he has seen enough; without one there is nobody to say it. */
async function stay(worker: WorkerProcess, options: DemoOptions): Promise<void> {
  if (process.stdin.isTTY !== true || interruption.signal.aborted) return;
  if (!options.keep && options.yes) return;
  say(
    `\nIt is all still up, the worker too. ctrl-C ${options.keep ? 'ends the worker' : 'takes it all down'}.`,
  );
  const pressed = new Promise<void>((resolve) => {
    interruption.signal.addEventListener('abort', () => {
      resolve();
    });
  });
  await Promise.race([pressed, worker.ended]);
}

const options = parseDemoOptions(process.argv.slice(2));
if (options === 'help') {
  say(DEMO_HELP);
} else if ('wrong' in options) {
  process.stderr.write(`error: ${options.wrong}\n\n${DEMO_HELP}`);
  process.exitCode = EXIT.error;
} else {
  try {
    process.exitCode = await runDemo(options);
  } catch (error) {
    process.stderr.write(`error: ${explainError(error)}\n`);
    for (const hint of error instanceof CliError ? error.hints : []) process.stderr.write(`  ${hint}\n`);
    process.exitCode = EXIT.error;
  }
}
