// What a call that moto carried out at once means for the machine behind the instance, where it takes time.
import { between } from '../chance.ts';
import type { FrontState, Transit } from './front-state.ts';
import type { Pace } from './machine.ts';
import { instancesIn } from './describe-overlay.ts';

const TRANSIT_MS = { min: 500, max: 1_500 };

interface Noted {
  state: FrontState;
  pace: Pace;
}

function transit(o: Noted, instanceId: string, state: Transit['state'], now: number): void {
  const took = between(TRANSIT_MS.min, TRANSIT_MS.max, o.pace.seed, instanceId, state, o.state.version);
  o.state.setTransit(instanceId, { state, until: Math.round(now + took * o.pace.speed) });
}

/** The answer names the instances that the call was carried out on; that of a reboot names none. */
export function noteInstanceCall(o: Noted, action: string, rebooted: readonly string[], xml: string): void {
  const now = Date.now();
  switch (action) {
    case 'RunInstances':
      o.state.addMachines(instancesIn(xml), now);
      break;
    case 'RebootInstances':
      for (const id of rebooted) o.state.tellMachine(id, { kind: 'rebooted', now });
      break;
    case 'StopInstances':
      for (const { instanceId } of instancesIn(xml)) {
        transit(o, instanceId, 'stopping', now);
        o.state.tellMachine(instanceId, { kind: 'stopped' });
      }
      break;
    case 'StartInstances':
      for (const { instanceId } of instancesIn(xml)) {
        transit(o, instanceId, 'pending', now);
        o.state.tellMachine(instanceId, { kind: 'started', now });
      }
      break;
    case 'TerminateInstances':
      for (const { instanceId } of instancesIn(xml)) {
        transit(o, instanceId, 'shutting-down', now);
        o.state.tellMachine(instanceId, { kind: 'stopped' });
      }
      break;
    default:
      break;
  }
}
