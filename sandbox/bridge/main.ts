// The bridge as a process of its own: `main.ts <options as JSON>`. It ends at SIGTERM.
import { faultFile, readFaults } from '../faults/fault-file.ts';
import type { Fault } from '../faults/fault-file.ts';
import { bridgeCluster } from './bridge.ts';
import type { BridgeStart } from './start.ts';
import { followMachines } from './machine-feed.ts';

// How late a fault may be noticed.
const FAULTS_EVERY_MS = 200;

const options = JSON.parse(process.argv[2] ?? '{}') as BridgeStart;
const log = (text: string): void => void process.stderr.write(`${new Date().toISOString()} ${text}\n`);
const stopped = new AbortController();

let faults: readonly Fault[] = readFaults(options.dir);
const feed = followMachines({
  endpoint: options.ec2Endpoint,
  onChange: (machine) => {
    for (const bridge of bridges) bridge.machineChanged(machine);
  },
  log,
  signal: stopped.signal,
});
const bridges = options.clusters.map((cluster) =>
  bridgeCluster({
    cluster,
    seed: options.seed,
    speed: options.speed,
    feed,
    faults: () => faults,
    log,
    signal: stopped.signal,
  }),
);

const ticker = setInterval(() => {
  const now = readFaults(options.dir);
  if (JSON.stringify(now) === JSON.stringify(faults)) return;
  faults = now;
  log(`${faultFile(options.dir)}: ${now.map((fault) => fault.kind).join(', ') || 'no faults'}`);
  for (const bridge of bridges) bridge.lookAgain();
}, FAULTS_EVERY_MS);

const stop = (): void => {
  clearInterval(ticker);
  stopped.abort();
  Promise.all(bridges.map((bridge) => bridge.close())).then(
    () => process.exit(0),
    () => process.exit(1),
  );
};
process.once('SIGTERM', stop);
process.once('SIGINT', stop);
log(`bridge of ${options.clusters.map((cluster) => cluster.name).join(', ')} to ${options.ec2Endpoint}`);
