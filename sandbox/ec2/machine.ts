// What the machine behind an instance does, as the bridge reads it: whether it runs, how often it has booted,
// and from which image. Pure. EC2 tells callers none of this.
import { between } from '../chance.ts';

/** What its user data would tell a kubelet. */
export interface MachineLaunch {
  cluster: string;
  pool: string;
  zone: string;
  instanceType: string;
  privateIp: string;
}

export interface Machine {
  instanceId: string;
  /** What its root volume holds. */
  imageId: string;
  /** Off: stopped, terminated, without a root, or in the middle of a replacement. */
  power: 'on' | 'off';
  /** How often it has started to boot; 1 at launch. */
  boot: number;
  /** When that boot is through and the kubelet starts, in milliseconds since the epoch. */
  upAt: number;
  hasRoot: boolean;
  /** Of a machine that makes its Node by itself: launched from a template. */
  launch?: MachineLaunch;
  /** Rises with every change of any machine: the bridge asks for what is newer than it has seen. */
  version: number;
}

export type MachineEvent =
  | { kind: 'replacementBegan' }
  | { kind: 'rootReplaced'; imageId: string; now: number }
  | { kind: 'rootRestored'; now: number }
  | { kind: 'rootLost' }
  | { kind: 'rebooted'; now: number }
  | { kind: 'started'; now: number }
  | { kind: 'stopped' };

export interface Pace {
  seed: number;
  speed: number;
}

export const BOOT_MS = { min: 2_000, max: 3_000 };
// Nothing is laid and nothing set up anew: faster than a first boot.
const REBOOT_MS = { min: 1_000, max: 2_000 };

function booted(machine: Machine, now: number, ms: { min: number; max: number }, pace: Pace): Machine {
  if (!machine.hasRoot) return machine;
  const boot = machine.boot + 1;
  const took = between(ms.min, ms.max, pace.seed, machine.instanceId, 'boot', boot) * pace.speed;
  return { ...machine, power: 'on', boot, upAt: Math.round(now + took) };
}

/** The version is the caller's to raise. */
export function afterMachineEvent(machine: Machine, event: MachineEvent, pace: Pace): Machine {
  switch (event.kind) {
    case 'replacementBegan':
    case 'stopped':
      return { ...machine, power: 'off' };
    case 'rootReplaced':
      return booted({ ...machine, imageId: event.imageId }, event.now, BOOT_MS, pace);
    case 'rootRestored':
    case 'started':
      return booted(machine, event.now, BOOT_MS, pace);
    case 'rootLost':
      return { ...machine, power: 'off', hasRoot: false };
    case 'rebooted':
      // A machine that is off, or has no root, does not come up by a reboot.
      return machine.power === 'on' ? booted(machine, event.now, REBOOT_MS, pace) : machine;
  }
}
