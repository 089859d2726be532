// What the EC2 front tells of its machines, kept up to date by one long poll. It survives restarts of the
// front: after each it asks again for what is newer than it has seen.
import { setTimeout as pause } from 'node:timers/promises';
import { request } from 'undici';
import type { Machine } from '../ec2/machine.ts';

const WAIT_MS = 10_000;
const ANSWER_TIMEOUT_MS = 2 * WAIT_MS;
const RETRY_MS = 250;

export interface MachineFeed {
  machine(instanceId: string): Machine | undefined;
}

export function followMachines(o: {
  endpoint: string;
  onChange: (machine: Machine) => void;
  log: (text: string) => void;
  signal: AbortSignal;
}): MachineFeed {
  const machines = new Map<string, Machine>();
  const poll = async (after: number): Promise<number> => {
    const url = `${o.endpoint}/_sandbox/instances?after=${String(after)}&waitMs=${String(after === 0 ? 0 : WAIT_MS)}`;
    const response = await request(url, { headersTimeout: ANSWER_TIMEOUT_MS, signal: o.signal });
    const answer = (await response.body.json()) as { version: number; machines: Machine[] };
    for (const machine of answer.machines) {
      machines.set(machine.instanceId, machine);
      o.onChange(machine);
    }
    return answer.version;
  };
  const run = async (): Promise<void> => {
    let after = 0;
    while (!o.signal.aborted) {
      try {
        const seen = await poll(after);
        // Nothing yet: an answer to "everything" comes at once.
        if (seen === 0) await pause(RETRY_MS);
        after = seen;
      } catch (error) {
        if (o.signal.aborted) return;
        o.log(`the EC2 front does not answer: ${String(error)}`);
        await pause(RETRY_MS);
      }
    }
  };
  void run();
  return { machine: (id) => machines.get(id) };
}
