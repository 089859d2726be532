// Everything that a worker registers; the bundle begins here.
export { fleetUpgrade } from './fleet-upgrade.ts';
export { nodeUpgrade } from './node-upgrade.ts';
