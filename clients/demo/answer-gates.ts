// Answers the gates of the demo's run: asks the person at the terminal, or approves and says so.
// Each gate once; a gate that closes while somebody thinks is nobody's fault.
import { randomUUID } from 'node:crypto';
import { select } from '@inquirer/prompts';
import { printable } from '../../domain/render/printable.ts';
import type { Gate, RunStatus } from '../../domain/status.ts';
import type { TemporalSide } from '../cli/temporal-side.ts';
import { UpdateRefused } from '../cli/temporal-side.ts';

type Answer = 'approve' | 'reject';

export type GateAnswering = {
  temporal: TemporalSide;
  workflowId: string;
  by: string;
  ask: boolean;
  say: (text: string) => void;
  /** Makes room for a question below what is shown. */
  interlude: () => void;
  signal: AbortSignal;
};

export function createGateAnswerer(o: GateAnswering): (status: RunStatus) => Promise<void> {
  const answered = new Set<string>();
  return async (status) => {
    for (const gate of status.gates) {
      const key = `${gate.name} ${gate.openedAt}`;
      if (answered.has(key) || o.signal.aborted) continue;
      const answer = o.ask ? await askPerson(o, gate) : 'approve';
      if (answer === undefined) return;
      answered.add(key);
      await send(o, gate, answer);
    }
  };
}

async function askPerson(o: GateAnswering, gate: Gate): Promise<Answer | undefined> {
  o.interlude();
  for (const line of gate.evidence) o.say(`    ${printable(line)}`);
  try {
    return await select<Answer>(
      {
        message: `${gate.name}: go on?`,
        choices: [
          { name: 'approve', value: 'approve' },
          { name: 'reject: leave this node as it is', value: 'reject' },
        ],
      },
      { signal: o.signal },
    );
  } catch {
    // A question reads the keys itself: ctrl-C is one of them here, and no signal, unless it is made one.
    if (!o.signal.aborted) process.kill(process.pid, 'SIGINT');
    return undefined;
  }
}

async function send(o: GateAnswering, gate: Gate, answer: Answer): Promise<void> {
  const content = { gate: gate.name, by: o.by };
  try {
    const { effect } = await o.temporal.update({
      workflowId: o.workflowId,
      name: answer,
      content,
      updateId: randomUUID(),
    });
    if (!o.ask) {
      o.interlude();
      o.say(`The demo approves ${gate.name} by itself: ${effect}`);
    }
  } catch (error) {
    if (!(error instanceof UpdateRefused)) throw error;
    o.say(`${gate.name}: ${error.message}`);
  }
}
