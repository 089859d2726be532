// Records what the workflows do in steered scenarios with fake activities: `node test/replay/record-scenarios.ts`
// writes the histories of the run and its children into histories/scenarios; with names, of these scenarios
// alone. Seconds each; needs no cluster.
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { NOTIFICATION_EVENTS } from '../../domain/notification.ts';
import { startBed, stopBed, withRun } from '../workflows/bed.ts';
import type { Bed, Running } from '../workflows/bed.ts';
import type { WorldOptions } from '../workflows/fake-world.ts';
import { renderHistory } from './history-file.ts';

const folder = join(import.meta.dirname, 'histories', 'scenarios');
const by = { by: 'sam', reason: 'test' };

type Scenario = WorldOptions & { name: string; steer: (running: Running) => Promise<unknown> };

const ended = ({ handle }: Running) => handle.result().catch(() => undefined);

const scenarios: readonly Scenario[] = [
  { name: 'plain', nodes: 2, unavailableMax: 2, steer: ended },
  {
    name: 'gates',
    nodes: 2,
    approval: { before: 'node' },
    steer: async (running) => {
      await running.until('gate', (s) => s.gates[0]?.name === 'node/n1');
      await running.update('approve', { gate: 'node/n1', by: 'sam' });
      await running.until('gate', (s) => s.gates[0]?.name === 'node/n2');
      await running.signal('reject', { gate: 'node/n2', by: 'sam' });
      await ended(running);
    },
  },
  {
    name: 'pause-resume',
    nodes: 1,
    steer: async (running) => {
      const { world, until, update } = running;
      world.hold('drainNode', 'n1');
      await until('draining', () => world.count('drainNode held', 'n1') > 0);
      await update('pause', by);
      world.release('drainNode', 'n1');
      await until('held', () => world.count('awaitGrant', 'n1') > 0);
      await update('resume', { by: 'sam' });
      await ended(running);
    },
  },
  {
    name: 'skip-draining',
    nodes: 1,
    steer: async (running) => {
      const { world, until, update } = running;
      world.hold('drainNode', 'n1');
      await until('draining', () => world.count('drainNode held', 'n1') > 0);
      await update('skipNode', { node: 'n1', ...by });
      await ended(running);
    },
  },
  {
    name: 'trip-retry-resume',
    nodes: 2,
    steer: async (running) => {
      const { world, until, update } = running;
      world.fail('verifyNode', 'n1');
      await until('tripped', (s) => s.phase === 'paused');
      await update('retryNode', { node: 'n1', by: 'sam' });
      await until('cured', (s) => s.counts.done === 1);
      await update('resume', { by: 'sam' });
      await ended(running);
    },
  },
  {
    name: 'cancel-reimaging',
    nodes: 2,
    steer: async (running) => {
      const { world, until, handle } = running;
      world.hold('reimageNode', 'n1');
      await until('reimaging', (s) => s.active[0]?.state === 'reimaging');
      await handle.cancel();
      await until('aborting', (s) => s.phase === 'aborting');
      world.release('reimageNode', 'n1');
      await ended(running);
    },
  },
  {
    name: 'notified',
    nodes: 2,
    unavailableMax: 2,
    approval: { before: 'node' },
    notifications: ['there', 'gone'].map((name) => ({
      name,
      form: 'binary' as const,
      urlEnv: 'REFIT_NOTIFY_URL',
      headers: [],
      events: NOTIFICATION_EVENTS,
    })),
    steer: async (running) => {
      const { world, until, update } = running;
      world.deaf.set('gone', 'gone');
      await until('told', (s) => s.events.some(({ text }) => text.includes('nobody was told')));
      await update('approve', { gate: 'node/*', by: 'sam', next: 2 });
      await ended(running);
    },
  },
];

/** Long enough to see that a scenario was recorded to its end, short enough to be kept. */
const EVENTS_MAX = 2_000;

async function record(bed: Bed, { name, steer, ...world }: Scenario): Promise<void> {
  await withRun(bed, { ...world, name: `recorded-${name}` }, async (running) => {
    await steer(running);
    const nodes = running.world.rows.map(({ node }) => running.child(node));
    for (const handle of [running.handle, ...nodes]) {
      const fetched = await handle.fetchHistory().catch(() => undefined);
      const count = fetched?.events?.length ?? 0;
      if (fetched === undefined) continue;
      if (count > EVENTS_MAX) throw new Error(`${handle.workflowId} has ${String(count)} events`);
      const text = renderHistory({ workflowId: handle.workflowId, history: fetched }, [
        [join(import.meta.dirname, '..', '..'), '/refit'],
        [hostname(), 'host'],
      ]);
      const file = `${name}.${handle.workflowId.replaceAll('/', '_')}.json`;
      writeFileSync(join(folder, file), `${text}\n`);
      process.stderr.write(`${file}: ${String(count)} events\n`);
    }
  });
}

mkdirSync(folder, { recursive: true });
const named = process.argv.slice(2);
const wanted = scenarios.filter(({ name }) => named.length === 0 || named.includes(name));
for (const file of readdirSync(folder)) {
  if (named.length === 0 || wanted.some(({ name }) => file.startsWith(`${name}.`)))
    rmSync(join(folder, file));
}
const bed = await startBed();
try {
  for (const scenario of wanted) await record(bed, scenario);
} finally {
  await stopBed(bed);
}
