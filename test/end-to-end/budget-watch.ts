// Watches every PodDisruptionBudget of the sandbox with kubectl, beside a test.
import { spawn } from 'node:child_process';
import { parseBudgetLines, BUDGET_LINE } from '../checker/budgets.ts';
import type { BudgetSample } from '../checker/budgets.ts';
import { waitUntil } from '../../sandbox/waiting.ts';
import type { Bed } from './bed.ts';

const SHOWS_WITHIN_MS = 600_000;

export type BudgetWatch = { stop: () => Promise<BudgetSample[]> };

/** Returns when the watch has shown what stands there now; fails at the stop when it ended before. */
export async function watchBudgets(bed: Bed): Promise<BudgetWatch> {
  const args = ['get', 'poddisruptionbudgets', '-A', '--watch', '-o', BUDGET_LINE];
  const child = spawn('kubectl', args, { env: bed.env, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  let seen = '';
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (seen += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  await waitUntil({
    condition: () => Promise.resolve(parseBudgetLines(seen).length > 0),
    timeoutMs: SHOWS_WITHIN_MS,
    onTimeout: () => new Error(`kubectl showed no PodDisruptionBudget at all: ${said}`),
  });
  return {
    stop: async () => {
      const early = child.exitCode !== null || child.signalCode !== null;
      if (!early) child.kill('SIGTERM');
      await ended;
      if (early) throw new Error(`the watch of PodDisruptionBudgets ended before the test: ${said}`);
      return parseBudgetLines(seen);
    },
  };
}
