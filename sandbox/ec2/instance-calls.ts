// What a call that moto carried out at once means for the machine behind the instance, where it takes time.
import { between } from '../chance.ts';
import type { FrontState, NewMachine, Transit } from './front-state.ts';
import { BOOT_MS } from './machine.ts';
import type { MachineEvent, Pace } from './machine.ts';
import { instancesIn, launchedIn } from './describe-overlay.ts';
import { listOf } from './query-protocol.ts';
import type { Parameters } from './query-protocol.ts';

const TRANSIT_MS = { min: 500, max: 1_500 };

/** What a launch template of the sandbox puts on its instances, as the fleet's own ones carry it. */
const CLUSTER_TAG = 'kubernetes.io/cluster/';
const POOL_TAG = 'refit.dev/pool';

interface Noted {
  state: FrontState;
  pace: Pace;
}

function passThrough(o: Noted, ids: readonly string[], state: Transit['state'], now: number): void {
  const { min, max } = TRANSIT_MS;
  const transitOf = (id: string): Transit => {
    const took = between(min, max, o.pace.seed, id, state, o.state.version) * o.pace.speed;
    return { state, until: Math.round(now + took) };
  };
  o.state.setTransits(Object.fromEntries(ids.map((id) => [id, transitOf(id)])));
}

function tell(o: Noted, ids: readonly string[], event: MachineEvent): void {
  for (const id of ids) o.state.tellMachine(id, event);
}

export function isByTemplate(parameters: Parameters): boolean {
  return Object.keys(parameters).some((key) => key.startsWith('LaunchTemplate.'));
}

/** By a template it boots and then joins; without one the sandbox itself makes its Node, which is up at once. */
function newMachines(o: Noted, parameters: Parameters, xml: string, now: number): readonly NewMachine[] {
  const joins = isByTemplate(parameters);
  return launchedIn(xml).map(({ instanceId, imageId, tags, ...rest }) => {
    const cluster = Object.keys(tags).find((key) => key.startsWith(CLUSTER_TAG));
    const pool = tags[POOL_TAG];
    if (!joins || cluster === undefined || pool === undefined) return { instanceId, imageId, upAt: now };
    const took = between(BOOT_MS.min, BOOT_MS.max, o.pace.seed, instanceId, 'boot', 1) * o.pace.speed;
    const launch = { cluster: cluster.slice(CLUSTER_TAG.length), pool, ...rest };
    return { instanceId, imageId, upAt: Math.round(now + took), launch };
  });
}

/** The answer names the instances that the call was carried out on; that of a reboot names none. */
export function noteInstanceCall(o: Noted, action: string, parameters: Parameters, xml: string): void {
  const now = Date.now();
  const named = () => instancesIn(xml).map(({ instanceId }) => instanceId);
  switch (action) {
    case 'RunInstances':
      passThrough(o, named(), 'pending', now);
      o.state.addMachines(newMachines(o, parameters, xml, now));
      break;
    case 'RebootInstances':
      tell(o, listOf(parameters, 'InstanceId'), { kind: 'rebooted', now });
      break;
    case 'StartInstances':
      passThrough(o, named(), 'pending', now);
      tell(o, named(), { kind: 'started', now });
      break;
    case 'StopInstances':
      passThrough(o, named(), 'stopping', now);
      tell(o, named(), { kind: 'stopped' });
      break;
    case 'TerminateInstances':
      passThrough(o, named(), 'shutting-down', now);
      tell(o, named(), { kind: 'stopped' });
      break;
    default:
      break;
  }
}
