// What has to happen to a Node next, so that it shows what its machine does. Pure, and decided anew from what
// both show, so that nothing is lost when the bridge, the API server or the front is restarted in between.
//
//   settled ──(machine off, or a newer boot)──▶ off, still Ready ──▶ off, NotReady
//       ──(the boot is through)──▶ booted ──▶ awake ──▶ pods restarted ──(device plugin Ready)──▶ settled
//
// The old Ready lasts for as long as nobody has said otherwise: of a quick boot, until after it.
// Awake: the kubelet is back and Ready, while pods, labels and allocatable still show what was before.
import type { ImageBehaviour } from '../ec2/images.ts';
import type { Machine } from '../ec2/machine.ts';

/** What a Node shows of itself. */
export interface NodeShows {
  off: boolean;
  ready: boolean;
  /** The last boot that its kubelet reported. */
  boot: number;
  /** The last boot whose kubelet has started the pods again. */
  restarted: number;
  /** Its device plugin runs, started after the last boot. */
  pluginReady: boolean;
  /** The last boot whose labels and allocatable it shows. */
  settled: number;
}

export interface Staleness {
  /** Until when a machine that is off still shows its old Ready, in milliseconds since the epoch. */
  readyUntil: number;
  /** Labels and allocatable stay as they were. */
  labels: boolean;
}

export type Step =
  | { kind: 'none' }
  /** Until then nothing changes by itself. */
  | { kind: 'wait'; until: number }
  | { kind: 'switchOff' }
  | { kind: 'loseReady' }
  | { kind: 'boot'; boot: number }
  | { kind: 'wake' }
  | { kind: 'restartPods'; boot: number }
  | { kind: 'settle'; boot: number };

export function nextStep(
  machine: Pick<Machine, 'power' | 'boot' | 'upAt'>,
  behaviour: ImageBehaviour,
  node: NodeShows,
  stale: Staleness,
  now: number,
): Step {
  const booting = machine.boot > node.boot;
  const lingers = node.ready && now < stale.readyUntil;
  if (machine.power === 'off' || booting) {
    if (!node.off) return { kind: 'switchOff' };
    if (node.ready && !lingers) return { kind: 'loseReady' };
    const boots = machine.power === 'on' && behaviour !== 'neverRejoins';
    if (boots && now >= machine.upAt) return { kind: 'boot', boot: machine.boot };
    const until = Math.min(lingers ? stale.readyUntil : Infinity, boots ? machine.upAt : Infinity);
    return waitUntil(until);
  }
  if (node.off) return lingers ? waitUntil(stale.readyUntil) : { kind: 'wake' };
  if (!node.ready || node.settled >= node.boot) return { kind: 'none' };
  if (node.restarted < node.boot) return { kind: 'restartPods', boot: node.boot };
  // A device plugin that crashes registers nothing, while feature discovery writes its labels all the same.
  const discovered = node.pluginReady || behaviour === 'failsChecks';
  return discovered && !stale.labels ? { kind: 'settle', boot: node.boot } : { kind: 'none' };
}

/** For ever is no wait: whoever ends it, by lifting a fault or switching the machine on, makes the bridge look again. */
function waitUntil(until: number): Step {
  return Number.isFinite(until) ? { kind: 'wait', until } : { kind: 'none' };
}
