// What a call that moto carried out at once means for the machine behind the instance, where it takes time.
import { between } from '../chance.ts';
import type { FrontState, Transit } from './front-state.ts';
import type { MachineEvent, Pace } from './machine.ts';
import { instancesIn } from './describe-overlay.ts';

const TRANSIT_MS = { min: 500, max: 1_500 };

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

/** The answer names the instances that the call was carried out on; that of a reboot names none. */
export function noteInstanceCall(o: Noted, action: string, rebooted: readonly string[], xml: string): void {
  const now = Date.now();
  const named = () => instancesIn(xml).map(({ instanceId }) => instanceId);
  switch (action) {
    case 'RunInstances':
      passThrough(o, named(), 'pending', now);
      o.state.addMachines(instancesIn(xml), now);
      break;
    case 'RebootInstances':
      tell(o, rebooted, { kind: 'rebooted', now });
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
