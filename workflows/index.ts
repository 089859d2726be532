// Everything that a worker registers; the bundle begins here.
export { driftWatch } from './drift-watch.ts';
export { fleetUpgrade } from './fleet-upgrade.ts';
export { nodeUpgrade } from './node-upgrade.ts';
export { planUpgrade } from './plan-upgrade.ts';
